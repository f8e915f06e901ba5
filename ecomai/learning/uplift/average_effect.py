"""The baseline: the same effect for all."""

from typing import ClassVar

import numpy as np

from ecomai.learning.trials import Trial

from .base import Floats, Rows, UpliftLearner


class AverageEffect(UpliftLearner):
    """Predict the average effect of each treatment: whoever is treated, it brings as much.

    Attributes
    ----------
    effects_ : float64 array of shape (n_treatments,)
        Differences of mean outcomes, weighted by inverse propensity.

    Examples
    --------
    >>> model = AverageEffect().fit(np.zeros((40, 1)), [0, 1] * 20, [0, 1] * 20)
    >>> model.predict([[0.0]]).tolist()
    [[1.0]]

    References
    ----------
    Hájek, "Comment on a paper by D. Basu", 1971, for the weighted mean.
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("effects_",)

    effects_: Floats

    def _learn(self, rows: Rows, trial: Trial) -> None:
        weights = 1 / trial.received
        arms = [trial.treatment == arm for arm in range(trial.n_arms)]
        means = np.array([np.average(trial.y[is_in], weights=weights[is_in]) for is_in in arms])
        self.effects_ = means[1:] - means[0]

    def _effects(self, rows: Rows) -> Floats:
        return np.tile(self.effects_, (len(rows), 1))
