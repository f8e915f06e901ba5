"""What customers type into the search box, mistakes included."""

import numpy as np

from .catalogue import DemoItem
from .catalogue_types import COLOURS, Language
from .people import DemoCustomer
from .products import DEPARTMENTS

P_TYPO = 0.13
_BRANDS = {brand.en: brand for department in DEPARTMENTS for brand in department.brands}


def search_query(item: DemoItem, customer: DemoCustomer, language: Language, rng: np.random.Generator) -> str:
    """Return a query for things like `item`, as this customer would put it."""
    noun = item.type.noun.of(language)
    brand = _BRANDS[customer.brands[item.department.code]].of(language)
    colour = COLOURS[customer.colours[0]].of(language)
    chance = rng.random()
    if chance < 0.5:
        query = noun
    elif chance < 0.68:
        query = item.type.leaf.of(language)
    elif chance < 0.86 and item.type.shows_colour:
        query = f"{colour}{noun}" if language == "zh" else f"{colour} {noun}"
    else:
        query = f"{brand} {noun}"
    query = query.lower()
    return _mistyped(query, rng) if rng.random() < P_TYPO else query


def _mistyped(query: str, rng: np.random.Generator) -> str:
    """Return the query with one letter left out, doubled or swapped."""
    if len(query) < 4:
        return query
    at = int(rng.integers(1, len(query) - 1))
    kind = int(rng.integers(3))
    if kind == 0:
        return query[:at] + query[at + 1 :]
    if kind == 1:
        return query[:at] + query[at] + query[at:]
    return query[:at] + query[at + 1] + query[at] + query[at + 2 :]
