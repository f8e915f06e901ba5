"""The steps of a journey as people build them: read from JSON, checked, and put into an order."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from ecomai.console.step_picture import END

from ..exceptions import InvalidConditionError, InvalidJourneyError, TemplateError
from ..mails import compile_text
from ..models import Channel
from ..segments.conditions import Condition, parse_condition

MOST_STEPS, MOST_VARIANTS, LONGEST_WAIT = 50, 10, timedelta(days=365)
UNITS = ("minutes", "hours", "days")
LONGEST = {
    "key": 40, "name": 60, "event": 32, "subject": 200, "body": 20_000, "endpoint": 80, "slot": 64,
    "topic": 40, "target_url": 500,
}  # fmt: skip
SLOT = re.compile(r"[A-Za-z0-9_-]*")


@dataclass(frozen=True, kw_only=True)
class Message:
    """Something is said; the customer goes on at once.

    `endpoint` is the name of a webhook, `slot` a place on the site, `topic` a topic's short name.
    """

    key: str
    name: str
    channel: str = Channel.EMAIL
    endpoint: str = ""
    slot: str = ""
    topic: str = ""
    variants: tuple[Mapping[str, Any], ...]
    next: str

    @property
    def exits(self) -> tuple[str, ...]:
        return (self.next,)


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Time passes; with an `event` whoever does it meanwhile goes on at once, to `on_event`."""

    key: str
    name: str
    span: timedelta
    amount: int
    unit: str
    event: str = ""
    next: str
    on_event: str = END

    @property
    def exits(self) -> tuple[str, ...]:
        return (self.next, self.on_event) if self.event else (self.next,)


@dataclass(frozen=True, kw_only=True)
class Fork:
    """Who meets a condition goes on to `yes`, who does not to `no`."""

    key: str
    name: str
    condition: Condition
    yes: str
    no: str

    @property
    def exits(self) -> tuple[str, ...]:
        return (self.yes, self.no)


Step = Message | Wait | Fork


@dataclass(frozen=True)
class Graph:
    """Steps by key in an order in which each comes after all that lead to it; the first one is the begin."""

    steps: Mapping[str, Step] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps.values())

    @property
    def first(self) -> Step:
        return next(iter(self))

    @property
    def messages(self) -> list[Message]:
        return [step for step in self if isinstance(step, Message)]


def parse_steps(given: Any) -> Graph:
    """Read steps from JSON values, the first of them being where it begins.

    Raises InvalidJourneyError, which leads to the faulty part, such as `[1].next`.
    """
    if not isinstance(given, list) or not given:
        raise _wrong("", _("it has no step yet"))
    if len(given) > MOST_STEPS:
        raise _wrong("", _("it has more than %(n)s steps") % {"n": MOST_STEPS})
    steps: dict[str, Step] = {}
    for place, each in enumerate(given):
        step = _read_step(each, f"[{place}]")
        if step.key in steps:
            raise _wrong(f"[{place}].key", _("two steps are called “%(name)s”") % {"name": step.key})
        steps[step.key] = step
    _check_targets(steps)
    ordered = _in_order(steps)
    _check_reached(steps, ordered)
    return Graph({key: steps[key] for key in ordered})


# -- one step -----------------------------------------------------------------------------------


def _read_step(given: Any, path: str) -> Step:
    if not isinstance(given, Mapping):
        raise _wrong(path, _("a step is an object with a type"))
    read = _READERS.get(str(given.get("type")))
    if read is None:
        raise _wrong(f"{path}.type", _("a step is one of: %(names)s") % {"names": ", ".join(_READERS)})
    key = _text(given, "key", path)
    if not key or key == END:
        raise _wrong(f"{path}.key", _("a step has a key of its own"))
    shared = {"key": key, "name": _text(given, "name", path) or key}
    return read(given, path, shared)


def _message(given: Mapping[str, Any], path: str, shared: dict[str, Any]) -> Step:
    variants = given.get("variants")
    if not isinstance(variants, list) or not 1 <= len(variants) <= MOST_VARIANTS:
        reason = _("the message “%(name)s” has no text, or more than %(n)s")
        raise _wrong(f"{path}.variants", reason % {"name": shared["name"], "n": MOST_VARIANTS})
    read = [
        _variant(each, place, f"{path}.variants[{place}]", shared["name"])
        for place, each in enumerate(variants)
    ]
    return Message(**shared, **_way(given, path), variants=tuple(read), next=_exit(given, "next"))


def _way(given: Mapping[str, Any], path: str) -> dict[str, str]:
    """By which channel a message goes, and what that channel needs."""
    channel = given.get("channel") or Channel.EMAIL.value
    if channel not in Channel.values:
        names = ", ".join(Channel.values)
        raise _wrong(f"{path}.channel", _("a channel is one of: %(names)s") % {"names": names})
    way = {name: _text(given, name, path).strip() for name in ("endpoint", "slot", "topic")}
    needed = {Channel.WEBHOOK.value: "endpoint", Channel.ONSITE.value: "slot"}.get(channel)
    if needed and not way[needed]:
        reasons = {"endpoint": _("no webhook is chosen"), "slot": _("it names no place on the site")}
        raise _wrong(f"{path}.{needed}", reasons[needed])
    if not SLOT.fullmatch(way["slot"]):
        raise _wrong(f"{path}.slot", _("a place is a name of letters, digits, “-” and “_”"))
    return {"channel": str(channel), **way}


