"""The builder of flows: what it offers, and the picture of what is being built with what is to be mended."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import msgspec
from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ecomai.commerce.models import Order
from ecomai.console.step_picture import END, Told, picture_context
from ecomai.generation.texts import LANGUAGES

from ..actions import TOOLS, Tool
from ..flows.definitions import (
    KNOWN_LATER,
    LANGUAGE,
    MOST_TRIES,
    AnyStep,
    Ask,
    Call,
    Confirm,
    Definition,
    HandOver,
    Kind,
    Say,
    Stop,
    check_definition,
    text_in,
)
from ..models import Intent
from ..selectors import active_intents

#: With more languages than these a site's own list is that of Django, and not of what it speaks.
MOST_LANGUAGES = 8
BEGIN = "begin"
STEP_KINDS = ("ask", "say", "confirm", "call", "hand_over", "stop")


def builder_context() -> dict[str, Any]:
    """Return what the builder offers, and its words."""
    texts = _texts()
    return {"offered": _offered(), "texts": texts, "kinds": [(kind, texts[kind]) for kind in STEP_KINDS]}


def preview_context(text: str) -> dict[str, Any]:
    """Return the picture of steps that are being built, and what is to be mended in which of them."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {"problems": [{"path": "", "text": _("This is no JSON.")}]}
    definition, problems = check_definition(content)
    told = [{"path": each.path, "text": str(each), "reason": each.reason} for each in problems]
    if definition is None:
        return {"problems": told}
    steps = _drawn(definition)
    names = {f"step-{place}" for place in range(len(definition.steps))} - {step.key for step in steps}
    for place in sorted(int(name.removeprefix("step-")) for name in names):
        reason = _("Nothing leads here: the flow always ends before.")
        text = _("Step %(n)s: %(reason)s") % {"n": place + 1, "reason": reason}
        told.append({"path": f"steps[{place}]", "text": text, "reason": reason})
    return {
        "problems": told,
        "picture": picture_context(steps, _told(definition), _labels(definition, steps)),
    }


# -- what is offered ------------------------------------------------------------------------------------


def _offered() -> dict[str, Any]:
    own = dict(Intent.objects.filter(is_active=True).values_list("name", "title"))
    names = sorted(active_intents())
    return {
        "languages": _languages(),
        "intents": [[name, own.get(name, name.replace("_", " ").capitalize())] for name in names],
        "kinds": [[kind, str(_kind(kind))] for kind in get_args(Kind)],
        "tools": [_tool(tool) for tool in TOOLS.values()],
        "facts": [_fact(name) for name in LANGUAGE.kinds if name != "slots"],
        "most_tries": MOST_TRIES,
    }


def _languages() -> list[list[str]]:
    """The languages of the site; where it has not said which, those in which we speak."""
    named = {code.lower(): str(name) for code, name in settings.LANGUAGES}
    codes = list(named) if len(named) <= MOST_LANGUAGES else list(LANGUAGES)
    return [[code, named.get(code, code)] for code in codes]


def _tool(tool: Tool) -> dict[str, Any]:
    fields = msgspec.structs.fields(tool.arguments)
    return {
        "name": tool.name, "title": str(tool.title), "changes": tool.changes,
        "arguments": [
            {"name": field.name, "title": _argument(field.name), "is_required": field.required}
            for field in fields
        ],
    }  # fmt: skip


def _fact(name: str) -> dict[str, Any]:
    titles = {
        "is_known": _("The customer is logged in"), "language": _("The language"),
        "intent": _("What the customer wants"), "confidence": _("How sure that is, from 0 to 1"),
        "order_status": _("The state of the order"), "order_total": _("The total of the order"),
        "order_days": _("Days since the order"),
    }  # fmt: skip
    choices: list[list[str]] = []
    if name == "order_status":
        choices = [[value, str(label)] for value, label in Order.Status.choices]
    if name == "language":
        choices = _languages()
    return {
        "name": name, "title": titles[name], "kind": LANGUAGE.kinds[name], "choices": choices,
        "is_known_later": name in KNOWN_LATER,
    }  # fmt: skip


def _kind(kind: str) -> str:
    return {
        "order": _("an order of the customer"), "item": _("an item of the order"), "reason": _("a reason"),
        "choice": _("one of some answers"), "text": _("free text"), "date": _("a date"),
        "amount": _("an amount of money"), "number": _("a number"),
    }[kind]  # fmt: skip


def _argument(name: str) -> str:
    titles = {
        "order": _("The order"), "item": _("The item"), "quantity": _("How many"), "reason": _("The reason"),
        "wanted": _("What is wanted instead"), "street": _("Street"), "zip": _("Postcode"),
        "city": _("City"), "country": _("Country"), "other": _("The other item"),
    }  # fmt: skip
    return titles.get(name, name)


# -- the picture ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Place:
    """A step in the picture, or the question before it whether it is done."""

    key: str
    exits: Sequence[str]


