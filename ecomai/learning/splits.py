"""Splits that respect time: what is judged on always came later than what was learned from."""

from dataclasses import dataclass

import numpy as np

from .exceptions import InvalidDataError
from .interactions import Interactions


@dataclass(frozen=True)
class Split:
    """What to learn from, and what to judge on.

    Attributes
    ----------
    train : Interactions
        To fit on.
    histories : Interactions of n_cases
        What was known of a judged user before the targets; a subset of `train`'s events.
    targets : Interactions of n_cases
        What the user took next. Never empty for a case.
    """

    train: Interactions
    histories: Interactions
    targets: Interactions


def leave_last_out(X: Interactions, *, min_history: int = 1) -> Split:
    """Keep each user's last event for judging.

    Parameters
    ----------
    X : Interactions
        All events.
    min_history : int, default 1
        A user is judged where at least this many events remain; others stay whole in `train`.

    Returns
    -------
    Split
        One target a case.

    Examples
    --------
    >>> split = leave_last_out(Interactions.from_sequences([[0, 1, 2], [1]], n_items=3))
    >>> split.train[0].tolist(), split.targets[0].tolist(), len(split.targets)
    ([0, 1], [2], 1)
    """
    judged = np.flatnonzero(X.lengths > min_history)
    is_target = (X.positions_from_end == 0) & (X.lengths > min_history)[X.users]
    train = X.where(~is_target)
    return Split(train=train, histories=train.select(judged), targets=X.where(is_target).select(judged))


def split_by_age(X: Interactions, *, age_days: float, max_targets: int | None = None) -> Split:
    """Learn from what is older than some days, judge on what came since.

    Parameters
    ----------
    X : Interactions
        With `ages_days`.
    age_days : float
        Events at least this old are learned from. Ages of `train` count from that moment again.
    max_targets : int, optional
        Only this many of a user's first items after the split are targets.

    Returns
    -------
    Split
        A case per user with an event after the split; a new user's history is empty.

    Raises
    ------
    InvalidDataError
        If there are no ages.
    """
    if X.ages_days is None:
        raise InvalidDataError("A split by age needs the ages of the events.")
    is_train = X.ages_days >= age_days
    train, later = X.where(is_train), X.where(~is_train)
    if max_targets is not None:
        from_start = np.arange(later.n_events) - np.repeat(later.offsets[:-1], later.lengths)
        later = later.where(from_start < max_targets)
    judged = np.flatnonzero(later.lengths)
    train = Interactions(
        items=train.items,
        offsets=train.offsets,
        n_items=X.n_items,
        ages_days=X.ages_days[is_train] - np.float32(age_days),
        weights=train.weights,
    )
    return Split(train=train, histories=train.select(judged), targets=later.select(judged))


def split_first_basket(
    X: Interactions, *, age_days: float, horizon_days: float | None = None, min_history: int = 1
) -> Split:
    """Learn from what is older than some days, judge on each user's first basket since.

    Parameters
    ----------
    X : Interactions
        With `ages_days`; a user's events of one age are one basket.
    age_days : float
        Events at least this old are learned from. Ages of `train` count from that moment again.
    horizon_days : float, optional
        A basket that comes later than this after the split is no case. Default: the newest event.
    min_history : int, default 1
        A user is judged where at least this many events are learned from.

    Returns
    -------
    Split
        A case per user; the items of `targets` are those of the basket.

    Raises
    ------
    InvalidDataError
        If there are no ages.

    Examples
    --------
    >>> ages = np.array([9, 2, 2, 1], dtype=np.float32)
    >>> X = Interactions.from_columns(np.zeros(4, int), np.arange(4), n_items=4, ages_days=ages)
    >>> split_first_basket(X, age_days=5).targets[0].tolist()
    [1, 2]
    """
    split = split_by_age(X, age_days=age_days)
    later = split.targets
    number = np.cumsum(later.first_of_basket)
    is_target = number == np.repeat(number[later.offsets[:-1]], later.lengths)
    if horizon_days is not None and later.ages_days is not None:
        is_target &= later.ages_days >= age_days - horizon_days
    targets = later.where(is_target)
    judged = np.flatnonzero((targets.lengths > 0) & (split.histories.lengths >= min_history))
    return Split(split.train, split.histories.select(judged), targets.select(judged))
