"""A condition as people build it: a tree of and, or, not over fields, events and facts; read and checked."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from ecomai import scenarios
from ecomai.scenarios import FactSpec

from ..app_settings import app_settings
from ..exceptions import InvalidConditionError
from .fields import FIELDS, OPERATORS, Kind

#: A condition that people can still read, and a database can still plan.
MOST_PARTS, DEEPEST, MOST_VALUES, LONGEST_TEXT, LARGEST = 50, 6, 200, 500, 10**12
FACT_KINDS: Mapping[str, Kind] = {"number": "number", "text": "text", "boolean": "choice"}


@dataclass(frozen=True)
class Group:
    """Parts of which all, or any, must hold."""

    parts: tuple["Condition", ...]
    is_any: bool = False


@dataclass(frozen=True)
class Not:
    part: "Condition"


@dataclass(frozen=True)
class FieldTest:
    """A field of the profile compared; what is not known fits nothing but `not`."""

    field: str
    operator: str
    value: Any = None


@dataclass(frozen=True)
class EventTest:
    """Whether something was done often enough, within days before now or ever."""

    type: str
    at_least: int = 1
    days: int | None = None
    category: str = ""
    brand: str = ""

    @property
    def has_item(self) -> bool:
        return bool(self.category or self.brand)


@dataclass(frozen=True)
class FactTest:
    """The newest value of a published fact compared; an absent or expired one is the fact's default."""

    fact: str
    operator: str
    value: Any = None


Condition = Group | Not | FieldTest | EventTest | FactTest
Test = FieldTest | EventTest | FactTest


def parse_condition(given: Any) -> Condition:
    """Read a condition from JSON values. Raises InvalidConditionError, which leads to the faulty part."""
    return _Reader().read(given, "", 1)


def tests_of(condition: Condition) -> Iterator[Test]:
    """The comparisons in a condition, from left to right."""
    if isinstance(condition, Group):
        for part in condition.parts:
            yield from tests_of(part)
    elif isinstance(condition, Not):
        yield from tests_of(condition.part)
    else:
        yield condition


def offered_facts() -> dict[str, FactSpec]:
    """Facts about customers that serve marketing's purpose, by name."""
    return {
        spec.name: spec
        for spec in scenarios.fact_specs()
        if spec.entity == "customer" and spec.type in FACT_KINDS and app_settings.PURPOSE in spec.purposes
    }


class _Reader:
    def __init__(self) -> None:
        self.n_parts = 0

    def read(self, given: Any, path: str, depth: int) -> Condition:
        self.n_parts += 1
        if self.n_parts > MOST_PARTS:
            raise _wrong(path, _("it has more than %(n)s parts; split the segment") % {"n": MOST_PARTS})
        if depth > DEEPEST:
            raise _wrong(path, _("groups lie deeper than %(n)s levels") % {"n": DEEPEST})
        if not isinstance(given, Mapping):
            raise _wrong(path, _("a part is an object with a comparison or a group"))
        for name, read in self._KINDS.items():
            if name in given:
                return read(self, given, path, depth)
        raise _wrong(path, _("a part names “all”, “any”, “not”, “field”, “event” or “fact”"))

    def _group(self, given: Mapping[str, Any], path: str, depth: int) -> Condition:
        name = "any" if "any" in given else "all"
        _only(given, {name}, path)
        parts, here = given[name], _join(path, name)
        if not isinstance(parts, list) or not parts:
            raise _wrong(here, _("a group has at least one part"))
        read = (self.read(part, f"{here}[{place}]", depth + 1) for place, part in enumerate(parts))
        return Group(tuple(read), is_any=name == "any")

    def _not(self, given: Mapping[str, Any], path: str, depth: int) -> Condition:
        _only(given, {"not"}, path)
        return Not(self.read(given["not"], _join(path, "not"), depth + 1))

    def _field(self, given: Mapping[str, Any], path: str, depth: int) -> Condition:
        _only(given, {"field", "op", "value"}, path)
        field = FIELDS.get(given["field"]) if isinstance(given["field"], str) else None
        if field is None:
            raise _wrong(
                _join(path, "field"), _("there is no field “%(name)s”") % {"name": _shown(given["field"])}
            )
        choices = {value for value, _label in field.choices}
        operator, value = _comparison(given, field.kind, choices, path)
        return FieldTest(field.name, operator, value)

    def _event(self, given: Mapping[str, Any], path: str, depth: int) -> Condition:
        _only(given, {"event", "at_least", "days", "category", "brand"}, path)
        days = given.get("days")
        if days is not None:
            days = _integer(days, _join(path, "days"), 1, app_settings.HISTORY_DAYS)
        kind = _text(given["event"], _join(path, "event"), 32)
        if not kind:
            raise _wrong(_join(path, "event"), _("it names no event"))
        return EventTest(
            kind, _integer(given.get("at_least", 1), _join(path, "at_least"), 1, 100_000), days,
            _text(given.get("category", ""), _join(path, "category"), LONGEST_TEXT),
            _text(given.get("brand", ""), _join(path, "brand"), 200),
        )  # fmt: skip

    def _fact(self, given: Mapping[str, Any], path: str, depth: int) -> Condition:
        _only(given, {"fact", "op", "value"}, path)
        spec = offered_facts().get(given["fact"]) if isinstance(given["fact"], str) else None
        if spec is None:
            reason = _("no fact “%(name)s” about customers serves the purpose “%(purpose)s”")
            named = {"name": _shown(given["fact"]), "purpose": app_settings.PURPOSE}
            raise _wrong(_join(path, "fact"), reason % named)
        if spec.type == "boolean":
            if given.get("op") != "=" or not isinstance(given.get("value"), bool):
                raise _wrong(_join(path, "value"), _("this fact is compared by “=” with true or false"))
            return FactTest(spec.name, "=", given["value"])
        operator, value = _comparison(given, FACT_KINDS[spec.type], set(), path)
        if operator == "known":
            raise _wrong(_join(path, "op"), _("a fact always has a value, at least its default"))
        return FactTest(spec.name, operator, value)

    _KINDS = {"all": _group, "any": _group, "not": _not, "field": _field, "event": _event, "fact": _fact}


