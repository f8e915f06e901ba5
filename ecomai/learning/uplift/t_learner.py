"""Two regressions, one of each arm."""

import numpy as np

from ecomai.learning.trials import Trial

from .base import Floats, MetaLearner, Rows


class TLearner(MetaLearner):
    """Learn the outcome of each arm by itself; the effect is the difference.

    Parameters and attributes are those of `MetaLearner`.

    References
    ----------
    Künzel, Sekhon, Bickel and Yu, "Metalearners for estimating heterogeneous treatment effects using machine
    learning", 2019.
    """

    def _learn(self, rows: Rows, trial: Trial) -> None:
        arms = {f"arm_{arm}": trial.treatment == arm for arm in range(trial.n_arms)}
        self._keep({name: self._regress(rows[is_in], trial.y[is_in]) for name, is_in in arms.items()})

    def _effects(self, rows: Rows) -> Floats:
        means = [self._models[f"arm_{arm}"].predict(rows) for arm in range(self.n_treatments_ + 1)]
        return np.column_stack(means[1:]) - means[0][:, None]
