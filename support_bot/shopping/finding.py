"""Items for a wish, by the shop's own search, with what does not fit left out."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai import capabilities
from ecomai.commerce.exceptions import NoExchangeRateError
from ecomai.commerce.models import Customer, Item
from ecomai.commerce.money import format_money
from ecomai.commerce.selectors import RateTable, items_by_external_id

from .wishes import Wish, names_of

N_SEARCHED = 60
SEARCHING_SECONDS = 0.5
N_CATEGORIES = 4
#: All rows of the catalogue say it, so it is not asked for each wish.
CURRENCIES_KEY, CURRENCIES_SECONDS = "ecomai.support_bot.currencies", 300


@dataclass(frozen=True)
class Found:
    item: Item
    reason: str


def find_items(
    wish: Wish, *, storefront: str, customer: Customer | None = None, but: Collection[str] = ()
) -> list[Found]:
    """Return what fits a wish and is in stock, the likeliest first; `but` are ids that were seen enough."""
    candidates = _searched(wish, storefront) if wish.query else []
    if wish.is_broad:
        candidates += _recommended(storefront, customer)
        candidates += [(item, "") for item in _items_with_words(wish, storefront)]
    prices = _Prices(wish)
    once: dict[int, tuple[Item, str]] = {}
    for item, said in candidates:
        once.setdefault(item.pk, (item, said))
    return [
        Found(item, _reason(wish, item, said))
        for item, said in once.values()
        if item.external_id not in but and item.is_active and item.is_in_stock and prices.fits(item)
        and _has_colour(item, wish.colour) and item.category_path.startswith(wish.category)
    ]  # fmt: skip


def categories_of(found: Sequence[Found]) -> list[str]:
    """Return the categories that the found items are of, the commonest first, where they differ."""
    paths = [each.item.category_path.split(" > ") for each in found if each.item.category_path]
    depth = 0
    while paths and len({" > ".join(path[: depth + 1]) for path in paths}) == 1 and depth < 4:
        depth += 1
    counted = Counter(" > ".join(path[: depth + 1]) for path in paths)
    return [path for path, _n in counted.most_common(N_CATEGORIES)] if len(counted) > 1 else []


def _searched(wish: Wish, storefront: str) -> list[tuple[Item, str]]:
    """Ask the shop's search; without one, look for the words in titles and categories."""
    answer = capabilities.get(capabilities.Searcher).search(  # type: ignore[type-abstract]
        query=wish.query, n=N_SEARCHED, storefront=storefront, time_budget_seconds=SEARCHING_SECONDS,
        filters=_filters(wish, storefront),
    )  # fmt: skip
    if answer.unavailable is not None:
        return [(item, "") for item in _items_with_words(wish, storefront)]
    items = items_by_external_id([each.item_id for each in answer.items], storefront=storefront)
    return [(items[each.item_id], each.reason) for each in answer.items if each.item_id in items]


def _filters(wish: Wish, storefront: str) -> capabilities.SearchFilters:
    """Return what the search can narrow by; prices only where they are all in the currency of the wish."""
    key = f"{CURRENCIES_KEY}.{storefront}"
    used: Any = cache.get_or_set(key, lambda: _currencies(storefront), CURRENCIES_SECONDS)
    is_one = len(used) == 1 and wish.currency in ("", used[0])
    return capabilities.SearchFilters(
        category=wish.category, is_in_stock=True,
        min_price=wish.min_price if is_one else None, max_price=wish.max_price if is_one else None,
        currency=used[0] if is_one else "",
    )  # fmt: skip


def _currencies(storefront: str) -> list[str]:
    items = Item.objects.filter(storefront=storefront, is_active=True).exclude(price=None)
    return list(items.order_by().values_list("currency", flat=True).distinct()[:2])


def _items_with_words(wish: Wish, storefront: str) -> list[Item]:
    items = Item.objects.filter(storefront=storefront, is_active=True)
    words = [] if wish.is_broad else wish.words.split()
    for word in words:
        stem = word[:-1] if len(word) > 3 and word.endswith("s") else word
        items = items.filter(
            Q(title__icontains=stem) | Q(category_path__icontains=stem) | Q(description__icontains=stem)
        )
    return list(items.order_by("-listed_at", "pk")[:N_SEARCHED])


def _recommended(storefront: str, customer: Customer | None) -> list[tuple[Item, str]]:
    answer = capabilities.get(capabilities.Recommender).recommend(  # type: ignore[type-abstract]
        customer_id=customer.external_id if customer else "", n=20, storefront=storefront,
        time_budget_seconds=SEARCHING_SECONDS,
    )  # fmt: skip
    items = items_by_external_id([each.item_id for each in answer.items], storefront=storefront)
    return [(items[each.item_id], each.reason) for each in answer.items if each.item_id in items]


class _Prices:
    """Whether a price is within a wish, also where it is in another currency; without a rate it is not."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.rates: RateTable | None = None

    def fits(self, item: Item) -> bool:
        low, high = self.wish.min_price, self.wish.max_price
        if low is None and high is None:
            return True
        if item.price is None:
            return False
        price = self._in_currency(item.price, item.currency)
        return price is not None and (low is None or price >= low) and (high is None or price <= high)

    def _in_currency(self, price: Decimal, currency: str) -> Decimal | None:
        if not self.wish.currency or self.wish.currency == currency:
            return price
        self.rates = self.rates or RateTable()
        today = timezone.localdate()
        try:
            one = self.rates.convert(Decimal(1), self.wish.currency, today)
            return self.rates.convert(price, currency, today) / one
        except NoExchangeRateError:
            return None


def _has_colour(item: Item, colour: str) -> bool:
    if not colour:
        return True
    said = f"{item.title} {' '.join(map(str, item.attributes.values()))}".lower()
    return any(name in said for name in names_of(colour))


def _reason(wish: Wish, item: Item, said: str) -> str:
    """Return why an item is shown, from what the wish names and the search says."""
    reasons = []
    if wish.max_price is not None and item.price is not None:
        reasons.append(
            _("within %(limit)s") % {"limit": format_money(wish.max_price, wish.currency or item.currency)}
        )
    if wish.colour:
        reasons.append(_("in the colour you want"))
    if wish.category:
        reasons.append(_("from %(category)s") % {"category": wish.category.split(" > ")[-1]})
    if item.stock is not None and item.stock <= 5:
        reasons.append(_("only %(n)s left") % {"n": item.stock})
    if not reasons and said:
        return said
    return ", ".join(reasons)
