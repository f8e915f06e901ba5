"""What another share of rarely shown items would do to clicks, from what was shown: before it goes live."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from django.utils import timezone

from ecomai.commerce.models import Event, EventType
from ecomai.learning.metrics.off_policy import OffPolicyEstimate, self_normalised

from .app_settings import app_settings
from .models import Answer
from .services.exposure import tail_keys

#: The newest so many answers are read, and so many clicks.
MOST_ANSWERS = 3000
MOST_CLICKS = 50_000
MAX_WEIGHT = 20.0
#: Fewer answers' worth of evidence is none.
LEAST_EFFECTIVE = 200.0
HALVINGS = 60


@dataclass(frozen=True, kw_only=True)
class TargetEstimate:
    """Clicks per shown item now and at the other share; `estimate` is None where the log cannot say."""

    share_now: float
    share: float
    clicks_now: float
    n_answers: int
    estimate: OffPolicyEstimate | None = None

    @property
    def is_known(self) -> bool:
        return self.estimate is not None


def estimate_target(*, placement: str, share: float, storefront: str = "") -> TargetEstimate | None:
    """Weigh the places that were shown by how much likelier their kind of item stands there at another share.

    The kind at a place, rarely shown or not, is what a share changes; that of logged answers is as if it
    had been drawn with the frequency of that place. So items of one kind at one place are taken to be alike,
    whoever looked. None where no answer with a click at this placement is in the log.
    """
    lists, clicked = _log(placement, storefront)
    if not lists:
        return None
    marks = tail_keys()
    places = np.concatenate([np.arange(len(items)) for _key, items in lists])
    is_tail = np.array([item in marks for _key, items in lists for item in items], dtype=bool)
    rewards = np.array(
        [float((key, item) in clicked) for key, items in lists for item in items], dtype=np.float64
    )
    logged = frequencies(places, is_tail)
    wanted = shifted(logged, places, share)
    known: dict[str, Any] = {
        "share_now": float(is_tail.mean()), "share": share, "n_answers": len(lists),
        "clicks_now": float(rewards.mean()),
    }  # fmt: skip
    chances = [np.where(is_tail, each[places], 1 - each[places]) for each in (logged, wanted)]
    if chances[0].min() <= 0 or not chances[1].any():
        return TargetEstimate(**known)
    estimate = self_normalised(rewards, *chances, max_weight=MAX_WEIGHT)
    is_enough = estimate.effective_samples >= LEAST_EFFECTIVE and _is_covered(logged, wanted)
    return TargetEstimate(**known, estimate=estimate if is_enough else None)


def frequencies(places: np.ndarray, is_tail: np.ndarray) -> np.ndarray:
    """Return how often each place held a rarely shown item, float64 of shape (n_places,)."""
    n = np.bincount(places)
    return np.bincount(places, weights=is_tail) / np.maximum(n, 1)


def shifted(logged: np.ndarray, places: np.ndarray, share: float) -> np.ndarray:
    """Return frequencies whose mean over the shown places is the share, each moved by the same log odds."""
    inside = np.clip(logged, 1e-6, 1 - 1e-6)
    odds = np.log(inside / (1 - inside))
    low, high = -40.0, 40.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        mean = (1 / (1 + np.exp(-(odds + middle))))[places].mean()
        low, high = (middle, high) if mean < share else (low, middle)
    return 1 / (1 + np.exp(-(odds + high)))


def _is_covered(logged: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether what the other share would show was shown: not where a kind never stood at a place."""
    is_unseen = ((logged == 0) & (wanted > 0.01)) | ((logged == 1) & (wanted < 0.99))
    return not bool(is_unseen.any())


def _log(placement: str, storefront: str) -> tuple[list[tuple[str, Sequence[int]]], set[tuple[str, int]]]:
    since = timezone.now() - timedelta(days=app_settings.TAIL_DAYS)
    answers = Answer.objects.filter(placement=placement, storefront=storefront, created_at__gte=since)
    rows = answers.order_by("-created_at").values_list("key", "item_keys", "created_at")[:MOST_ANSWERS]
    lists = [(str(key), items) for key, items, _at in rows if items]
    clicks = Event.objects.filter(
        type=EventType.CLICK, occurred_at__gte=min((at for _key, _items, at in rows), default=since),
        item__isnull=False, properties__answer__isnull=False,
    ).order_by("-occurred_at")  # fmt: skip
    found = clicks.values_list("properties__answer", "item_id")[:MOST_CLICKS]
    return lists, {(str(key), item) for key, item in found}