def _variant(given: Any, place: int, path: str, step_name: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise _wrong(path, _("a text is an object with a subject and a body"))
    found: dict[str, Any] = {"name": _text(given, "name", path) or chr(ord("A") + place)}
    for name in ("subject", "body"):
        found[name] = _text(given, name, path)
        if not found[name].strip():
            reason = _("the message “%(name)s” has no text yet") % {"name": step_name}
            raise _wrong(f"{path}.{name}", reason)
        try:
            compile_text(found[name])
        except TemplateError as error:
            raise _wrong(f"{path}.{name}", str(error.params["reason"])) from error
    if target := _text(given, "target_url", path).strip():
        found["target_url"] = target
    return found | {"weight": _integer(given.get("weight", 1), f"{path}.weight", 1000)} | _offer(given, path)


def _offer(given: Mapping[str, Any], path: str) -> dict[str, int]:
    """What a voucher takes off, and for how many days; nothing where a text offers nothing."""
    if given.get("offer_percent") is None:
        return {}
    highest = {"offer_percent": 100, "offer_days": 365}
    return {name: _integer(given[name], f"{path}.{name}", highest[name]) for name in highest if name in given}


def _wait(given: Mapping[str, Any], path: str, shared: dict[str, Any]) -> Step:
    unit = given.get("unit")
    if unit not in UNITS:
        raise _wrong(f"{path}.unit", _("time is told in one of: %(names)s") % {"names": ", ".join(UNITS)})
    amount = _integer(given.get("amount"), f"{path}.amount", 1_000_000)
    span = timedelta(**{unit: amount})
    if span > LONGEST_WAIT:
        raise _wrong(f"{path}.amount", _("nobody waits longer than a year"))
    event = _text(given, "event", path)
    more = {"event": event, "on_event": _exit(given, "on_event")} if event else {}
    return Wait(**shared, span=span, amount=amount, unit=unit, next=_exit(given, "next"), **more)


def _fork(given: Mapping[str, Any], path: str, shared: dict[str, Any]) -> Step:
    try:
        condition = parse_condition(given.get("condition"))
    except InvalidConditionError as error:
        inner = str(error.details["path"])
        where = f"{path}.condition" + (f".{inner}" if inner else "")
        reason = _("the condition of “%(name)s” cannot be used: %(reason)s")
        raise _wrong(where, reason % {"name": shared["name"], "reason": error.params["reason"]}) from error
    return Fork(**shared, condition=condition, yes=_exit(given, "yes"), no=_exit(given, "no"))


_READERS = {"message": _message, "wait": _wait, "condition": _fork}


def _exit(given: Mapping[str, Any], name: str) -> str:
    target = given.get(name)
    return target if isinstance(target, str) and target else END


def _text(given: Mapping[str, Any], name: str, path: str) -> str:
    value = given.get(name, "")
    if not isinstance(value, str) or len(value) > LONGEST[name] or "\0" in value:
        raise _wrong(f"{path}.{name}", _("it is a text of at most %(n)s characters") % {"n": LONGEST[name]})
    return value


def _integer(value: Any, path: str, highest: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= highest:
        named = {"lowest": 1, "highest": highest}
        raise _wrong(path, _("it is a whole number from %(lowest)s to %(highest)s") % named)
    return value


# -- all of them --------------------------------------------------------------------------------


def _check_targets(steps: Mapping[str, Step]) -> None:
    for place, step in enumerate(steps.values()):
        for target in step.exits:
            if target != END and target not in steps:
                reason = _("“%(name)s” leads to “%(target)s”, which is no step")
                raise _wrong(f"[{place}]", reason % {"name": step.name, "target": target[:40]})


def _in_order(steps: Mapping[str, Step]) -> list[str]:
    """Return the keys that are reached from the first step, each after all that lead to it."""
    done: list[str] = []
    way: list[str] = []

    def visit(key: str) -> None:
        if key == END or key in done:
            return
        if key in way:
            _refuse_cycle(steps, [*way[way.index(key) :], key])
        way.append(key)
        for target in reversed(steps[key].exits):
            visit(target)
        done.append(way.pop())

    visit(next(iter(steps)))
    return done[::-1]


def _refuse_cycle(steps: Mapping[str, Step], keys: Sequence[str]) -> None:
    names = " → ".join(steps[key].name for key in keys)
    place = list(steps).index(keys[-2])
    raise _wrong(f"[{place}]", _("it leads in a circle: %(names)s") % {"names": names})


def _check_reached(steps: Mapping[str, Step], reached: Sequence[str]) -> None:
    for place, step in enumerate(steps.values()):
        if step.key not in reached:
            reason = _("nothing leads to “%(name)s”; link it, or remove it")
            raise _wrong(f"[{place}]", reason % {"name": step.name})


def _wrong(path: str, reason: str) -> InvalidJourneyError:
    return InvalidJourneyError(reason=reason, details={"path": path})
