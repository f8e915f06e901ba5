"""Which share of the places rarely shown and new items get. The one place where exposure is decided."""

import random
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
from django.utils import timezone

from ecomai.learning.recommenders.exposure import ExposureAccount
from ecomai.reading import in_transaction, read_rows

from ..app_settings import app_settings
from ..catalogue import Catalogue
from ..exploring import Explorer, explorer_of, features
from ..models import TailItem
from .candidates import Candidates

if TYPE_CHECKING:
    from .rankers import Context

POLL_SECONDS = 60.0
#: How far a list that misses its share by all of its places moves the price of one; gains are at most 1.
STEP = 0.02
#: What lies behind is buried by a rule, and no share brings it back.
LEAST_SCORE = -5e5

UNKNOWN = np.array([0.5, 0.0, 0.0, 0.0])

_TABLE = TailItem._meta.db_table
_STAMP = f"SELECT computed_at FROM {_TABLE} LIMIT 1"  # noqa: S608  (a count stamps all rows alike)
_COLUMNS = "item_id, potential, exposure, n_shown, n_clicked"
_TAIL = f"SELECT {_COLUMNS} FROM {_TABLE} WHERE is_tail"  # noqa: S608
_lock = threading.Lock()
_accounts: dict[tuple[int, float], ExposureAccount] = {}


def expose(candidates: Candidates, context: "Context", share: float) -> Candidates:
    """Return the candidates, best first, in an order that gives tail and new items their share.

    Only the first `context.n` are shown. Called where a pipeline has a `tail_share`; only pins come later.
    The order that came in is kept among tail items and among the others: it knows of diversity and limits.
    """
    if not len(candidates):
        return candidates
    marks = tail_mask(context.catalogue)[candidates.places]
    gains = gains_of(candidates.scores)
    explorer = explorer_of(context.storefront, context.placement)
    if explorer is not None and marks.any() and random.random() < explorer.share:  # noqa: S311  (no secret)
        gains = explored(gains, marks, candidates, context.catalogue, explorer)
    # A list that is still to be filled up comes again, and one that a person looks at is not shown.
    is_kept = context.trace is None and len(candidates) >= context.n
    plan_id = context.plan.id if context.plan is not None else 0
    with _lock:
        account = _accounts.setdefault((plan_id, share), ExposureAccount(share, step=STEP))
        first = account.rerank(gains, marks, n=context.n, is_kept=is_kept)
    others = np.setdiff1d(np.arange(len(candidates)), first)
    return candidates.take(np.concatenate([first, others]))


def gains_of(scores: np.ndarray) -> np.ndarray:
    """Return what showing each candidate is worth beside the first, from 0 to 1 and never rising.

    Steps before may have put a worse item first on purpose; what is behind it is not worth more.
    """
    open_to = scores > LEAST_SCORE
    worth = np.where(open_to, np.maximum(scores, 0.0), np.inf)
    falling = np.minimum.accumulate(worth)
    top = falling[np.argmax(open_to)] if open_to.any() else 0.0
    gains = falling / top if top > 0 else np.zeros(len(scores))
    return np.where(open_to, np.minimum(gains, 1.0), -np.inf)


def explored(
    gains: np.ndarray, marks: np.ndarray, candidates: Candidates, catalogue: Catalogue, explorer: Explorer
) -> np.ndarray:
    """Hand the gains of the tail items on to those that it is worth learning of, the best to the first."""
    at = np.flatnonzero(marks & np.isfinite(gains))
    if len(at) < 2:
        return gains
    # What fits badly is not shown for the sake of learning: the first half of them are tried.
    tried = at[: max(len(at) // 2, 2)]
    known = _current().of(candidates.keys[tried])
    X = features(
        potential=known[:, 0], exposure=known[:, 1], is_new=_is_new(catalogue)[candidates.places[tried]]
    )
    drawn = explorer.draw(X, n_shown=known[:, 2], n_clicked=known[:, 3])
    found = gains.copy()
    found[tried[np.argsort(-drawn, kind="stable")]] = np.sort(gains[tried])[::-1]
    return found


def tail_mask(catalogue: Catalogue) -> np.ndarray:
    """Return which items get the share: those that were marked as rarely shown, and new ones.

    Where nothing has been counted yet, the less popular half of those on offer.
    """
    tail = _current()
    if tail.stamp is None:
        return catalogue.is_tail | _is_new(catalogue)
    if tail.mask is None or tail.mask_of is not catalogue:
        is_marked = np.zeros(len(catalogue), dtype=bool)
        at = catalogue.positions(tail.keys)
        is_marked[at[at >= 0]] = True
        tail.mask, tail.mask_of = is_marked | _is_new(catalogue), catalogue
    return tail.mask


def _is_new(catalogue: Catalogue) -> np.ndarray:
    since = timezone.now() - timedelta(days=app_settings.NEW_ITEM_DAYS)
    return catalogue.listed > since.timestamp() * 1e6


@dataclass(eq=False)
class _Tail:
    """The marked items as this process knows them, ordered by key."""

    stamp: object
    read_at: float
    keys: np.ndarray  # (n_marked,) int64
    known: np.ndarray  # (n_marked, 4) potential, exposure, places and clicks
    mask: np.ndarray | None = None
    mask_of: Catalogue | None = None

    def of(self, keys: np.ndarray) -> np.ndarray:
        """Return what is known of items, of shape (n_items, 4); the middle of those that nobody marked."""
        found = np.tile(UNKNOWN, (len(keys), 1))
        if len(self.keys):
            at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
            is_known = self.keys[at] == keys
            found[is_known] = self.known[at[is_known]]
        return found


_tail: _Tail | None = None


def _current() -> _Tail:
    """Return the marks, looked for once a minute; read anew only where a count has gone by."""
    global _tail
    known, now = _tail, time.monotonic()
    is_own = in_transaction()
    if known is not None and not is_own and now - known.read_at < POLL_SECONDS:
        return known
    rows = read_rows(_STAMP)
    stamp = rows[0][0] if rows else None
    if known is not None and not is_own and known.stamp == stamp:
        known.read_at = now
        return known
    marked = sorted(read_rows(_TAIL)) if stamp is not None else []
    columns = np.array(marked, dtype=np.float64).reshape(-1, 5)
    found = _Tail(stamp, now, columns[:, 0].astype(np.int64), columns[:, 1:])
    if not is_own:
        _tail = found
    return found


def forget() -> None:
    """Read anew and begin new accounts; for tests and after a restore."""
    global _tail
    _tail = None
    _accounts.clear()
