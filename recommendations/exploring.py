"""Trying rarely shown items out: what is known of their clicks, and when it is better left alone."""

import math
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Q, Sum
from django.utils import timezone

from ecomai.learning.recommenders.thompson import ThompsonBandit
from ecomai.reading import in_transaction

from .app_settings import app_settings
from .models import Exploration, ItemExposure

POLL_SECONDS = 60.0
N_FEATURES = 3
#: Fewer views of rarely shown items say nothing about their clicks.
LEAST_SEEN = 500
Z_ONE_SIDED = 1.6449  # 95 %
PRIOR_CHANCE = 0.02
#: What an item's features say is worth so many views of the item itself.
PRIOR_VIEWS = 50.0
TINY = 1e-6  # a chance of 0 has no distribution


def features(*, potential: np.ndarray, exposure: np.ndarray, is_new: np.ndarray) -> np.ndarray:
    """Return what the bandit reads of items, about the size of 1; float64 of shape (n_items, 3)."""
    return np.stack(
        [2.0 * (potential - 0.5), np.log1p(np.maximum(exposure, 0.0)), is_new.astype(np.float64)], axis=1
    )


@dataclass(frozen=True, eq=False)
class Explorer:
    """What a process knows of one placement's exploration."""

    share: float
    bandit: ThompsonBandit
    rng: np.random.Generator

    def draw(self, X: np.ndarray, *, n_shown: np.ndarray, n_clicked: np.ndarray) -> np.ndarray:
        """Return chances of a click that may be true of each item, of shape (n_items,).

        What items of such features earn is drawn from the posterior and is worth some views; what the item
        itself earned is added. So each is tried for itself, and the less the more it was shown.
        """
        expected = self.bandit.draw(X, rng=self.rng)[0]
        missed = np.maximum(n_shown - n_clicked, 0)
        return self.rng.beta(
            PRIOR_VIEWS * expected + n_clicked + TINY, PRIOR_VIEWS * (1 - expected) + missed + TINY
        )


_known: tuple[float, dict[tuple[str, str], Explorer]] | None = None


def explorer_of(storefront: str, placement: str) -> Explorer | None:
    """Return who explores at a placement; None where nobody does, or where it stopped itself."""
    global _known
    now, is_own = time.monotonic(), in_transaction()
    if _known is None or is_own or now - _known[0] >= POLL_SECONDS:
        found = {(row.storefront, row.placement): _explorer(row) for row in _running()}
        if is_own:
            return found.get((storefront, placement))
        _known = (now, found)
    return _known[1].get((storefront, placement))


def forget() -> None:
    global _known
    _known = None


def _running() -> Any:
    return Exploration.objects.filter(is_on=True, stopped_at=None, share__gt=0)


def _explorer(row: Exploration) -> Explorer:
    bandit = ThompsonBandit(n_features=N_FEATURES)
    if row.posterior:
        bandit.mean_ = np.array(row.posterior["mean"], dtype=np.float64)
        bandit.precision_ = np.array(row.posterior["precision"], dtype=np.float64)
        bandit.n_samples_ = row.n_seen
    else:
        bandit.fit(np.empty((0, N_FEATURES)), np.empty(0))
    return Explorer(row.share, bandit, np.random.default_rng())


# -- learning -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Clicks:
    """How often rarely shown items and the others were seen and clicked at a placement."""

    n_seen: int
    n_clicked: int
    n_tail_seen: int
    n_tail_clicked: int

    @property
    def ratio(self) -> float | None:
        """Clicks per view of rarely shown items beside those of the others; None where that is unknown."""
        n_seen, n_clicked = self.n_seen - self.n_tail_seen, self.n_clicked - self.n_tail_clicked
        if not self.n_tail_seen or not n_seen or not n_clicked:
            return None
        return (self.n_tail_clicked / self.n_tail_seen) / (n_clicked / n_seen)

    def is_below(self, bound: float) -> bool:
        """Whether the ratio is below a bound, and hardly by chance (one-sided, 95 %, on logarithms)."""
        ratio = self.ratio
        if ratio is None or self.n_tail_seen < LEAST_SEEN or not bound:
            return False
        # Half a click more keeps the logarithm of none finite.
        n_clicked = self.n_clicked - self.n_tail_clicked
        tail = (self.n_tail_clicked + 0.5) / (self.n_tail_seen + 0.5)
        others = n_clicked / (self.n_seen - self.n_tail_seen)
        error = math.sqrt(1 / (self.n_tail_clicked + 0.5) + 1 / n_clicked)
        return math.log(tail / others) + Z_ONE_SIDED * error < math.log(bound)


def learn_explorations(*, now: datetime | None = None) -> int:
    """Learn from what rarely shown items earned, and stop where they earn too little; return how many run."""
    now = now or timezone.now()
    explorations = list(Exploration.objects.filter(is_on=True, stopped_at=None))
    for row in explorations:
        learn_exploration(row, now=now)
    return sum(row.stopped_at is None for row in explorations)


def learn_exploration(row: Exploration, *, now: datetime) -> None:
    counts = _counts(row, now)
    clicks = _clicks(counts)
    chance = clicks.n_clicked / clicks.n_seen if clicks.n_clicked else PRIOR_CHANCE
    bandit = ThompsonBandit(n_features=N_FEATURES, prior_chance=min(max(chance, 1e-4), 0.5))
    X, y, weights = _feedback(counts, now)
    bandit.fit(X, y, weights)
    row.posterior = {"mean": bandit.mean_.tolist(), "precision": bandit.precision_.tolist()}
    row.n_seen, row.click_ratio, row.learned_at = clicks.n_tail_seen, clicks.ratio, now
    if clicks.is_below(row.least_click_ratio):
        row.stopped_at = now
    row.save(update_fields=["posterior", "n_seen", "click_ratio", "learned_at", "stopped_at"])


def _counts(row: Exploration, now: datetime) -> list[dict[str, Any]]:
    since = timezone.localdate(now) - timedelta(days=app_settings.TAIL_DAYS)
    rows = ItemExposure.objects.filter(
        day__gt=since, placement=row.placement, item__storefront=row.storefront
    ).order_by()
    named = ("item__tail__is_tail", "item__tail__potential", "item__tail__exposure", "item__listed_at")
    return list(
        rows.values("item_id", *named)
        .annotate(seen=Sum("n_seen"), clicked=Sum("n_clicked"))
        .filter(~Q(seen=0))
    )


def _clicks(counts: list[dict[str, Any]]) -> Clicks:
    tail = [one for one in counts if one["item__tail__is_tail"]]
    return Clicks(
        sum(one["seen"] for one in counts), sum(one["clicked"] for one in counts),
        sum(one["seen"] for one in tail), sum(one["clicked"] for one in tail),
    )  # fmt: skip


def _feedback(counts: list[dict[str, Any]], now: datetime) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    tail = [one for one in counts if one["item__tail__is_tail"]]
    since = now - timedelta(days=app_settings.NEW_ITEM_DAYS)
    X = features(
        potential=np.array([one["item__tail__potential"] for one in tail], dtype=np.float64),
        exposure=np.array([one["item__tail__exposure"] for one in tail], dtype=np.float64),
        is_new=np.array([one["item__listed_at"] > since for one in tail], dtype=bool),
    )
    seen = np.array([one["seen"] for one in tail], dtype=np.float64)
    clicked = np.array([one["clicked"] for one in tail], dtype=np.float64)
    return X, np.minimum(clicked / np.maximum(seen, 1.0), 1.0), seen
