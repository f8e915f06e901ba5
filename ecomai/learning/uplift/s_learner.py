"""One regression that knows the treatment as a column."""

import numpy as np
from numpy.typing import NDArray

from ecomai.learning.trials import Trial

from .base import Floats, MetaLearner, Rows


class SLearner(MetaLearner):
    """Learn the outcome from columns and arm at once; the effect is what changing the arm changes.

    Shrinks effects to 0, since the arm is one column among many. A linear base also sees each column times
    the arm, without which all effects would be the same.

    Parameters and attributes are those of `MetaLearner`.

    References
    ----------
    Künzel, Sekhon, Bickel and Yu, "Metalearners for estimating heterogeneous treatment effects using machine
    learning", 2019.
    """

    def _learn(self, rows: Rows, trial: Trial) -> None:
        columns = self._with_arms(rows, trial.treatment, trial.n_arms)
        self._keep({"outcome": self._regress(columns, trial.y)})

    def _effects(self, rows: Rows) -> Floats:
        n_arms = self.n_treatments_ + 1
        means = [
            self._models["outcome"].predict(self._with_arms(rows, np.full(len(rows), arm), n_arms))
            for arm in range(n_arms)
        ]
        return np.column_stack(means[1:]) - means[0][:, None]

    def _with_arms(self, rows: Rows, arms: NDArray[np.int64], n_arms: int) -> Rows:
        given = (arms[:, None] == np.arange(1, n_arms)).astype(np.float32)  # (n_samples, n_treatments)
        if self.base == "linear":
            products = [rows * given[:, [number]] for number in range(n_arms - 1)]
            return np.hstack([rows, given, *products])
        return np.hstack([rows, given])
