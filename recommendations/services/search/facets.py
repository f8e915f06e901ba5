"""What a result can be narrowed by, with how much each choice leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

import numpy as np
from django.utils.translation import gettext as _

from ...catalogue import Catalogue, ItemFilter
from ...exceptions import UnlikeCurrenciesError
from ...shelf import Shelf

MOST_CHOICES = 12
MOST_ATTRIBUTES = 6
N_RANGES = 5
ROUND_PRICES = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, kw_only=True)
class SearchFilter:
    """What may be shown: `items` as for recommendations, and one of each of these choices."""

    items: ItemFilter = field(default_factory=ItemFilter)
    brands: Sequence[str] = ()
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def is_any(self) -> bool:
        return self != SearchFilter()


@dataclass(frozen=True)
class Choice:
    """One value; `value` is what a request sends to choose it."""

    value: str
    label: str
    n: int
    is_chosen: bool = False


@dataclass(frozen=True)
class Facet:
    name: str
    label: str
    choices: Sequence[Choice]


class Narrowing:
    """Masks of one storefront's items for each part of a filter, so that a facet can leave out its own."""

    def __init__(
        self,
        catalogue: Catalogue,
        shelf: Shelf,
        filters: SearchFilter,
        *,
        storefront: str,
        is_found: np.ndarray,
    ) -> None:
        self.catalogue = catalogue
        self.shelf = shelf
        self.filters = filters
        self.found = is_found & catalogue.mask(storefront=storefront, filters=ItemFilter())
        self.parts = self._parts(storefront)

    def _parts(self, storefront: str) -> dict[str, np.ndarray]:
        chosen, catalogue = self.filters.items, self.catalogue
        parts = {}
        if chosen.category:
            parts["category"] = self._mask(storefront, ItemFilter(category=chosen.category))
        if chosen.is_in_stock:
            parts["in_stock"] = catalogue.is_in_stock
        if chosen.has_price:
            prices = ItemFilter(
                min_price=chosen.min_price, max_price=chosen.max_price, currency=chosen.currency
            )
            self._check_currencies(chosen)
            parts["price"] = self._mask(storefront, prices)
        if self.filters.brands:
            parts["brand"] = np.isin(catalogue.brands.astype(str), list(self.filters.brands))
        for name, values in self.filters.attributes.items():
            parts[f"attribute.{name}"] = self._has_value(name, values)
        return parts

    def _mask(self, storefront: str, filters: ItemFilter) -> np.ndarray:
        return self.catalogue.mask(storefront=storefront, filters=filters)

    def _check_currencies(self, chosen: ItemFilter) -> None:
        known = set(self.catalogue.currencies[self.found & ~np.isnan(self.catalogue.prices)].tolist())
        if not chosen.currency and len(known) > 1:
            raise UnlikeCurrenciesError(currencies=", ".join(sorted(known)))

    def _has_value(self, name: str, values: Sequence[str]) -> np.ndarray:
        attribute = self.shelf.attributes.get(name)
        if attribute is None:
            return np.zeros(len(self.catalogue), dtype=bool)
        codes = [attribute.values.index(value) for value in values if value in attribute.values]
        return np.isin(self.shelf.codes_in(self.catalogue, name), codes)

    def mask(self, *, without: str = "") -> np.ndarray:
        """Return what was found and may be shown, as if one part of the filter were not there."""
        found = self.found
        for name, part in self.parts.items():
            if name != without:
                found = found & part
        return found

    # -- facets -------------------------------------------------------------------------------------

    def facets(self) -> list[Facet]:
        found = [self._categories(), self._brands(), self._prices(), *self._attributes(), self._stock()]
        return [facet for facet in found if facet.choices]

    def _categories(self) -> Facet:
        """Offer what lies below the chosen category, else the widest that tell the result apart."""
        chosen = self.filters.items.category
        shown = self.mask(without="category")
        paths, counts = np.unique(self.catalogue.categories[shown].astype(str), return_counts=True)
        depth = 1 + (chosen.count(" > ") + 1 if chosen else 0)
        sums: dict[str, int] = {}
        while True:
            sums = {}
            for path, n in zip(paths.tolist(), counts.tolist(), strict=True):
                names = path.split(" > ")
                if path and (not chosen or path == chosen or path.startswith(f"{chosen} > ")):
                    name = " > ".join(names[:depth])
                    sums[name] = sums.get(name, 0) + n
            if len(sums) != 1 or depth > 4:
                break
            depth += 1
        if chosen and chosen not in sums:
            n_chosen = sum(
                n for path, n in zip(paths.tolist(), counts.tolist(), strict=True)
                if path == chosen or path.startswith(f"{chosen} > ")
            )  # fmt: skip
            sums = {chosen: n_chosen, **sums}
        choices = [
            Choice(path, path.split(" > ")[-1], n, path == chosen)
            for path, n in sorted(sums.items(), key=lambda row: (row[0] != chosen, -row[1], row[0]))
        ]
        return Facet("category", _("Category"), choices[:MOST_CHOICES])

    def _brands(self) -> Facet:
        shown = self.mask(without="brand")
        names, counts = np.unique(self.catalogue.brands[shown].astype(str), return_counts=True)
        return Facet("brand", _("Brand"), _choices(names, counts, self.filters.brands))

    def _attributes(self) -> list[Facet]:
        facets = []
        brands = set(self.catalogue.brands.tolist())
        for name, attribute in self.shelf.attributes.items():
            if brands.issuperset(attribute.values):  # the shop says it twice
                continue
            chosen = self.filters.attributes.get(name, ())
            codes = self.shelf.codes_in(self.catalogue, name)[self.mask(without=f"attribute.{name}")]
            counts = np.bincount(codes[codes >= 0], minlength=len(attribute.values))
            if not chosen and np.count_nonzero(counts) < 2:
                continue
            values = np.array(attribute.values, dtype=str)
            facets.append(Facet(f"attribute.{name}", name, _choices(values, counts, chosen)))
            if len(facets) == MOST_ATTRIBUTES:
                break
        return facets

    def _stock(self) -> Facet:
        shown = self.mask(without="in_stock")
        n = int((shown & self.catalogue.is_in_stock).sum())
        is_chosen = self.filters.items.is_in_stock
        if not is_chosen and n in (0, int(shown.sum())):
            return Facet("in_stock", _("Availability"), [])
        return Facet("in_stock", _("Availability"), [Choice("1", _("in stock"), n, is_chosen)])

    def _prices(self) -> Facet:
        """Offer ranges between round prices that split the result evenly; none where currencies differ."""
        shown = self.mask(without="price") & ~np.isnan(self.catalogue.prices)
        chosen = self.filters.items
        currencies = set(self.catalogue.currencies[shown].tolist())
        if chosen.currency in currencies:
            shown = shown & (self.catalogue.currencies == chosen.currency)
        elif len(currencies) > 1:
            return Facet("price", _("Price"), [])
        currency = chosen.currency or next(iter(currencies), "")
        prices = self.catalogue.prices[shown]
        choices = [
            Choice(
                f"{low or ''}-{high or ''}", range_label(low, high, currency), n,
                (_as_decimal(low), _as_decimal(high)) == (chosen.min_price, chosen.max_price),
            )
            for low, high, n in price_ranges(prices)
        ]  # fmt: skip
        return Facet("price", _("Price"), choices)


