"""What each customer's outcome says beside the one expected of the other arm."""

from typing import ClassVar

import numpy as np

from ecomai.learning.trials import Trial

from .base import Floats, MetaLearner, Rows
from .regressors import Regressor


class XLearner(MetaLearner):
    """Regress the difference between an outcome and the one that the other arm's model expects.

    Of each treatment there are two such regressions, one on the treated and one on the control; the one with
    more rows behind its imputed side counts more. Good where one arm is far smaller than the other.

    Parameters and attributes are those of `MetaLearner`, and:

    Attributes
    ----------
    shares_ : float64 array of shape (n_treatments + 1,)
        Mean probability of each arm, by which the two regressions are weighed.

    References
    ----------
    Künzel, Sekhon, Bickel and Yu, "Metalearners for estimating heterogeneous treatment effects using machine
    learning", 2019.
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("shares_",)

    shares_: Floats

    def _learn(self, rows: Rows, trial: Trial) -> None:
        arms = [trial.treatment == arm for arm in range(trial.n_arms)]
        outcomes = [self._regress(rows[is_in], trial.y[is_in]) for is_in in arms]
        control, y = arms[0], trial.y
        models: dict[str, Regressor] = {}
        for arm in range(1, trial.n_arms):
            treated = arms[arm]
            gained = y[treated] - outcomes[0].predict(rows[treated])
            missed = outcomes[arm].predict(rows[control]) - y[control]
            models[f"treated_{arm}"] = self._regress(rows[treated], gained)
            models[f"control_{arm}"] = self._regress(rows[control], missed)
        self._keep(models)
        self.shares_ = trial.propensity.mean(axis=0)

    def _effects(self, rows: Rows) -> Floats:
        found = np.empty((len(rows), self.n_treatments_))
        for arm in range(1, self.n_treatments_ + 1):
            share = self.shares_[arm] / (self.shares_[arm] + self.shares_[0])
            by_treated, by_control = (
                self._models[f"{side}_{arm}"].predict(rows) for side in ("treated", "control")
            )
            found[:, arm - 1] = (1 - share) * by_treated + share * by_control
        return found
