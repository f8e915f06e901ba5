"""Doubly robust outcomes of each customer, regressed on the columns."""

import numpy as np

from ecomai.learning.trials import Trial

from .base import Floats, MetaLearner, Rows, expect_outcomes
from .regressors import learn_line


class DRLearner(MetaLearner):
    """Regress doubly robust effects: right where the propensities or the expected outcomes are right.

    Outcomes are expected by linear models that did not learn from the row (cross-fitting). Noise of each
    row's effect is great, so that its base should be simple.

    Parameters
    ----------
    n_folds : int, default 5
        Of cross-fitting.

    Further parameters and attributes are those of `MetaLearner`.

    References
    ----------
    Kennedy, "Towards optimal doubly robust estimation of heterogeneous causal effects", 2023.
    """

    def __init__(
        self,
        base: str = "trees",
        n_folds: int = 5,
        n_trees: int = 60,
        n_leaves: int = 4,
        min_leaf: int = 200,
        n_threads: int = 0,
        random_state: int = 0,
    ) -> None:
        super().__init__(base, n_trees, n_leaves, min_leaf, n_threads, random_state)
        self.n_folds = n_folds

    def _learn(self, rows: Rows, trial: Trial) -> None:
        expected = expect_outcomes(
            learn_line, rows, trial, n_folds=self.n_folds, random_state=self.random_state
        )
        outcomes = trial.robust_outcomes(expected)
        effects = outcomes[:, 1:] - outcomes[:, :1]
        self._keep(
            {
                f"effect_{arm}": self._regress(rows, effects[:, arm - 1])
                for arm in range(1, trial.n_arms)
            }
        )  # fmt: skip

    def _effects(self, rows: Rows) -> Floats:
        return np.column_stack([self._models[name].predict(rows) for name in self.model_names_])
