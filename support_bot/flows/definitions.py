"""How a flow is written: JSON that is checked when it is saved, so that what is kept can be followed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from django.utils.translation import gettext as _

from ecomai.conditions import Condition, ConditionError, Language

from ..actions import TOOLS
from ..exceptions import InvalidFlowError

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Said = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
#: A text by the codes of its languages, such as {"en": "...", "zh-hans": "..."}.
Texts = Mapping[str, Said]
Kind = Literal["order", "item", "reason", "choice", "text", "date", "amount", "number"]
MOST_STEPS, MOST_TRIES = 40, 5

#: What a condition of a flow or of a step may name.
LANGUAGE = Language(
    {
        "is_known": "truth", "language": "text", "intent": "text", "confidence": "number",
        "order_status": "text", "order_total": "number", "order_days": "number", "slots": "mapping",
    },
    example='order_days <= 30 and slots["reason"] != "broken"',
)  # fmt: skip

#: What is not known before a step has asked.
KNOWN_LATER = ("order_status", "order_total", "order_days", "slots")


class Option(msgspec.Struct, forbid_unknown_fields=True):
    value: Name
    label: Texts


class Step(msgspec.Struct, forbid_unknown_fields=True, tag_field="do"):
    """A step is passed over where its condition `when` does not hold."""

    when: Annotated[str, msgspec.Meta(max_length=500)] = ""


class Ask(Step, tag="ask", kw_only=True):
    """Fill a slot: from what was said already where that names it, else by asking."""

    slot: Name
    kind: Kind
    question: Texts
    options: list[Option] = []
    is_optional: bool = False
    #: After so many answers that were not understood a person is offered.
    tries: Annotated[int, msgspec.Meta(ge=1, le=MOST_TRIES)] = 2


class Say(Step, tag="say", kw_only=True):
    text: Texts


class Confirm(Step, tag="confirm", kw_only=True):
    """Ask for a yes; anything but a yes ends the flow."""

    text: Texts


class Call(Step, tag="call", kw_only=True):
    """Use a tool, with slots as its arguments. One that changes something asks before."""

    tool: str
    arguments: dict[str, Name] = {}


class HandOver(Step, tag="hand_over", kw_only=True):
    text: Texts


class Stop(Step, tag="stop"):
    """End the flow here."""


AnyStep = Ask | Say | Confirm | Call | HandOver | Stop


class Definition(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`intents` begin the flow, where `when` holds."""

    intents: Annotated[list[str], msgspec.Meta(min_length=1, max_length=20)]
    steps: Annotated[list[AnyStep], msgspec.Meta(min_length=1, max_length=MOST_STEPS)]
    when: Annotated[str, msgspec.Meta(max_length=500)] = ""


@dataclass(frozen=True)
class Problem:
    """What is to be mended; `path` leads to it, such as `steps[1].tool`."""

    path: str
    reason: str

    def __str__(self) -> str:
        found = _STEP.match(self.path)
        if not found:
            return self.reason
        return _("Step %(n)s: %(reason)s") % {"n": int(found[1]) + 1, "reason": self.reason}


_STEP = re.compile(r"steps\[(\d+)\]")


def read_definition(content: Any) -> Definition:
    """Return a definition that can be followed. Raises `InvalidFlowError` with what to mend."""
    definition, problems = check_definition(content)
    if definition is None or problems:
        raise InvalidFlowError(reason=str(problems[0]))
    return definition


def check_definition(content: Any) -> tuple[Definition | None, list[Problem]]:
    """Return what could be read, and all that is to be mended; None where it has another form."""
    try:
        definition = msgspec.convert(content, Definition)
    except msgspec.ValidationError as error:
        return None, [_problem_of_form(str(error))]
    return definition, list(_problems(definition))


def _problem_of_form(said: str) -> Problem:
    """Return what msgspec found in our own words, where people may well have written it."""
    reason, _sign, path = said.partition(" - at `$")
    path = path.strip("`").removeprefix(".")
    of_field = _FORMS.get(re.sub(r"\[[^]]*\]$", "", path).rpartition(".")[2])
    is_bound = re.match(r"Expected `\w+` (?:of length|matching|[<>])", reason)
    return Problem(path, of_field() if of_field and is_bound else said)