def _drawn(definition: Definition) -> list[_Place]:
    """Return the steps that are reached, each after all that lead to it."""
    all_places = list(_places(definition))
    reached = {BEGIN}
    for place in all_places:
        if place.key in reached:
            reached.update(place.exits)
    return [place for place in all_places if place.key in reached]


def _places(definition: Definition) -> Iterator[_Place]:
    steps = definition.steps
    yield _Place(BEGIN, (_entry(steps, 0),))
    for place, step in enumerate(steps):
        after = _entry(steps, place + 1)
        if step.when:
            yield _Place(f"when-{place}", (after, f"step-{place}"))
        yield _Place(f"step-{place}", _exits(step, after))


def _entry(steps: Sequence[AnyStep], place: int) -> str:
    if place >= len(steps):
        return END
    return f"when-{place}" if steps[place].when else f"step-{place}"


def _exits(step: AnyStep, after: str) -> tuple[str, ...]:
    if isinstance(step, HandOver | Stop):
        return (END,)
    return (after, END) if _asks_for_yes(step) and after != END else (after,)


def _asks_for_yes(step: AnyStep) -> bool:
    """Also of what is not right yet: a tool that there is not changes nothing."""
    return isinstance(step, Confirm) or (isinstance(step, Call) and _changes(step))


def _changes(step: Call) -> bool:
    return step.tool in TOOLS and TOOLS[step.tool].changes


def _told(definition: Definition) -> dict[str, Told]:
    told = {
        BEGIN: Told(kind=BEGIN, name=_("Begins"), about=", ".join(definition.intents)),
        END: Told(kind=END, name=_("End")),
    }
    for place, step in enumerate(definition.steps):
        kind, about = _about(step)
        told[f"step-{place}"] = Told(kind=kind, name=f"{place + 1}. {_said(step)}", about=about)
        told[f"when-{place}"] = Told(kind="fork", name=_("Only if"), about=step.when)
    return told


def _labels(definition: Definition, steps: Sequence[_Place]) -> dict[tuple[str, int], str]:
    labels: dict[tuple[str, int], str] = {}
    for place in steps:
        kind, _sign, _number = place.key.partition("-")
        if kind == "when":
            labels |= {(place.key, 0): _("no"), (place.key, 1): _("yes")}
        elif kind == "step" and len(place.exits) > 1:
            labels |= {(place.key, 0): _("yes"), (place.key, 1): _("no")}
    return labels


def _said(step: AnyStep) -> str:
    if isinstance(step, Call):
        return str(TOOLS[step.tool].title) if step.tool in TOOLS else step.tool
    if isinstance(step, Stop):
        return _("End")
    texts = step.question if isinstance(step, Ask) else step.text
    return text_in(texts, get_language() or "en") if texts else "…"


def _about(step: AnyStep) -> tuple[str, str]:
    """Return the kind of a step, and what it does in a few words."""
    if isinstance(step, Ask):
        return "ask", _("Asks for %(kind)s") % {"kind": _kind(step.kind)}
    if isinstance(step, Say):
        return "say", _("Says it")
    if isinstance(step, Confirm):
        return "confirm", _("Asks for a yes")
    if isinstance(step, Call):
        return "call", _("Does it after a yes") if _changes(step) else _("Does it")
    if isinstance(step, HandOver):
        return "hand_over", _("Hands over to a person")
    return "stop", _("The flow ends here")


# -- words ----------------------------------------------------------------------------------------------


def _texts() -> dict[str, str]:
    return {
        "ask": _("Ask"), "say": _("Say"), "confirm": _("Ask for a yes"), "call": _("Use a tool"),
        "hand_over": _("Hand over to a person"), "stop": _("End"),
        "begins_with": _("Begins when the customer wants"),
        "only_if": _("Only if"), "always": _("Always done."), "begins_always": _("Whoever it is."),
        "add_condition": _("Add a condition"), "remove_condition": _("Remove this condition"),
        "as_text": _("Condition, as it is kept"), "subject": _("What is asked"), "operator": _("Compared"),
        "value": _("With what"), "is": _("is"), "is_not": _("is not"), "at_most": _("is at most"),
        "at_least": _("is at least"), "less": _("is less than"), "more": _("is more than"),
        "yes": _("yes"), "no": _("no"), "of_slot": _("Answer to “%(slot)s”"),
        "question": _("Question"), "text": _("Text"), "slot": _("Short name of the answer"),
        "kind": _("What is asked for"), "tries": _("Tries before a person is offered"),
        "is_optional": _("The customer may skip it"), "answers": _("Answers to choose from"),
        "answer": _("Answer"), "answer_name": _("Short name"), "add_answer": _("Add an answer"),
        "remove_answer": _("Remove this answer"),
        "tool": _("Tool"), "asks_before": _("It says what will happen and does it only after a yes."),
        "nothing": _("– nothing –"), "is_needed": _("(needed)"),
        "may_name": _("A text may name what was asked before: %(names)s"),
        "up": _("Move up"), "down": _("Move down"), "remove_step": _("Remove the step"),
        "moved": _("Moved."), "removed": _("Removed."),
        "no_json": _("This is no JSON, so the steps above stay as they are."),
    }  # fmt: skip
