"""What the pages of flows show: a version in words, and what came of a replay."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ..actions import TOOLS
from ..exceptions import InvalidFlowError
from ..flows.definitions import (
    LANGUAGE,
    AnyStep,
    Ask,
    Call,
    Confirm,
    HandOver,
    Say,
    read_definition,
    text_in,
)
from ..flows.replaying import Difference, Replay
from ..models import Flow, FlowVersion

MOST_SHOWN = 50


def flow_context(flow: Flow) -> dict[str, Any]:
    """Return a flow's versions, the newest first, each in words."""
    versions = list(flow.versions.select_related("created_by").order_by("-number"))
    return {
        "versions": [(version, outline(version), version.pk == flow.live_version_id) for version in versions],
        "newest": versions[0] if versions else None,
        "tools": [
            (name, ", ".join(tool.arguments.__struct_fields__), tool.changes) for name, tool in TOOLS.items()
        ],
        "facts": list(LANGUAGE.kinds),
    }


def replay_context(replay: Replay) -> dict[str, Any]:
    labels = {
        Difference.SAME: _("the same"), Difference.CHANGED: _("said otherwise"),
        Difference.NEW: _("newly answered"), Difference.GONE: _("answered no more"),
    }  # fmt: skip
    return {
        "replay": replay,
        "counts": [(labels[Difference(name)], n) for name, n in replay.counts.items()],
        "shown": [
            (one.conversation, [(row, labels[row.difference]) for row in one.rows])
            for one in replay.conversations[:MOST_SHOWN]
        ],
    }


def outline(version: FlowVersion) -> list[str]:
    """Return the steps of a version as sentences."""
    try:
        definition = read_definition(version.definition)
    except InvalidFlowError as error:
        return [str(error)]
    return list(_sentences(definition.steps))


def _sentences(steps: list[AnyStep]) -> Iterator[str]:
    for step in steps:
        sentence = _sentence(step)
        yield (
            _("%(step)s (where %(when)s)") % {"step": sentence, "when": step.when} if step.when else sentence
        )


def _sentence(step: AnyStep) -> str:
    language = get_language() or "en"
    if isinstance(step, Ask):
        return _("Asks for %(slot)s: %(text)s") % {
            "slot": step.slot,
            "text": text_in(step.question, language),
        }
    if isinstance(step, Say):
        return _("Says: %(text)s") % {"text": text_in(step.text, language)}
    if isinstance(step, Confirm):
        return _("Goes on after a yes to: %(text)s") % {"text": text_in(step.text, language)}
    if isinstance(step, Call):
        used = _("Uses %(tool)s, after a yes.") if TOOLS[step.tool].changes else _("Uses %(tool)s.")
        return used % {"tool": step.tool}
    if isinstance(step, HandOver):
        return _("Asks a person, and says: %(text)s") % {"text": text_in(step.text, language)}
    return _("Ends.")
