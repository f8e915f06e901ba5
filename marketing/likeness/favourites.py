"""Favourite categories and brands of customers from the encoder's vectors, beside what they bought."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db.models import Count
from numpy.typing import NDArray

from ecomai.commerce.models import Item, Order, OrderLine
from ecomai.commerce.selectors import RateTable

from ..profiling.purchases import read_purchases
from .smoothing import STRENGTH_ORDERS, expected_shares, smoothed_shares
from .tastes import Vectors, item_vectors, taste_vectors, unit

#: The kinds that most items are of; beyond them a name is too rare to be anybody's favourite.
MOST_NAMES, N_TOLD = 300, 5
MOST_ITEMS = 20_000
FIELDS = {"categories": "category_path", "brands": "brand"}


@dataclass(frozen=True, eq=False)
class Names:
    """Categories or brands: what the items of each have in common, and how much is bought of each."""

    names: list[str]
    middles: Vectors
    popularity: NDArray[np.float64]


class Favourites:
    """Computes smoothed tastes a batch at a time; what is common to all is read once."""

    def __init__(self, *, now: datetime, encoder: str) -> None:
        self.now, self.encoder = now, encoder
        self.names = {kind: read_names(field, encoder=encoder) for kind, field in FIELDS.items()}
        self.strength = STRENGTH_ORDERS * pieces_an_order()
        self.rates = RateTable()

    def of(self, customer_pks: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Return what is to be kept of each customer; of whom nothing is known, nothing."""
        tastes = taste_vectors(customer_pks, now=self.now, encoder=self.encoder, is_projected=False)
        bought = read_purchases(customer_pks, now=self.now, category_prices={}, rates=self.rates)
        weights = {
            "categories": [bought[pk].categories if pk in bought else {} for pk in customer_pks],
            "brands": [bought[pk].brands if pk in bought else {} for pk in customer_pks],
        }
        told = {kind: self._told(names, tastes, weights[kind]) for kind, names in self.names.items()}
        at = self.now.isoformat(timespec="seconds")
        return {
            pk: {**{kind: rows[place] for kind, rows in told.items()}, "at": at, "encoder": self.encoder}
            for place, pk in enumerate(customer_pks)
            if tastes[place].any() or pk in bought
        }

    def _told(
        self, names: Names, tastes: Vectors, weights: Sequence[Mapping[str, float]]
    ) -> list[list[dict[str, Any]]]:
        if not names.names or tastes.shape[1] != names.middles.shape[1]:
            return [[] for _customer in tastes]
        columns = {name: column for column, name in enumerate(names.names)}
        counts = np.zeros((len(tastes), len(columns)))
        for row, of_customer in enumerate(weights):
            for name, weight in of_customer.items():
                if name in columns:
                    counts[row, columns[name]] = weight
        shares = smoothed_shares(
            counts, expected_shares(tastes, names.middles, names.popularity), strength=self.strength
        )
        best = np.argsort(-shares, axis=1, kind="stable")[:, :N_TOLD]
        return [
            [{"name": names.names[column], "share": round(float(shares[row, column]), 3)} for column in each]
            for row, each in enumerate(best.tolist())
        ]


def read_names(field: str, *, encoder: str) -> Names:
    """Return the categories or brands that most items are of; those of items that the encoder has read."""
    items = Item.objects.filter(is_active=True).exclude(**{field: ""})
    usual = items.order_by().values_list(field).annotate(n=Count("pk")).order_by("-n", field)
    wanted = [name for name, _n in usual[:MOST_NAMES]]
    some = items.filter(**{f"{field}__in": wanted}).order_by("pk").values_list("pk", field)[:MOST_ITEMS]
    of_item = dict(some)
    pks, vectors = item_vectors(of_item, encoder=encoder, is_projected=False)
    which = np.array([of_item[pk] for pk in pks], dtype=object)
    names = [name for name in wanted if (which == name).any()]
    if not names:
        return Names([], vectors, np.empty(0))
    middles = unit(np.stack([vectors[which == name].mean(axis=0) for name in names]))
    return Names(names, middles, _popularity(field, names))


def _popularity(field: str, names: Sequence[str]) -> NDArray[np.float64]:
    lines = OrderLine.objects.exclude(order__status=Order.Status.CANCELLED).order_by()
    sold = dict(
        lines.filter(**{f"item__{field}__in": names}).values_list(f"item__{field}").annotate(n=Count("pk"))
    )
    counts = np.array([sold.get(name, 0) + 1.0 for name in names])
    return np.asarray(counts / counts.sum())


def pieces_an_order() -> float:
    """Return how many lines an order has on average, 1 at least."""
    n_orders = Order.objects.exclude(status=Order.Status.CANCELLED).count()
    n_lines = OrderLine.objects.exclude(order__status=Order.Status.CANCELLED).count()
    return max(n_lines / max(n_orders, 1), 1.0)