def _as_decimal(price: str | None) -> Decimal | None:
    return None if price is None else Decimal(price)


def _choices(values: np.ndarray, counts: np.ndarray, chosen: Sequence[str]) -> list[Choice]:
    rows = [
        Choice(value, value, n, value in chosen)
        for value, n in zip(values.tolist(), counts.tolist(), strict=True)
        if value and (n or value in chosen)
    ]
    rows.sort(key=lambda row: (not row.is_chosen, -row.n, row.value))
    return rows[:MOST_CHOICES]


def price_ranges(prices: np.ndarray) -> list[tuple[str | None, str | None, int]]:
    """Return ranges between round prices as (from, to, how many); the outer ones are open."""
    if len(prices) < 4:
        return []
    cuts = sorted({round_price(float(cut)) for cut in np.quantile(prices, np.arange(1, N_RANGES) / N_RANGES)})
    cuts = [cut for cut in cuts if prices.min() < cut <= prices.max()]
    if not cuts:
        return []
    edges: list[float | None] = [None, *cuts, None]
    ranges = []
    for low, high in pairwise(edges):
        is_in = np.ones(len(prices), dtype=bool)
        if low is not None:
            is_in &= prices >= low
        if high is not None:
            is_in &= prices <= high
        ranges.append((_as_text(low), _as_text(high), int(is_in.sum())))
    return ranges


def round_price(price: float) -> float:
    """Return the nearest round price: 1, 2, 2.5 or 5 times a power of ten."""
    if price <= 0:
        return 0.0
    scale = 10.0 ** np.floor(np.log10(price))
    return float(min((step * scale for step in ROUND_PRICES), key=lambda value: abs(value - price)))


def _as_text(price: float | None) -> str | None:
    return None if price is None else f"{price:g}"


def range_label(low: str | None, high: str | None, currency: str) -> str:
    values = {"low": low, "high": high, "currency": currency}
    if low is None:
        return (_("up to %(high)s %(currency)s") % values).strip()
    if high is None:
        return (_("from %(low)s %(currency)s") % values).strip()
    return (_("%(low)s to %(high)s %(currency)s") % values).strip()
