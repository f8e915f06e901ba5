"""What an answering process keeps in memory of the shop's items, so that filters cost no query.

The copy is at most about a second behind the database; whoever shows items reads their rows once more,
so an item that was switched off a moment ago is never shown.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np
from django.utils import timezone

from ecomai.commerce.models import Item
from ecomai.reading import is_postgresql, read_rows

from . import item_rows
from .exceptions import UnlikeCurrenciesError
from .models import ItemPopularity

POLL_SECONDS = 1.0
POPULARITY_POLL_SECONDS = 30.0
RELOAD_SECONDS = 600.0  # deleted items leave the copy then at the latest
# A row is stamped before its transaction ends, so each poll looks back a little further than the last.
OVERLAP = timedelta(seconds=10)
# How far the clocks of those who stamp rows may be behind ours.
CLOCK_DIFFERENCE = timedelta(seconds=60)
COLUMNS = ("pk", "storefront", "is_active", "price", "currency", "stock", "category_path", "updated_at")


@dataclass(frozen=True, kw_only=True)
class ItemFilter:
    """Which items an answer may show. `currency` of the prices may stay empty where there is only one."""

    category: str = ""
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    currency: str = ""
    is_in_stock: bool = False

    @property
    def has_price(self) -> bool:
        return self.min_price is not None or self.max_price is not None


@dataclass(frozen=True)
class Catalogue:
    """Columns of all items, ordered by primary key."""

    keys: np.ndarray  # (n_items,) int64
    storefronts: np.ndarray  # (n_items,) object
    is_active: np.ndarray  # (n_items,) bool
    prices: np.ndarray  # (n_items,) float64, NaN where the shop gives none
    currencies: np.ndarray  # (n_items,) object
    is_in_stock: np.ndarray  # (n_items,) bool
    categories: np.ndarray  # (n_items,) object
    popularity: np.ndarray  # (n_items,) float64, 0 where nothing happened lately
    revision: int = 0
    newest: datetime | None = field(default=None, compare=False)

    def __len__(self) -> int:
        return len(self.keys)

    def positions(self, keys: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return where each key stands, -1 where the catalogue does not know it."""
        keys = np.asarray(keys, dtype=np.int64)
        if not len(self.keys):
            return np.full(len(keys), -1)
        found = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[found] == keys, found, -1)

    def positions_of(self, keys: np.ndarray) -> np.ndarray:
        """As `positions`, for an array that is asked about again and again and never changed."""
        known = self._positions_of.get(id(keys))
        if known is None or known[0] is not keys:
            known = self._positions_of[id(keys)] = (keys, self.positions(keys))
        return known[1]

    @cached_property
    def _positions_of(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        return {}

    def mask(self, *, storefront: str, filters: ItemFilter, exclude: Collection[int] = ()) -> np.ndarray:
        """Return which items may be shown: offered, in this storefront, within the filters, not excluded."""
        mask = self._offered(storefront).copy()
        if filters.category:
            mask &= self._in_category(filters.category)
        if filters.is_in_stock:
            mask &= self.is_in_stock
        if filters.has_price:
            mask &= self._in_price_range(filters, mask)
        if exclude:
            at = self.positions(list(exclude))
            mask[at[at >= 0]] = False
        return mask

    def _offered(self, storefront: str) -> np.ndarray:
        """Compare texts once for each storefront and state of the catalogue, not for each request."""
        known = self._offered_in.get(storefront)
        if known is None:
            known = self._offered_in[storefront] = self.is_active & (self.storefronts == storefront)
        return known

    @cached_property
    def _offered_in(self) -> dict[str, np.ndarray]:
        return {}

    @cached_property
    def _categories(self) -> tuple[np.ndarray, np.ndarray]:
        """Distinct category paths, and the place of each item's among them."""
        return np.unique(self.categories.astype(str), return_inverse=True)

    @cached_property
    def departments(self) -> np.ndarray:
        """A number for the top category of each item."""
        names, codes = self._categories
        tops = np.array([top_category(name) for name in names], dtype=str)
        return np.unique(tops, return_inverse=True)[1][codes]

    @cached_property
    def by_popularity(self) -> np.ndarray:
        """Positions of all items, the most popular first, of equal ones the newest."""
        return np.lexsort((-self.keys, -self.popularity))

    def _in_category(self, category: str) -> np.ndarray:
        return self._where_category(lambda name: is_below(name, category))

    def is_in_department(self, top: str) -> np.ndarray:
        """Return which items have this top category."""
        return self._where_category(lambda name: top_category(name) == top)

    def _where_category(self, is_meant: Callable[[str], bool]) -> np.ndarray:
        """Ask once for each distinct path, of which there are few, and not for each item."""
        names, codes = self._categories
        return np.array([is_meant(name) for name in names], dtype=bool)[codes]

    def _in_price_range(self, filters: ItemFilter, mask: np.ndarray) -> np.ndarray:
        currencies = set(self.currencies[mask & ~np.isnan(self.prices)])
        if not filters.currency and len(currencies) > 1:
            raise UnlikeCurrenciesError(currencies=", ".join(sorted(currencies)))
        low = -np.inf if filters.min_price is None else float(filters.min_price)
        high = np.inf if filters.max_price is None else float(filters.max_price)
        with np.errstate(invalid="ignore"):
            inside = (self.prices >= low) & (self.prices <= high)
        return inside & (self.currencies == filters.currency) if filters.currency else inside


def is_below(category_path: str, category: str) -> bool:
    """Whether a path is the category itself or lies below it."""
    return category_path == category or category_path.startswith(f"{category} > ")


def top_category(path: str) -> str:
    return str(path).split(" > ", 1)[0]


def _object_array(values: Iterable[Any]) -> np.ndarray:
    values = list(values)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _build(rows: list[tuple]) -> Catalogue:
    rows.sort(key=lambda row: row[0])
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(COLUMNS)
    keys, storefronts, is_active, prices, currencies, stocks, categories, updated = columns
    return Catalogue(
        keys=np.array(keys, dtype=np.int64),
        storefronts=_object_array(storefronts),
        is_active=np.array(is_active, dtype=bool),
        prices=np.array([np.nan if price is None else float(price) for price in prices], dtype=np.float64),
        currencies=_object_array(currencies),
        is_in_stock=np.array([stock is None or stock > 0 for stock in stocks], dtype=bool),
        categories=_object_array(categories),
        popularity=np.zeros(len(rows)),
        newest=max(updated, default=None),
    )


def _merge(old: Catalogue, changes: Catalogue) -> Catalogue:
    """Return the catalogue with changed rows replaced and new rows added."""
    at = changes.positions(old.keys)
    kept = at < 0
    order = np.argsort(np.concatenate([old.keys[kept], changes.keys]))

    def column(name: str) -> np.ndarray:
        return np.concatenate([getattr(old, name)[kept], getattr(changes, name)])[order]

    was_at = old.positions(changes.keys)
    popularity = (
        np.where(was_at >= 0, old.popularity[np.maximum(was_at, 0)], 0.0) if len(old) else changes.popularity
    )
    return Catalogue(
        keys=column("keys"),
        storefronts=column("storefronts"),
        is_active=column("is_active"),
        prices=column("prices"),
        currencies=column("currencies"),
        is_in_stock=column("is_in_stock"),
        categories=column("categories"),
        popularity=np.concatenate([old.popularity[kept], popularity])[order],
        newest=max(old.newest or changes.newest, changes.newest or old.newest),  # type: ignore[type-var]
    )


class CatalogueCopy:
    """The process's copy and when to look again. Readers never wait, except for the first load."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Load anew at the next reading; for tests and after a restore."""
        self._catalogue: Catalogue | None = None
        self._merged: set[tuple[int, datetime]] = set()
        self._looked_at = self._loaded_at = self._counted_at = float("-inf")
        self._complete_until = timezone.now()

    def current(self) -> Catalogue:
        known = self._catalogue
        if known is not None and time.monotonic() - self._looked_at < POLL_SECONDS:
            return known
        if known is not None and not self._lock.acquire(blocking=False):
            return known
        if known is None:
            self._lock.acquire()
        try:
            return self._refresh()
        finally:
            self._lock.release()

    def _refresh(self) -> Catalogue:
        now, asked_at = time.monotonic(), timezone.now()
        known = self._catalogue
        if known is not None and now - self._looked_at < POLL_SECONDS:
            return known
        if known is None or not len(known) or now - self._loaded_at > RELOAD_SECONDS:
            fresh = _build(list(Item.objects.values_list(*COLUMNS)))
            self._loaded_at, self._counted_at = now, float("-inf")
        else:
            fresh = self._with_changes(known)
        if now - self._counted_at > POPULARITY_POLL_SECONDS:
            fresh = _with_popularity(fresh)
            self._counted_at = now
        if fresh is not known:
            fresh = replace(fresh, revision=(known.revision if known else 0) + 1)
        self._catalogue, self._looked_at, self._complete_until = fresh, now, asked_at
        return fresh

    def _with_changes(self, known: Catalogue) -> Catalogue:
        assert known.newest is not None  # noqa: S101  (a catalogue with rows has a newest one)
        # The newest row alone would have the last seconds of a large import read again at every poll.
        since = max(known.newest, self._complete_until - CLOCK_DIFFERENCE) - OVERLAP
        rows = _changed_since(since)
        changed = [row for row in rows if (row[0], row[-1]) not in self._merged]
        self._merged = {(row[0], row[-1]) for row in rows}
        return _merge(known, _build(changed)) if changed else known


def _changed_since(moment: datetime) -> list[tuple]:
    if not is_postgresql():
        return list(Item.objects.filter(updated_at__gt=moment).values_list(*COLUMNS))
    return read_rows(_CHANGED, [moment])


_CHANGED = (
    "SELECT id, storefront, is_active, price, currency, stock, category_path, updated_at "  # noqa: S608
    f"FROM {Item._meta.db_table} WHERE updated_at > %s"
)


def _with_popularity(catalogue: Catalogue) -> Catalogue:
    popularity = np.zeros(len(catalogue))
    rows = list(ItemPopularity.objects.values_list("item_id", "score"))
    if rows:
        keys, scores = zip(*rows, strict=True)
        at = catalogue.positions(keys)
        popularity[at[at >= 0]] = np.array(scores)[at >= 0]
    return replace(catalogue, popularity=popularity)


_copy = CatalogueCopy()


def current() -> Catalogue:
    """Return this process's copy of the catalogue, at most about a second old."""
    return _copy.current()


def forget() -> None:
    _copy.forget()
    item_rows.forget()
