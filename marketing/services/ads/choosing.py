"""Which advertisements a place shows to a visitor: what is worth most, and now and then one by lot."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from django.db.models import Q
from django.utils import timezone
from numpy.typing import NDArray

from ecomai.commerce.models import Customer

from ...ads import pacing
from ...app_settings import app_settings
from ...models import AdCreative, AdGroup
from .chances import Chances, chances_of
from .shelf import Shelf, ShelfAd, get_shelf
from .tokens import sign
from .visitors import Visitor

MOST_ADS = 10
#: So many that take part are judged at once at most; of more, a lot decides.
MOST_JUDGED = 200


@dataclass(frozen=True)
class ShownAd:
    """An advertisement of an answer; `token` is how the page says that it was seen or clicked.

    `propensity` is how likely it was to be chosen for its position, given the earlier ones.
    """

    creative: AdCreative
    position: int
    propensity: float
    key: UUID
    token: str


@dataclass(frozen=True)
class AdAnswer:
    """`source` is "model" or "counted", or "" where there was nothing to show."""

    placement: str
    ads: list[ShownAd]
    source: str = ""
    version: int | None = None


def choose_ads(
    *, placement: str, storefront: str = "", customer: Customer | None = None, session_id: str = "",
    n: int = 1, now: datetime | None = None, rng: np.random.Generator | None = None,
) -> AdAnswer:  # fmt: skip
    """Choose up to `n` advertisements for a place; the page shows them, and says when they were seen."""
    moment, rng = now or timezone.now(), rng or np.random.default_rng()
    shelf = get_shelf(storefront, moment)
    possible = _by_lot(_paced(shelf, shelf.at(placement, moment), moment, rng), rng)
    if not possible:
        return AdAnswer(placement, [])
    visitor = Visitor(storefront=storefront, customer=customer, session_id=session_id, now=moment)
    possible = _allowed(possible, visitor)
    if not possible:
        return AdAnswer(placement, [])
    n_positions = min(n, MOST_ADS, len(possible))
    chances = chances_of(possible, visitor.moment(placement), rng, n_positions=n_positions)
    chosen = choose(chances.values(possible), n_positions, app_settings.AD_EXPLORATION, rng)
    shown = [
        _shown(possible[place], position, propensity, placement, visitor, chances)
        for position, (place, propensity) in enumerate(chosen, start=1)
    ]
    return AdAnswer(placement, shown, chances.source, chances.version)


def choose(
    values: NDArray[np.float64], n: int, exploration: float, rng: np.random.Generator
) -> list[tuple[int, float]]:
    """Return places and propensities for `n` positions, in order.

    `values` of shape (n_positions, n_draws, n_ads); what lies behind the last position is worth what it is
    there. One of the draws is taken by lot and its best shown, or, with the chance `exploration`, any. So
    each propensity is exact, and none is 0 while exploring: what did not win can be judged from the log.
    """
    left = list(range(values.shape[2]))
    chosen: list[tuple[int, float]] = []
    while left and len(chosen) < n:
        here = values[min(len(chosen), len(values) - 1)]
        best = here[:, left].argmax(axis=1)
        shares = np.bincount(best, minlength=len(left)) / len(best)
        propensities = (1 - exploration) * shares + exploration / len(left)
        propensities /= propensities.sum()
        place = int(rng.choice(len(left), p=propensities))
        chosen.append((left.pop(place), float(propensities[place])))
    return chosen


def _paced(shelf: Shelf, ads: Sequence[ShelfAd], now: datetime, rng: np.random.Generator) -> list[ShelfAd]:
    """Leave out groups that let this chance pass; each group decides once."""
    groups = {ad.group.pk: ad.group for ad in ads}
    taken = set()
    for pk, group in groups.items():
        if group.daily_budget is None:
            taken.add(pk)
            continue
        if group.paced_at is None or now - group.paced_at >= pacing.EVERY:
            _pace(shelf, group, now)
        if rng.random() < group.pass_rate:
            taken.add(pk)
    return [ad for ad in ads if ad.group.pk in taken]


def _pace(shelf: Shelf, group: AdGroup, now: datetime) -> None:
    """Adjust the share of chances; of all processes that notice, one does it each minute."""
    spent, before = shelf.spent_today.get(group.pk), group.paced_at
    rate = pacing.next_rate(
        group.pass_rate, spent=spent or group.spent * 0, planned=shelf.planned(group, now)
    )
    due = Q(paced_at=None) | Q(paced_at__lte=now - pacing.EVERY)
    AdGroup.objects.filter(due, pk=group.pk).update(pass_rate=rate, paced_at=now)
    # What this process remembers for a second follows at once.
    group.pass_rate, group.paced_at = rate, now if before is None else max(now, before)


def _by_lot(ads: list[ShelfAd], rng: np.random.Generator) -> list[ShelfAd]:
    if len(ads) <= MOST_JUDGED:
        return ads
    return [ads[place] for place in sorted(rng.choice(len(ads), MOST_JUDGED, replace=False).tolist())]


def _allowed(ads: Sequence[ShelfAd], visitor: Visitor) -> list[ShelfAd]:
    """Those whose segment the visitor is in, and which were not seen too often."""
    seen = visitor.n_seen_lately()
    segments = visitor.segments({ad.group.segment_id for ad in ads if ad.group.segment_id})
    return [
        ad for ad in ads
        if (ad.group.segment_id is None or ad.group.segment_id in segments)
        and (not ad.group.frequency_cap or seen.get(ad.creative.pk, 0) < ad.group.frequency_cap)
    ]  # fmt: skip


def _shown(
    ad: ShelfAd, position: int, propensity: float, placement: str, visitor: Visitor, chances: Chances
) -> ShownAd:
    key = uuid4()
    said: dict[str, Any] = {
        "key": key.hex, "creative": ad.creative.pk, "placement": placement, "position": position,
        "propensity": round(propensity, 6), "source": chances.source, "version": chances.version,
        "storefront": visitor.storefront, "customer": visitor.customer.pk if visitor.customer else None,
        "session": visitor.session_id,
    }  # fmt: skip
    return ShownAd(ad.creative, position, propensity, key, sign(said))
