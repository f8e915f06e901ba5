"""What an answering process keeps in memory of the shop's items, so that filters cost no query.

The copy is at most about a second behind the database; whoever shows items reads their rows once more,
so an item that was switched off a moment ago is never shown.
"""

import sys
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np
from django.utils import timezone

from ecomai.commerce.models import Item
from ecomai.reading import is_postgresql, read_rows
from ecomai.serving.copies import ProcessCopy

from . import item_rows
from .exceptions import UnlikeCurrenciesError
from .models import ItemPopularity

POPULARITY_POLL_SECONDS = 30.0
RELOAD_SECONDS = 600.0  # deleted items leave the copy then at the latest
# A row is stamped before its transaction ends, so each poll looks back a little further than the last.
OVERLAP = timedelta(seconds=10)
# How far the clocks of those who stamp rows may be behind ours.
CLOCK_DIFFERENCE = timedelta(seconds=60)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A sum of moments must fit into 64 bits.
DIGEST_MODULUS = 2**31 - 1
COLUMNS = (
    "pk", "storefront", "is_active", "price", "currency", "stock", "category_path", "updated_at", "brand",
    "listed_at",
)  # fmt: skip


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
    updated: np.ndarray  # (n_items,) int64, microseconds of Unix time
    brands: np.ndarray  # (n_items,) object
    listed: np.ndarray  # (n_items,) int64, microseconds of Unix time
    popularity: np.ndarray  # (n_items,) float64, 0 where nothing happened lately
    revision: int = 0

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def newest(self) -> int:
        """When an item changed last, in microseconds of Unix time."""
        return int(self.updated.max(initial=0))

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

    @property
    def category_codes(self) -> np.ndarray:
        """A number for the category of each item."""
        return self._categories[1]

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

    @cached_property
    def by_age(self) -> np.ndarray:
        """Positions of all items, the newest first."""
        return np.lexsort((-self.keys, -self.listed))

    @cached_property
    def is_tail(self) -> np.ndarray:
        """Which items belong to the half that is taken least, among those on offer in their storefront."""
        found = np.ones(len(self), dtype=bool)
        for storefront in set(self.storefronts.tolist()):
            at = self.by_popularity[self._offered(storefront)[self.by_popularity]]
            found[at[: len(at) // 2]] = False
        return found

    def is_popular(self, key: int) -> bool:
        """Whether anybody turned to the item lately."""
        (at,) = self.positions([key])
        return bool(at >= 0 and self.popularity[at] > 0)

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
    keys, storefronts, is_active, prices, currencies, stocks, categories, updated, brands, listed = columns
    return Catalogue(
        keys=np.array(keys, dtype=np.int64),
        storefronts=_object_array(storefronts),
        is_active=np.array(is_active, dtype=bool),
        prices=np.array([np.nan if price is None else float(price) for price in prices], dtype=np.float64),
        currencies=_object_array(currencies),
        is_in_stock=np.array([stock is None or stock > 0 for stock in stocks], dtype=bool),
        categories=_object_array(categories),
        updated=np.array([_microseconds(moment) for moment in updated], dtype=np.int64),
        brands=_object_array(map(sys.intern, brands)),
        listed=np.array([_microseconds(moment) for moment in listed], dtype=np.int64),
        popularity=np.zeros(len(rows)),
    )


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


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
        updated=column("updated"),
        brands=column("brands"),
        listed=column("listed"),
        popularity=np.concatenate([old.popularity[kept], popularity])[order],
    )


class CatalogueCopy(ProcessCopy[Catalogue]):
    """The process's copy of all items."""

    poll_seconds = 1.0

    def forget(self) -> None:
        super().forget()
        self._loaded_at = self._counted_at = float("-inf")
        self._complete_until = timezone.now()

    def refresh(self, known: Catalogue | None) -> Catalogue:
        now, asked_at = time.monotonic(), timezone.now()
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
        self._complete_until = asked_at
        return fresh

    def _with_changes(self, known: Catalogue) -> Catalogue:
        # The newest row alone would have the last seconds of a large import read again at every poll.
        since = max(known.newest, _microseconds(self._complete_until - CLOCK_DIFFERENCE))
        changes = _build(_changed_since(since - OVERLAP // timedelta(microseconds=1), known))
        at = known.positions(changes.keys)
        is_known = (at >= 0) & (known.updated[at] == changes.updated)
        return known if is_known.all() else _merge(known, changes)


def _changed_since(since: int, known: Catalogue) -> list[tuple]:
    """Return the rows that changed after a moment.

    Where the copy knows all of those up to its newest one, only later ones are sent: after an import of a
    million items nobody wants to read them at each poll until they are old enough.
    """
    moments = [EPOCH + timedelta(microseconds=moment) for moment in (since, known.newest)]
    if not is_postgresql():
        return list(Item.objects.filter(updated_at__gt=moments[0]).values_list(*COLUMNS))
    recent = known.updated[known.updated > since]
    digest = [len(recent), int((recent % DIGEST_MODULUS).sum())]
    return read_rows(_CHANGED, [*moments, moments[0], moments[1], *digest])


_TABLE = Item._meta.db_table
_CHANGED = f"""
WITH recent AS (
    SELECT mod((extract(epoch FROM updated_at) * 1000000)::bigint, {DIGEST_MODULUS}) AS moment
    FROM {_TABLE} WHERE updated_at > %s AND updated_at <= %s
), known AS (SELECT count(*) AS n, coalesce(sum(moment), 0) AS digest FROM recent)
SELECT id, storefront, is_active, price, currency, stock, category_path, updated_at, brand, listed_at
FROM {_TABLE}, known
WHERE updated_at > %s AND (updated_at > %s OR known.n <> %s OR known.digest <> %s)
"""  # noqa: S608


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
