"""Conditions that merchandisers write, in the language of rule-engine, bounded to plain comparisons.

A condition is checked once when it is saved. What it says of an item is remembered until the item changes,
as asking costs a tenth of a millisecond.
"""

import logging
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.commerce.models import Item

from ..catalogue import Catalogue
from ..models import Rule

logger = logging.getLogger(__name__)

MOST_CHARACTERS = 500
MOST_REMEMBERED = 100_000
DAY_SECONDS = 86_400
#: What a condition may name, with the words that explain it.
FACTS = {
    "item_id": gettext_lazy("the shop's id of the item"),
    "title": gettext_lazy("its title"),
    "brand": gettext_lazy("its brand"),
    "category": gettext_lazy('its whole category, such as "Coffee > Beans"'),
    "categories": gettext_lazy('its category and those above it: "Coffee" in categories'),
    "attributes": gettext_lazy('what the shop says besides: attributes["colour"] == "red"'),
    "price": gettext_lazy("its price"),
    "currency": gettext_lazy("the currency of the price"),
    "margin": gettext_lazy("the part of the price that is left after the cost, from 0 to 1"),
    "stock": gettext_lazy("how many there are"),
    "is_in_stock": gettext_lazy("whether it can be sent; also where the shop does not say how many"),
    "age_days": gettext_lazy("days since it was listed"),
    "popularity": gettext_lazy("how much is done with it lately; 0 where nothing is"),
    "is_tail": gettext_lazy("whether it belongs to the half that is hardly ever taken"),
}
#: Facts that change without the item's row.
OF_TODAY, OF_OTHERS = frozenset({"age_days"}), frozenset({"popularity", "is_tail"})
ATTRIBUTES = frozenset({"as_lower", "as_upper", "length", "is_empty"})
ALLOWED = frozenset({
    "LogicExpression", "ComparisonExpression", "ArithmeticComparisonExpression", "ContainsExpression",
    "SymbolExpression", "ArrayExpression", "BooleanExpression", "FloatExpression", "NullExpression",
    "StringExpression", "GetItemExpression", "GetAttributeExpression", "UnaryExpression", "AddExpression",
    "SubtractExpression", "ArithmeticExpression", "Statement",
})  # fmt: skip


class ConditionError(ValueError):
    """A sentence about what is wrong with a condition."""


