"""Boosted trees that learn the order of lists."""

from pathlib import Path
from typing import Any, ClassVar, Self

import lightgbm
import numpy as np
from numpy.typing import NDArray

from ecomai.learning.base import Estimator
from ecomai.learning.exceptions import InvalidDataError

from .lists import CandidateLists

MODEL_FILE = "trees.txt"


class BoostedRanker(Estimator):
    """LightGBM's LambdaMART over features of candidates.

    Parameters
    ----------
    n_trees : int, default 300
        At most; fewer where a validation says so.
    n_leaves : int, default 31
    learning_rate : float, default 0.05
    min_leaf : int, default 50
        Candidates in a leaf at least.
    patience : int, default 30
        Trees without a better validation after which learning stops.
    n_threads : int, default 0
        0 is as many as there are cores.
    random_state : int, default 0

    References
    ----------
    Burges, "From RankNet to LambdaRank to LambdaMART: An Overview", 2010; LightGBM.
    """

    learned_values: ClassVar[tuple[str, ...]] = ("n_features_",)

    def __init__(
        self,
        *,
        n_trees: int = 300,
        n_leaves: int = 31,
        learning_rate: float = 0.05,
        min_leaf: int = 50,
        patience: int = 30,
        n_threads: int = 0,
        random_state: int = 0,
    ) -> None:
        self.n_trees = n_trees
        self.n_leaves = n_leaves
        self.learning_rate = learning_rate
        self.min_leaf = min_leaf
        self.patience = patience
        self.n_threads = n_threads
        self.random_state = random_state

    def fit(self, X: CandidateLists, *, valid: CandidateLists | None = None) -> Self:
        """Learn the order of lists.

        Parameters
        ----------
        X : CandidateLists
        valid : CandidateLists, optional
            Lists on which it is judged when to stop.

        Returns
        -------
        BoostedRanker

        Raises
        ------
        InvalidDataError
            If nothing was gained in any list, or the validation has other features.
        """
        if not X.gains.any():
            raise InvalidDataError("Nothing was done with any candidate, so there is no order to learn.")
        if valid is not None and valid.n_features != X.n_features:
            raise InvalidDataError("The validation must have the features of the training.")
        grades = np.unique(np.concatenate([[0.0], X.gains, *([valid.gains] if valid else [])]))
        parameters = {
            "objective": "lambdarank", "metric": "ndcg", "eval_at": [10], "verbosity": -1,
            "num_leaves": self.n_leaves, "learning_rate": self.learning_rate,
            "min_data_in_leaf": self.min_leaf, "label_gain": grades.tolist(), "seed": self.random_state,
            "num_threads": self.n_threads, "deterministic": True,
        }  # fmt: skip
        data = _as_lightgbm(X, grades)
        watched = [] if valid is None else [_as_lightgbm(valid, grades, reference=data)]
        callbacks: list[Any] = [lightgbm.early_stopping(self.patience, verbose=False)] if watched else []
        booster = lightgbm.train(parameters, data, self.n_trees, valid_sets=watched, callbacks=callbacks)
        self.n_features_ = X.n_features
        best = booster.best_iteration if watched else None
        self.model_text_ = booster.model_to_string(num_iteration=best)
        self._booster = lightgbm.Booster(model_str=self.model_text_)
        return self

    def scores(self, X: CandidateLists) -> NDArray[np.float64]:
        """Return scores of shape (n_rows,); greater is better, comparable within a list."""
        self.check_is_fitted()
        return np.asarray(self._booster.predict(X.X), dtype=np.float64)

    def importances(self) -> NDArray[np.float64]:
        """Return how much each feature has lowered the loss, of shape (n_features,)."""
        self.check_is_fitted()
        return np.asarray(self._booster.feature_importance("gain"), dtype=np.float64)

    def _save_parts(self, folder: Path) -> None:
        (folder / MODEL_FILE).write_text(self.model_text_, encoding="utf-8")

    def _load_parts(self, folder: Path) -> None:
        self.model_text_ = (folder / MODEL_FILE).read_text(encoding="utf-8")
        self._booster = lightgbm.Booster(model_str=self.model_text_)


def _as_lightgbm(
    X: CandidateLists, grades: NDArray[np.float64], reference: "lightgbm.Dataset | None" = None
) -> "lightgbm.Dataset":
    labels = np.searchsorted(grades, X.gains)
    weights = None if X.weights is None else np.repeat(X.weights, X.lengths)
    return lightgbm.Dataset(
        X.X, labels, weight=weights, group=X.lengths, reference=reference, params={"verbosity": -1}
    )
