"""Rules of merchandisers: what their conditions may name of an item, and which items they are about.

What a condition says of an item is remembered until the item changes: asking costs a tenth of a millisecond.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy

from ecomai.commerce.models import Item
from ecomai.conditions import Condition, ConditionError, FactKind, Language

from ..catalogue import Catalogue
from ..models import Rule

logger = logging.getLogger(__name__)

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
KINDS: dict[str, FactKind] = {
    **dict.fromkeys(("item_id", "title", "brand", "category", "currency"), "text"),
    **dict.fromkeys(("price", "margin", "stock", "age_days", "popularity"), "number"),
    **dict.fromkeys(("is_in_stock", "is_tail"), "truth"),
    "categories": "texts",
    "attributes": "mapping",
}
LANGUAGE = Language({name: KINDS[name] for name in FACTS}, example="price < 20 and is_in_stock")


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
    _asked: Condition | None = None
    _said: dict[int, tuple[Any, bool]] = field(default_factory=dict)

    def stamps(self, catalogue: Catalogue, places: np.ndarray) -> list[Any]:
        """Return, for each item, what its answer depends on."""
        columns: list[np.ndarray] = [catalogue.updated[places]]
        names = self._asked.names if self._asked else frozenset()
        if names & OF_OTHERS:
            columns += [catalogue.popularity[places], catalogue.is_tail[places]]
        if names & OF_TODAY:
            columns.append(np.full(len(places), int(time.time() // DAY_SECONDS)))
        if len(columns) == 1:
            return columns[0].tolist()
        return list(zip(*(column.tolist() for column in columns), strict=True))

    def say(self, facts: Mapping[str, Any]) -> bool:
        """Whether the rule is about an item. One that fails is about none: an answer never fails."""
        try:
            return self._asked is not None and self._asked.is_met(facts)
        except ConditionError as error:
            if not self.problem:
                logger.warning("Rule %s (%s) could not be evaluated.", self.id, self.name, exc_info=True)
            self.problem = str(error)
            return False


def compile_rule(rule: Rule) -> CompiledRule:
    """Return a rule to be asked; one that does not compile any more says so and is about nothing."""
    compiled = CompiledRule(
        id=rule.pk or 0, name=rule.name, action=rule.action, factor=rule.factor, position=rule.position,
        item_key=rule.item_id, condition=rule.condition,
    )  # fmt: skip
    if rule.condition:
        try:
            compiled._asked = LANGUAGE.compile(rule.condition)
        except ConditionError as error:
            compiled.problem = str(error)
    return compiled


def matches(
    rules: Sequence[CompiledRule], catalogue: Catalogue, keys: np.ndarray, places: np.ndarray
) -> dict[int, np.ndarray]:
    """Return by rule which of the items it is about. Items that it has not seen as they are now are read."""
    found = {rule.id: keys == rule.item_key for rule in rules}
    asked = [rule for rule in rules if rule._asked is not None]
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
