"""An attacker who tries to get fraud approved, and trees that have learned from the attempts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.exceptions import InvalidDataError

from .base import check_rows
from .boosted import BoostedClassifier

Score = Callable[[NDArray[np.float32]], NDArray[np.float64]]
Recompute = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]
KEPT_SHARE = 0.5  # of the attempts that go on from the best one so far


@dataclass(frozen=True)
class Move:
    """What an attacker may change of a case.

    Parameters
    ----------
    feature : int
        Its column.
    low, high : float
        Limits; shares of what it was, where `is_relative` (0.3 to 1: the amount may fall to 30 %).
    is_relative : bool, default False
    values : sequence of float, default ()
        Where given, one of these is taken instead, such as the hours of the day, or 0 for a new device.
    """

    feature: int
    low: float = 0.0
    high: float = 1.0
    is_relative: bool = False
    values: Sequence[float] = ()


@dataclass(frozen=True)
class Attack:
    """How an attack went.

    Attributes
    ----------
    X : float32 array of shape (n_samples, n_features)
        The last attempt at each case, the approved one where there was one.
    escaped : bool array of shape (n_samples,)
        Which were approved, those that were approved unchanged among them.
    n_queries : int array of shape (n_samples,)
        How often each was tried.
    """

    X: NDArray[np.float32]
    escaped: NDArray[np.bool_]
    n_queries: NDArray[np.int64]

    @property
    def escape_rate(self) -> float:
        return float(self.escaped.mean())


def attack(
    score: Score,
    X: ArrayLike,
    moves: Sequence[Move],
    *,
    threshold: float,
    n_queries: int = 20,
    recompute: Recompute | None = None,
    random_state: int = 0,
) -> Attack:
    """Search approval of fraud within limits, by asking again and again.

    The attacker sees the score of each attempt, which is more than a real one sees: what withstands this
    withstands less. Half of the attempts start from the best one so far, half from the case as it was.

    Parameters
    ----------
    score : callable
        Of (n, n_features) to probabilities of fraud (n,).
    X : float array-like of shape (n_samples, n_features)
        Frauds.
    moves : sequence of Move
        What may be changed.
    threshold : float in (0, 1)
        A case below it is approved.
    n_queries : int, default 20
        Attempts at a case at most, the unchanged one among them.
    recompute : callable, optional
        Of cases before and after a move to the cases with all that follows from it, such as the ratio of a
        changed amount to the usual one. Default: nothing follows.
    random_state : int, default 0

    Returns
    -------
    Attack

    Raises
    ------
    InvalidDataError
        If there is no fraud, no move, or one of a feature that is not there.
    """
    rows = check_rows(X)
    if not len(rows) or not moves or max(move.feature for move in moves) >= rows.shape[1]:
        raise InvalidDataError("An attack needs frauds, and moves of features that they have.")
    rng = np.random.default_rng(random_state)
    best, best_score = rows.copy(), np.asarray(score(rows))
    tried = np.ones(len(rows), dtype=np.int64)
    for _query in range(n_queries - 1):
        caught = np.flatnonzero(best_score >= threshold)
        if not len(caught):
            break
        start = np.where(rng.random((len(caught), 1)) < KEPT_SHARE, best[caught], rows[caught])
        attempts = _moved(rows[caught], start, moves, rng)
        if recompute is not None:
            attempts = check_rows(recompute(rows[caught], attempts), rows.shape[1])
        scores = np.asarray(score(attempts))
        tried[caught] += 1
        better = scores < best_score[caught]
        best[caught[better]], best_score[caught[better]] = attempts[better], scores[better]
    return Attack(best, best_score < threshold, tried)


def _moved(
    original: NDArray[np.float32], start: NDArray[np.float32], moves: Sequence[Move], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return attempts in which each move is made or not; at least one is."""
    attempts = start.copy()
    is_made = rng.random((len(start), len(moves))) < 0.5
    is_made[np.arange(len(start)), rng.integers(len(moves), size=len(start))] = True
    for number, move in enumerate(moves):
        drawn = rng.uniform(move.low, move.high, len(start))
        if len(move.values):
            drawn = rng.choice(np.asarray(move.values, dtype=np.float64), len(start))
        elif move.is_relative:
            drawn = drawn * original[:, move.feature]
        attempts[:, move.feature] = np.where(is_made[:, number], drawn, attempts[:, move.feature])
    return attempts


def harden(
    model: BoostedClassifier,
    X: ArrayLike,
    y: ArrayLike,
    moves: Sequence[Move],
    *,
    threshold: float,
    n_rounds: int = 3,
    n_queries: int = 20,
    recompute: Recompute | None = None,
) -> BoostedClassifier:
    """Train on frauds as an attacker would change them, round after round.

    Parameters
    ----------
    model : BoostedClassifier
        Fitted on `X` and `y`; stays as it is.
    X, y
        As in `Classifier.fit`.
    moves, threshold, n_queries, recompute
        As in `attack`.
    n_rounds : int, default 3
        Each attacks the trees of the round before.

    Returns
    -------
    BoostedClassifier
        New trees of the same hyperparameters. All attempts of a fraud weigh as much as the fraud, together,
        so that probabilities stay about what they were.

    Raises
    ------
    InvalidDataError
        As in `attack` and `Classifier.fit`.
    """
    rows, labels = check_rows(X), np.asarray(y)
    frauds = rows[labels == 1]
    hardened, attempts = model, []
    for number in range(n_rounds):
        found = attack(
            lambda tried, judge=hardened: judge.predict_proba(tried)[:, 1],  # type: ignore[misc]
            frauds,
            moves,
            threshold=threshold,
            n_queries=n_queries,
            recompute=recompute,
            random_state=model.random_state + number,
        )
        attempts.append(found.X)
        weights = np.concatenate(
            [np.where(labels == 1, 0.5, 1.0), np.full(len(attempts) * len(frauds), 0.5 / len(attempts))]
        )
        hardened = type(model)(**model.get_params()).fit(
            np.concatenate([rows, *attempts]),
            np.concatenate([labels, np.ones(len(attempts) * len(frauds), dtype=np.int64)]),
            sample_weight=weights,
            feature_names=model.feature_names_,
        )
    return hardened