def _comparison(given: Mapping[str, Any], kind: Kind, choices: set[str], path: str) -> tuple[str, Any]:
    operator, value, here = given.get("op"), given.get("value"), _join(path, "value")
    if not isinstance(operator, str) or operator not in OPERATORS[kind]:
        offered = ", ".join(OPERATORS[kind])
        raise _wrong(_join(path, "op"), _("it is compared by one of: %(names)s") % {"names": offered})
    if operator == "known":
        if value is not None:
            raise _wrong(here, _("“known” is not compared with a value"))
        return operator, None
    if kind == "number":
        return operator, _number(value, here)
    if kind == "moment":
        return operator, _integer(value, here, 0 if operator == "next" else 1, 36_500)
    return operator, _texts(value, here, choices)


def _texts(value: Any, path: str, choices: set[str]) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_VALUES:
        raise _wrong(path, _("it is compared with a list of 1 to %(n)s texts") % {"n": MOST_VALUES})
    texts = [_text(each, f"{path}[{place}]", LONGEST_TEXT) for place, each in enumerate(value)]
    for place, text in enumerate(texts):
        if choices and text not in choices:
            reason = _("“%(text)s” is none of: %(names)s")
            named = {"text": text[:60], "names": ", ".join(sorted(choices))}
            raise _wrong(f"{path}[{place}]", reason % named)
    return tuple(dict.fromkeys(texts))


def _number(value: Any, path: str) -> Decimal | float | int:
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or abs(value) > LARGEST:
        raise _wrong(path, _("it is compared with a number"))
    number: int | float | Decimal = value
    return number


def _integer(value: Any, path: str, lowest: int, highest: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        named = {"lowest": lowest, "highest": highest}
        raise _wrong(path, _("it is a whole number from %(lowest)s to %(highest)s") % named)
    return value


def _text(value: Any, path: str, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest or "\0" in value:
        raise _wrong(path, _("it is a text of at most %(n)s characters") % {"n": longest})
    return value


def _only(given: Mapping[str, Any], names: set[str], path: str) -> None:
    if unknown := sorted(set(map(str, given)) - names):
        raise _wrong(path, _("“%(name)s” has no meaning here") % {"name": unknown[0][:60]})


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(value: Any) -> str:
    return str(value)[:60]


def _wrong(path: str, reason: str) -> InvalidConditionError:
    return InvalidConditionError(reason=reason, path=path or "the top", details={"path": path})
