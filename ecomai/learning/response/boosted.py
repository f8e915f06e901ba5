"""Boosted trees: one model of clicks, and one of conversions after them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ecomai.inference.exposures import Exposures, bucket_of
from ecomai.learning.boosting import lightgbm_parameters
from ecomai.learning.classifiers.base import log_odds_of, sigmoid

from .base import LEAST_CLICKS, Outcomes, ResponseModel, Responses, check_outcomes, check_sizes, sizes_of
from .calibrating import fit_line

if TYPE_CHECKING:
    from lightgbm import Booster


class BoostedResponse(ResponseModel):
    """LightGBM on categories, numbers, main directions of the texts, and how near they are to the history.

    Parameters
    ----------
    n_trees : int, default 150
    n_leaves : int, default 15
    learning_rate : float, default 0.05
    min_leaf : int, default 50
        Exposures in a leaf at least; of conversions a fifth of it.
    feature_share, row_share : float in (0, 1], default 0.6 and 0.8
        What each tree sees.
    l2 : float, default 5.0
    n_directions : int, default 8
        Of the vectors of items and texts, those in which they differ most.
    n_buckets : int, default 256
        Of each category's hashed names.
    n_threads : int, default 0
        0 is as many as there are cores.
    random_state : int, default 0

    Attributes
    ----------
    click_trees_, conversion_trees_ : str
        As LightGBM writes them; the latter "" where nobody is known to have converted.
    lines_ : list of two pairs of float
        Slope and shift of the log odds.
    directions_ : float32 array of shape (n_text, n_found)

    References
    ----------
    Ke et al., "LightGBM: a highly efficient gradient boosting decision tree", 2017.
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("directions_",)
    learned_values: ClassVar[tuple[str, ...]] = (
        "click_trees_", "conversion_trees_", "conversion_rate_", "lines_", "sizes_",
    )  # fmt: skip

    directions_: NDArray[np.float32]
    click_trees_: str
    conversion_trees_: str
    lines_: list[tuple[float, float]]

    def __init__(
        self,
        n_trees: int = 150,
        n_leaves: int = 15,
        learning_rate: float = 0.05,
        min_leaf: int = 50,
        feature_share: float = 0.6,
        row_share: float = 0.8,
        l2: float = 5.0,
        n_directions: int = 8,
        n_buckets: int = 256,
        n_threads: int = 0,
        random_state: int = 0,
    ) -> None:
        self.n_trees = n_trees
        self.n_leaves = n_leaves
        self.learning_rate = learning_rate
        self.min_leaf = min_leaf
        self.feature_share = feature_share
        self.row_share = row_share
        self.l2 = l2
        self.n_directions = n_directions
        self.n_buckets = n_buckets
        self.n_threads = n_threads
        self.random_state = random_state

    def fit(self, outcomes: Outcomes, *, valid: Outcomes | None = None) -> Self:
        """Grow the trees; see `ResponseModel.fit`."""
        check_outcomes(outcomes)
        self.sizes_ = sizes_of(outcomes.exposures)
        self.directions_ = _directions(outcomes.exposures.contents.vectors, self.n_directions)
        rows, judged = self._rows(outcomes.exposures), outcomes.is_judged
        conversions = outcomes.converted[judged]
        self.conversion_rate_ = float((conversions.sum() + 0.5) / (len(conversions) + 1))
        self.click_trees_ = self._grow(rows, outcomes.clicked, self.min_leaf)
        has_both = min(conversions.sum(), len(conversions) - conversions.sum()) >= LEAST_CLICKS
        least = max(self.min_leaf // 5, 1)
        self.conversion_trees_ = self._grow(rows[judged], conversions, least) if has_both else ""
        self._prepare()
        self.lines_ = [(1.0, 0.0), (1.0, 0.0)]
        if valid is not None and len(valid):
            self.lines_ = self._calibrate(valid)
        return self

    def _calibrate(self, valid: Outcomes) -> list[tuple[float, float]]:
        click, conversion = self._log_odds(valid.exposures)
        judged = valid.is_judged
        return [fit_line(click, valid.clicked), fit_line(conversion[judged], valid.converted[judged])]

    def predict(self, exposures: Exposures) -> Responses:
        """Return what the trees say; see `ResponseModel.predict`."""
        self.check_is_fitted()
        check_sizes(exposures, self.sizes_)
        both = zip(self._log_odds(exposures), self.lines_, strict=True)
        return Responses(*(sigmoid(slope * odds + shift) for odds, (slope, shift) in both))

    def _grow(self, rows: NDArray[np.float32], labels: NDArray[np.int64], min_leaf: int) -> str:
        import lightgbm

        names = list(range(self.sizes_["n_categories"]))
        known = lightgbm.Dataset(rows, labels, categorical_feature=names, params={"verbosity": -1})
        parameters = lightgbm_parameters(self, objective="binary") | {"min_data_in_leaf": min_leaf}
        booster = lightgbm.train(parameters, known, num_boost_round=self.n_trees)
        return str(booster.model_to_string())

    def _log_odds(self, exposures: Exposures) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if not len(exposures):
            return np.empty(0), np.empty(0)
        rows = self._rows(exposures)
        click, conversion = (
            None if trees is None else trees.predict(rows, raw_score=True, num_threads=self.n_threads)
            for trees in self._trees
        )
        level = np.full(len(rows), log_odds_of(self.conversion_rate_))
        return np.asarray(click), level if conversion is None else np.asarray(conversion)

    def _rows(self, exposures: Exposures) -> NDArray[np.float32]:
        vectors = np.vstack([exposures.contents.vectors, np.zeros((1, self.sizes_["n_text"]), np.float32)])
        short = vectors @ self.directions_  # its last row is that of what is not known
        taste = _means(vectors, exposures.histories)
        near = [(taste * vectors[each]).sum(axis=1) for each in (exposures.items, exposures.texts)]
        return np.column_stack(
            [
                bucket_of(exposures.categories, self.n_buckets), exposures.numbers, short[exposures.items],
                short[exposures.texts], *near, (exposures.histories >= 0).sum(axis=1),
            ]
        ).astype(np.float32)  # fmt: skip

    def _prepare(self) -> None:
        import lightgbm

        self._trees: list[Booster | None] = [
            lightgbm.Booster(model_str=text) if text else None
            for text in (self.click_trees_, self.conversion_trees_)
        ]

    def _load_parts(self, folder: Path) -> None:
        self.lines_ = [(float(slope), float(shift)) for slope, shift in self.lines_]
        self._prepare()


def _directions(vectors: NDArray[np.float32], n: int) -> NDArray[np.float32]:
    """Return the directions in which vectors differ most: (n_text, at most n)."""
    if not len(vectors):
        return np.zeros((vectors.shape[1], 0), dtype=np.float32)
    _u, _s, found = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    return np.ascontiguousarray(found[:n].T, dtype=np.float32)


def _means(vectors: NDArray[np.float32], histories: NDArray[np.int64]) -> NDArray[Any]:
    """Return the mean vector of each history, zeros for an empty one; no more than a step at a time."""
    total = np.zeros((len(histories), vectors.shape[1]), dtype=np.float32)
    for step in histories.T:
        total += vectors[step]
    return total / np.maximum((histories >= 0).sum(axis=1), 1)[:, None]
