"""What an advertisement is judged by, computed alike when it is shown and when a model learns from it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import log1p, nan

from django.utils import timezone

from ecomai.commerce.models import EventType

#: The baseline looks at the first alone.
CATEGORIES = (
    "placement", "group", "creative", "hour", "weekday", "item_category", "item_brand", "country",
)  # fmt: skip
NUMBERS = ("position", "log_price", "log_n_shown", "n_clicked", "log_n_steps", "is_personal")
#: Items that a customer turned to, newest first.
N_STEPS = 10
STEPS = (EventType.VIEW.value, EventType.CART.value, EventType.WISHLIST.value, EventType.PURCHASE.value)
SHOWN_WITHIN, STEPS_WITHIN = timedelta(days=7), timedelta(days=60)


@dataclass(frozen=True)
class AdFacts:
    """What does not depend on who looks."""

    group: int
    creative: int
    item: int | None = None
    category: str = ""
    brand: str = ""
    price: float | None = None


@dataclass(frozen=True)
class Moment:
    """Where, when and to whom something is shown; without consent the last four stay empty."""

    placement: str
    at: datetime
    country: str = ""
    is_personal: bool = False
    steps: Sequence[int] = ()
    n_shown: dict[int, int] = field(default_factory=dict)
    n_clicked: dict[int, int] = field(default_factory=dict)


def categories_of(ad: AdFacts, moment: Moment) -> tuple[str, ...]:
    local = timezone.localtime(moment.at)
    return (
        moment.placement, f"group {ad.group}", f"creative {ad.creative}", f"hour {local.hour}",
        f"weekday {local.weekday()}", ad.category.rpartition(" > ")[2], ad.brand, moment.country,
    )  # fmt: skip


def numbers_of(ad: AdFacts, moment: Moment, position: int) -> tuple[float, ...]:
    """NaN where it is not known: of a price, and of all that is personal."""
    price = nan if ad.price is None else log1p(max(ad.price, 0.0))
    if not moment.is_personal:
        return float(position), price, nan, nan, nan, 0.0
    return (
        float(position), price, log1p(moment.n_shown.get(ad.creative, 0)),
        float(moment.n_clicked.get(ad.creative, 0)), log1p(len(moment.steps)), 1.0,
    )  # fmt: skip