_FORMS = {
    **dict.fromkeys(("slot", "value", "arguments"), lambda: _(
        "A name is made of small letters, digits and “_”, begins with a letter and is at most 40 long."
    )),
    **dict.fromkeys(("text", "question", "label"), lambda: _("A text has from 1 to 1,000 letters.")),
    "when": lambda: _("A condition has at most 500 letters."),
    "tries": lambda: _("A person is offered after 1 to %(n)s tries.") % {"n": MOST_TRIES},
    "intents": lambda: _("Choose what customers want when it begins, from 1 to 20 of them."),
    "steps": lambda: _("It has from 1 to %(n)s steps.") % {"n": MOST_STEPS},
}  # fmt: skip


def compiled(text: str) -> Condition:
    return LANGUAGE.compile(text)


def _problems(definition: Definition) -> Iterator[Problem]:
    filled: dict[str, Ask] = {}
    yield from _condition_problems("when", definition.when)
    if definition.when and any(name in definition.when for name in KNOWN_LATER):
        reason = _("The flow's condition may not name %(names)s, which are known later.")
        yield Problem("when", reason % {"names": ", ".join(KNOWN_LATER)})
    for place, step in enumerate(definition.steps):
        path = f"steps[{place}]"
        yield from _condition_problems(f"{path}.when", step.when)
        yield from _text_problems(path, step, filled)
        if isinstance(step, Ask):
            yield from _ask_problems(path, step, filled)
            filled[step.slot] = step
        if isinstance(step, Call):
            yield from _call_problems(path, step, filled)


def _condition_problems(path: str, text: str) -> Iterator[Problem]:
    if not text:
        return
    try:
        compiled(text)
    except ConditionError as error:
        yield Problem(path, str(error))


def _ask_problems(path: str, step: Ask, filled: Mapping[str, Ask]) -> Iterator[Problem]:
    if step.kind in ("choice", "reason") and not step.options:
        yield Problem(f"{path}.options", _("a choice needs options."))
    if any(not option.label for option in step.options):
        yield Problem(f"{path}.options", _("an option says nothing."))
    if step.kind == "item" and not any(ask.kind == "order" for ask in filled.values()):
        reason = _("an item is chosen from an order, so ask for the order before.")
        yield Problem(f"{path}.kind", reason)


def _call_problems(path: str, step: Call, filled: Mapping[str, Ask]) -> Iterator[Problem]:
    tool = TOOLS.get(step.tool)
    if tool is None:
        reason = _("there is no tool “%(tool)s”. There are: %(tools)s.")
        yield Problem(f"{path}.tool", reason % {"tool": step.tool, "tools": ", ".join(TOOLS)})
        return
    fields = {field.name: field for field in msgspec.structs.fields(tool.arguments)}
    path = f"{path}.arguments"
    for name in sorted(set(step.arguments) - set(fields)):
        reason = _("“%(tool)s” takes no “%(name)s”.")
        yield Problem(path, reason % {"tool": step.tool, "name": name})
    for name in sorted(set(step.arguments.values()) - set(filled)):
        yield _not_asked(path, name)
    for name, field in fields.items():
        if field.required and name not in step.arguments:
            reason = _("“%(tool)s” needs “%(name)s”.")
            yield Problem(path, reason % {"tool": step.tool, "name": name})


def _not_asked(path: str, slot: str) -> Problem:
    return Problem(path, _("no step before asks for “%(slot)s”.") % {"slot": slot})


_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def _text_problems(path: str, step: AnyStep, filled: Mapping[str, Ask]) -> Iterator[Problem]:
    for field in ("text", "question"):
        texts = getattr(step, field, None)
        if texts is None:
            continue
        if not texts:
            yield Problem(f"{path}.{field}", _("it says nothing."))
        for text in texts.values():
            for name in sorted(set(_PLACE.findall(text)) - set(filled)):
                yield _not_asked(f"{path}.{field}", name)


def text_in(texts: Texts, language: str) -> str:
    """Return a text in a language, or in the nearest that there is."""
    base = language.split("-")[0]
    near = (code for code in texts if code.split("-")[0] == base)
    code = language if language in texts else next(near, "en" if "en" in texts else next(iter(texts)))
    return texts[code]


def fill_in(text: str, slots: Mapping[str, str]) -> str:
    """Put what was said into a text: `{order}` and the like, and nothing else."""
    return _PLACE.sub(lambda found: slots.get(found[1], ""), text)
