"""The pages of back-tests: what was tried out, how it did, what shadows would have shown."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ecomai.commerce.models import Event, EventType
from ecomai.console import charts

from ..models import Answer, Pipeline, Replay
from ..replaying.judging import DRAFT, LIVE, SHOWN

#: A shadow is looked at on so many of its newest answers: a page must not read them all.
MOST_SHADOW_ANSWERS, SHADOW_DAYS = 1000, 14


def percent(value: float | None) -> str:
    return "–" if value is None else f"{number_format(value * 100, 1)} %"


def points(value: float) -> str:
    """Return a difference of shares, with its sign."""
    return f"{'+' if value > 0 else ''}{number_format(value * 100, 1)}"


def with_interval(found: Mapping[str, float] | None) -> str:
    if found is None:
        return "–"
    low, high = number_format(found["low"] * 100, 1), number_format(found["high"] * 100, 1)
    return f"{percent(found['value'])} ({low} – {high})"


def described(configuration: Mapping[str, Any]) -> str:
    """Say what a configuration is, for people."""
    if "pipeline" in configuration:
        pipeline = Pipeline.objects.filter(pk=configuration["pipeline"]).first()
        return pipeline.name if pipeline else _("a pipeline that is gone")
    names = {
        "model": _("the model first"),
        "similar": _("similar items first"),
        "popular": _("popular items alone"),
    }
    return names.get(str(configuration.get("source")), _("what is live"))


def report_context(replay: Replay) -> dict[str, Any]:
    report = replay.report
    shared: dict[str, Any] = {"what": described(replay.configuration)}
    if not report:
        return shared
    arms = report["arms"]
    names = {LIVE: _("what is live"), DRAFT: shared["what"], SHOWN: _("what was shown then")}
    return {
        **shared,
        "report": report,
        "verdict": _verdict(report),
        "notes": _notes(report),
        "columns": list(names.values()),
        "rows": [
            (label, [text(arms[name]) for name in names]) for label, text in _figures(report["k"]).items()
        ],
        "differences": _differences(report),
        "chart": _chart(arms, names),
    }


def _figures(k: int) -> dict[str, Any]:
    return {
        _("Visitor turned to one of the first %(k)s") % {"k": k}: lambda arm: with_interval(arm["hit"]),
        _("NDCG@%(k)s") % {"k": k}: lambda arm: with_interval(arm["ndcg"]),
        _("Visitor bought one of the first %(k)s") % {"k": k}: lambda arm: with_interval(arm["hit_bought"]),
        _("As shown then"): lambda arm: percent(arm["overlap"]),
        _("Coverage"): lambda arm: percent(arm["coverage"]),
        _("Places of rarely taken items"): lambda arm: percent(arm["tail_share"]),
    }


def _differences(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    labels = {
        "hit": _("Turned to"), "ndcg": "NDCG", "hit_bought": _("Bought"),
    }  # fmt: skip
    rows = []
    for name, label in labels.items():
        found = report["difference"].get(name)
        if found:
            text = _("%(value)s points (%(low)s to %(high)s)") % {
                part: points(found[part]) for part in ("value", "low", "high")
            }
            rows.append((label, text))
    return rows


def _verdict(report: Mapping[str, Any]) -> dict[str, str]:
    found = report["difference"].get("ndcg")
    if not report["is_enough"] or found is None:
        text = _("Too few visitors did something afterwards to say which one is better.")
        return {"state": "attention", "text": text}
    if found["low"] > 0:
        return {"state": "ok", "text": _("On past traffic it does better than what is live.")}
    if found["high"] < 0:
        return {"state": "problem", "text": _("On past traffic it does worse than what is live.")}
    return {"state": "ok", "text": _("On past traffic no difference to what is live can be told.")}


def _notes(report: Mapping[str, Any]) -> list[str]:
    notes = [
        _(
            "Visitors could click only what was shown to them. So whatever resembles the lists of that time "
            "looks better here than it is, and new ideas look worse; an experiment is the proof."
        )
    ]
    if report["n_learned_later"]:
        notes.append(
            _(
                "%(n)s of the answers are older than what the live models learned from: those models know "
                "what came of them, which flatters every list that they order."
            )
            % {"n": report["n_learned_later"]}
        )
    if report["n_left_out"]:
        notes.append(
            _("%(n)s answers were left out, because their visitors have refused since.")
            % {"n": report["n_left_out"]}
        )
    notes.append(
        _(
            "Prices, stock and texts are those of today. How often a visitor has been shown something is not "
            "looked at."
        )
    )
    return notes


def _chart(arms: Mapping[str, Any], names: Mapping[str, str]) -> charts.Chart:
    labels = {"hit": _("turned to"), "ndcg": "NDCG", "hit_bought": _("bought")}
    return charts.bar_chart(
        title=_("How they did"), categories=list(labels.values()), x_title=_("Measured by"), percent=True,
        series={
            title: [(arms[arm][name] or {}).get("value") for name in labels] for arm, title in names.items()
        },
    )  # fmt: skip


# -- shadows --------------------------------------------------------------------------------------


def shadows() -> list[dict[str, Any]]:
    """Return, for each version in shadow lately, how its lists compare with what was shown."""
    since = timezone.now() - timedelta(days=SHADOW_DAYS)
    answers = Answer.objects.filter(shadow_version__isnull=False, created_at__gte=since)
    rows = answers.select_related("shadow_version").only(
        "key", "item_keys", "shadow_item_keys", "shadow_version", "created_at"
    )
    by_version: dict[Any, list[Answer]] = {}
    for row in rows.order_by("-created_at")[:MOST_SHADOW_ANSWERS]:
        by_version.setdefault(row.shadow_version, []).append(row)
    clicked = _clicked([row for group in by_version.values() for row in group])
    return [_shadow(version, group, clicked) for version, group in by_version.items()]


def _clicked(answers: Sequence[Answer]) -> dict[str, set[int]]:
    if not answers:
        return {}
    first = min(answer.created_at for answer in answers)
    events = Event.objects.filter(
        type=EventType.CLICK, occurred_at__gte=first, item__isnull=False,
        properties__answer__in=[str(answer.key) for answer in answers],
    )  # fmt: skip
    found: dict[str, set[int]] = {}
    for key, item in events.values_list("properties__answer", "item_id"):
        found.setdefault(str(key), set()).add(item)
    return found


def _shadow(version: Any, answers: Sequence[Answer], clicked: Mapping[str, set[int]]) -> dict[str, Any]:
    shown, in_shadow, overlaps = 0, 0, []
    for answer in answers:
        taken = clicked.get(str(answer.key), set()) & set(answer.item_keys)
        shown += len(taken)
        in_shadow += len(taken & set(answer.shadow_item_keys))
        if answer.item_keys:
            same = set(answer.item_keys) & set(answer.shadow_item_keys)
            overlaps.append(len(same) / len(answer.item_keys))
    return {
        "version": version,
        "n_answers": len(answers),
        "overlap": percent(sum(overlaps) / len(overlaps) if overlaps else None),
        "n_clicked": shown,
        "kept": percent(in_shadow / shown if shown else None),
        "n_empty": sum(not answer.shadow_item_keys for answer in answers),
    }
