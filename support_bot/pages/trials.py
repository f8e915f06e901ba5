"""The pages of trials: what a version of the prompt says beside the live one."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ecomai.numbers import format_percent

from ..masking import mask_text
from ..models import Message, PromptTrial
from ..services.trying import DRAFT, LIVE

#: Less than this many points of the share of supported sentences is no difference.
NO_DIFFERENCE = 0.02


def described(trials: Sequence[PromptTrial]) -> list[str]:
    return [what(trial) for trial in trials]


def what(trial: PromptTrial) -> str:
    names = {"n": trial.version.number, "language": trial.version.prompt.get_language_display()}
    return _("version %(n)s, %(language)s") % names


def report_context(trial: PromptTrial) -> dict[str, Any]:
    report = trial.report
    if not report:
        return {"what": what(trial)}
    arms = report["arms"]
    return {
        "what": what(trial),
        "report": report,
        "verdict": _verdict(arms),
        "notes": _notes(report),
        "figures": [(label, text(arms[LIVE]), text(arms[DRAFT])) for label, text in _figures().items()],
        "answers": _answers(report["rows"]),
    }


def _figures() -> dict[str, Any]:
    return {
        _("Sentences that a passage supports"): lambda arm: format_percent(arm["supported"]),
        _("Answers of which something was withheld"): lambda arm: format_percent(arm["with_withheld"]),
        _("Answers of which nothing was left"): lambda arm: format_percent(arm["refused"]),
        _("The composer did not answer"): lambda arm: format_percent(arm["away"]),
        _("Letters of an answer"): lambda arm: number_format(arm["length"], 0),
        _("Tokens of an answer that are paid for"): lambda arm: number_format(arm["tokens"], 0),
    }


def _verdict(arms: Mapping[str, Mapping[str, float]]) -> dict[str, str]:
    live, draft = arms[LIVE], arms[DRAFT]
    if not draft["n"]:
        return {"state": "attention", "text": _("No article answers these questions any more.")}
    if draft["refused"] > live["refused"] or draft["supported"] < live["supported"] - NO_DIFFERENCE:
        return {"state": "problem", "text": _("The version is supported less than what is live.")}
    if draft["refused"] < live["refused"] or draft["supported"] > live["supported"] + NO_DIFFERENCE:
        return {"state": "ok", "text": _("The version is supported more than what is live.")}
    return {"state": "ok", "text": _("The version is supported as much as what is live.")}


def _notes(report: Mapping[str, Any]) -> list[str]:
    notes = [
        _(
            "Nothing was sent to anybody. Questions are those that articles answered, articles are as they "
            "are today, and what is withheld here is withheld from customers: they read the articles' own "
            "words where nothing is left."
        ),
        _("Whether an answer is friendly and to the point is for you to read below."),
    ]
    if report["n_left_out"]:
        left = _("%(n)s questions were left out, because no article answers them any more.")
        notes.append(left % {"n": report["n_left_out"]})
    if report["composer"] == "grounded":
        notes.append(
            _("Templates write here, so instructions make no difference: they are for language models.")
        )
    return notes


def _answers(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return questions with both answers; a question that was erased meanwhile has no words."""
    keys = [row["message"] for row in rows]
    texts = dict(Message.objects.filter(pk__in=keys).values_list("pk", "text"))
    return [
        {"question": mask_text(texts.get(row["message"], "")), LIVE: row[LIVE], DRAFT: row[DRAFT]}
        for row in rows
        if row.get(LIVE)
    ]