@dataclass
class CompiledRule:
    """A rule as processes remember it, with what it said of items so far. `problem` is its latest failure."""

    id: int
    name: str
    action: str
    factor: float = 1.0
    position: int = 1
    item_key: int | None = None
    condition: str = ""
    problem: str = ""
    _expression: Any = None
    _names: frozenset[str] = frozenset()
    _said: dict[int, tuple[Any, bool]] = field(default_factory=dict)

    def stamps(self, catalogue: Catalogue, places: np.ndarray) -> list[Any]:
        """Return, for each item, what its answer depends on."""
        columns: list[np.ndarray] = [catalogue.updated[places]]
        if self._names & OF_OTHERS:
            columns += [catalogue.popularity[places], catalogue.is_tail[places]]
        if self._names & OF_TODAY:
            columns.append(np.full(len(places), int(time.time() // DAY_SECONDS)))
        if len(columns) == 1:
            return columns[0].tolist()
        return list(zip(*(column.tolist() for column in columns), strict=True))

    def say(self, facts: Mapping[str, Any]) -> bool:
        """Whether the rule is about an item. What it names and is not known of the item, is not met."""
        if any(facts[name] is None for name in self._names):
            return False
        try:
            return bool(self._expression.matches(facts))
        except Exception as error:  # a library's evaluation of a foreign text: an answer never fails for it
            if not _is_missing_attribute(error):
                if not self.problem:
                    logger.warning("Rule %s (%s) could not be evaluated.", self.id, self.name, exc_info=True)
                self.problem = str(error) or type(error).__name__
            return False


def _is_missing_attribute(error: Exception) -> bool:
    import rule_engine

    return isinstance(error, rule_engine.errors.LookupError)


def compile_rule(rule: Rule) -> CompiledRule:
    """Return a rule to be asked; one that does not compile any more says so and is about nothing."""
    compiled = CompiledRule(
        id=rule.pk or 0, name=rule.name, action=rule.action, factor=rule.factor, position=rule.position,
        item_key=rule.item_id, condition=rule.condition,
    )  # fmt: skip
    if rule.condition:
        try:
            compiled._expression = _compile(rule.condition)
            compiled._names = frozenset(compiled._expression.context.symbols)
        except ConditionError as error:
            compiled.problem = str(error)
    return compiled


def matches(
    rules: Sequence[CompiledRule], catalogue: Catalogue, keys: np.ndarray, places: np.ndarray
) -> dict[int, np.ndarray]:
    """Return by rule which of the items it is about. Items that it has not seen as they are now are read."""
    found = {rule.id: keys == rule.item_key for rule in rules}
    asked = [rule for rule in rules if rule._expression is not None]
    stamps = {rule.id: rule.stamps(catalogue, places) for rule in asked}
    key_list = keys.tolist()
    missing = sorted({
        at for rule in asked for at, (key, stamp) in enumerate(zip(key_list, stamps[rule.id], strict=True))
        if (known := rule._said.get(key)) is None or known[0] != stamp
    })  # fmt: skip
    if missing:
        for at, facts in _facts(catalogue, keys[missing], places[missing], missing):
            for rule in asked:
                rule._said[key_list[at]] = (stamps[rule.id][at], rule.say(facts))
    for rule in asked:
        found[rule.id] = np.array([rule._said.get(key, (0, False))[1] for key in key_list], dtype=bool)
        if len(rule._said) > MOST_REMEMBERED:
            rule._said = {}
    return found


def _facts(
    catalogue: Catalogue, keys: np.ndarray, places: np.ndarray, at: Iterable[int]
) -> Iterator[tuple[int, dict[str, Any]]]:
    columns = (
        "external_id", "title", "brand", "category_path", "attributes", "price", "cost", "currency", "stock",
        "listed_at",
    )  # fmt: skip
    rows = {row[0]: row[1:] for row in Item.objects.filter(pk__in=keys.tolist()).values_list("pk", *columns)}
    now = datetime.now(UTC)
    for place, key, number in zip(places.tolist(), keys.tolist(), at, strict=True):
        if key in rows:
            item_id, title, brand, path, attributes, price, cost, currency, stock, listed_at = rows[key]
            yield number, {
                "item_id": item_id, "title": title, "brand": brand, "category": path,
                "categories": _ancestors(path), "attributes": _texts(attributes),
                "price": None if price is None else float(price), "currency": currency,
                "margin": float(1 - cost / price) if price and cost is not None else None,
                "stock": None if stock is None else float(stock), "is_in_stock": stock is None or stock > 0,
                "age_days": float((now - listed_at).days), "popularity": float(catalogue.popularity[place]),
                "is_tail": bool(catalogue.is_tail[place]),
            }  # fmt: skip


def _ancestors(path: str) -> tuple[str, ...]:
    parts = path.split(" > ") if path else []
    return tuple(dict.fromkeys([*parts, *(" > ".join(parts[: n + 1]) for n in range(len(parts)))]))


def _texts(attributes: Any) -> dict[str, str]:
    if not isinstance(attributes, dict):
        return {}
    return {str(name): value if isinstance(value, str) else str(value) for name, value in attributes.items()}


# -- checking -------------------------------------------------------------------------------------


def check_condition(text: str) -> None:
    """Raise ConditionError with a sentence that names the mistake."""
    _compile(text)


@lru_cache(maxsize=1)
def _types() -> dict[str, Any]:
    import rule_engine

    types = rule_engine.DataType
    texts = {"item_id", "title", "brand", "category", "currency"}
    numbers = {"price", "margin", "stock", "age_days", "popularity"}
    known: dict[str, Any] = dict.fromkeys(texts, types.STRING) | dict.fromkeys(numbers, types.FLOAT)
    known |= {"is_in_stock": types.BOOLEAN, "is_tail": types.BOOLEAN}
    known["categories"] = types.ARRAY(types.STRING)
    known["attributes"] = types.MAPPING(types.STRING, value_type=types.STRING)
    return known


def _compile(text: str) -> Any:
    """Each condition has a context of its own, which notes what it names."""
    import rule_engine

    if len(text) > MOST_CHARACTERS:
        reason = _("A condition has at most %(n)s characters; this one has %(have)s.")
        raise ConditionError(reason % {"n": MOST_CHARACTERS, "have": len(text)})
    _check_signs(text)
    context = rule_engine.Context(
        type_resolver=rule_engine.type_resolver_from_dict(_types()), default_timezone="utc",
        mapping_attribute_lookup=False,
    )  # fmt: skip
    try:
        rule = rule_engine.Rule(text, context=context)
        _check_parts(rule.statement)
        result = rule.statement.expression.result_type
    except ConditionError:
        raise
    except rule_engine.errors.SymbolResolutionError as error:
        names = ", ".join(FACTS)
        reason = _("“%(name)s” is not known. A condition may name: %(names)s.")
        raise ConditionError(reason % {"name": error.symbol_name, "names": names}) from error
    except rule_engine.errors.AttributeResolutionError as error:
        raise ConditionError(_part_refused(f".{error.attribute_name}")) from error
    except rule_engine.errors.RuleSyntaxError as error:
        reason = _("The condition cannot be read: %(problem)s.")
        raise ConditionError(reason % {"problem": error.message}) from error
    except rule_engine.errors.EngineError as error:
        reason = _("The condition cannot be evaluated: %(problem)s.")
        raise ConditionError(reason % {"problem": error.message}) from error
    except (TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise ConditionError(
            _("The condition cannot be evaluated: %(problem)s.") % {"problem": error}
        ) from error
    if result != rule_engine.DataType.BOOLEAN or not context.symbols:
        raise ConditionError(
            _("The condition must be true or false of an item, such as: price < 20 and is_in_stock")
        )
    return rule


def _part_refused(part: str) -> str:
    reason = _(
        "“%(part)s” may not be used. Compare facts with ==, !=, <, >, in, and, or, not; texts know %(names)s."
    )
    return reason % {"part": part, "names": ", ".join(f".{name}" for name in sorted(ATTRIBUTES))}


def _check_signs(text: str) -> None:
    """Refuse, outside of quoted texts, what could take for ever while it is read: parts of constants are
    evaluated then, and so would be a regular expression or a shift by a billion places.
    """
    found = _REFUSED_SIGNS.search(_QUOTED.sub('""', text))
    if found:
        raise ConditionError(_part_refused(found.group()))


def _check_parts(node: Any) -> None:
    """Only comparisons: no function and no loop."""
    kind = type(node).__name__
    if kind not in ALLOWED:
        raise ConditionError(_part_refused(_NAMES.get(kind, kind)))
    if kind == "GetAttributeExpression" and node.name not in ATTRIBUTES:
        raise ConditionError(_part_refused(f".{node.name}"))
    if kind == "ComparisonExpression":
        _check_are_alike(node)
    for part in _parts(node):
        _check_parts(part)


def _check_are_alike(node: Any) -> None:
    """A number is never equal to a text: who compares them has forgotten quotes, or put some too many."""
    left, right = node.left.result_type, node.right.result_type
    if left.name != right.name and not {left.name, right.name} & {"NULL", "UNDEFINED"}:
        raise ConditionError(
            _("“%(sign)s” compares %(left)s with %(right)s; texts stand in quotes, and numbers without.")
            % {
                "sign": {"eq": "==", "ne": "!="}.get(node.type, node.type),
                "left": left.name,
                "right": right.name,
            }
        )


def _parts(node: Any) -> Iterator[Any]:
    from rule_engine.ast import ASTNodeBase

    names = {*vars(node), *(name for kind in type(node).__mro__ for name in getattr(kind, "__slots__", ()))}
    for name in names:
        value = getattr(node, name, None)
        yield from (
            one
            for one in (value if isinstance(value, (list, tuple)) else (value,))
            if isinstance(one, ASTNodeBase)
        )


_QUOTED = re.compile(r"""\"(?:\\.|[^"\\])*\"|'(?:\\.|[^'\\])*'""")
_REFUSED_SIGNS = re.compile(r"[!=]~+|<<|>>|\*\*|[~$?^|&#{}]")
_NAMES = {
    "FunctionCallExpression": "()", "ComprehensionExpression": "for", "GetSliceExpression": "[:]",
    "DatetimeExpression": 'd""', "TimedeltaExpression": 't""', "BytesExpression": 'b""',
}  # fmt: skip
