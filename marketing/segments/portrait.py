"""Who is in a segment, taken together: what texts for it may build on. Never who one of them is."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from ..models import CustomerProfile, Segment, SegmentMember, Stage
from ..prompts import HELLO, PRICE
from ..selectors import stage_condition
from ..summary import CHEAP, DEAR, leaf_of

#: A taste of fewer customers than this could be that of somebody one knows.
LEAST_CUSTOMERS = 5
MOST_PRICES = 5000


@dataclass(frozen=True)
class Portrait:
    """Most members' stage, what most of them like, and how dear they buy (`low`, `high` or empty)."""

    n_members: int
    stage: str = ""
    categories: tuple[str, ...] = ()
    brand: str = ""
    price: str = ""

    @property
    def digest(self) -> str:
        parts = [self.stage, list(self.categories), self.brand, self.price]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()

    def words(self, language: str) -> Mapping[str, str]:
        """Return what templates may name."""
        first, second = (*self.categories, "", "")[:2]
        return {
            "hello": HELLO.get(self.stage, HELLO["prospect"])[language], "category": first,
            "category 2": second, "brand": self.brand,
            "price": PRICE[self.price][language] if self.price else "",
        }  # fmt: skip


def portrait_of(segment: Segment) -> Portrait:
    """Return what members who may be addressed have in common."""
    members = SegmentMember.objects.filter(segment=segment).values("customer_id")
    profiles = CustomerProfile.objects.filter(pk__in=members, has_consent=True)
    n = profiles.count()
    if n < LEAST_CUSTOMERS:
        return Portrait(n)
    levels: Any = profiles.exclude(price_level=None).values_list("price_level", flat=True)[:MOST_PRICES]
    level = median(levels) if levels else 1.0
    brands = _favourites(profiles, "favourite_brand", 1)
    return Portrait(
        n, _stage(profiles), tuple(leaf_of(path) for path in _favourites(profiles, "favourite_category", 2)),
        brands[0] if brands else "", "low" if level <= CHEAP else "high" if level >= DEAR else "",
    )  # fmt: skip


def _stage(profiles: QuerySet[CustomerProfile]) -> str:
    now = timezone.now()
    counts = profiles.aggregate(
        **{stage.value: Count("pk", filter=stage_condition(stage, now=now)) for stage in Stage}
    )
    return max(counts, key=lambda stage: counts[stage])


def _favourites(profiles: QuerySet[CustomerProfile], field: str, n: int) -> list[str]:
    known = profiles.filter(~Q(**{field: ""})).order_by().values_list(field)
    rows = known.annotate(n=Count("pk")).filter(n__gte=LEAST_CUSTOMERS).order_by("-n", field)[:n]
    return [value for value, _n in rows]
