"""The learner that does best on customers it did not learn from, or the average effect where none does."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.trials import Trial

from .average_effect import AverageEffect
from .base import Floats, Rows, UpliftLearner, expect_outcomes, fold_of_rows
from .dr_learner import DRLearner
from .regressors import learn_line
from .s_learner import SLearner
from .t_learner import TLearner
from .x_learner import XLearner

#: By name; each is made with `n_threads` and `random_state`.
LEARNERS: dict[str, Callable[..., UpliftLearner]] = {
    "average": lambda **_known: AverageEffect(),
    "dr_linear": lambda **known: DRLearner("linear", **known),
    "s_linear": lambda **known: SLearner("linear", **known),
    "t_linear": lambda **known: TLearner("linear", **known),
    "x_linear": lambda **known: XLearner("linear", **known),
    "dr_trees": lambda **known: DRLearner("trees", **known),
    "s_trees": lambda **known: SLearner("trees", **known),
    "x_trees": lambda **known: XLearner("trees", **known),
    "t_trees": lambda **known: TLearner("trees", **known),
}


#: Those that also read what a sequence encoder says of a customer, where it says something.
SEQUENCE_LEARNERS: dict[str, Callable[..., UpliftLearner]] = {
    f"sequence_{name}": LEARNERS[name] for name in ("dr_linear", "t_linear", "x_linear", "x_trees")
}


def make_learner(name: str, **known: int) -> UpliftLearner:
    """Return a learner of `LEARNERS` or `SEQUENCE_LEARNERS` that has not learned yet.

    Parameters
    ----------
    name : str
    **known
        `n_threads` and `random_state`.

    Returns
    -------
    UpliftLearner

    Raises
    ------
    InvalidDataError
        If there is none of this name.
    """
    make = SEQUENCE_LEARNERS.get(name) or LEARNERS.get(name)
    if make is None:
        raise InvalidDataError(f"Learners are chosen among {', '.join(LEARNERS)}.")
    return make(**known)


class ChosenUplift(UpliftLearner):
    """Choose a learner by its doubly robust loss on rows left out, and learn it from all.

    The loss is the squared distance to doubly robust effects, which is the squared error of the effect plus
    a constant that is the same for all. The learner with the least is taken if it is for sure better than the
    average effect. Otherwise customers do not differ for sure: the average effect is taken, and a policy then
    treats all or nobody.

    Parameters
    ----------
    candidates : sequence of str, default all of `LEARNERS`
        The average effect is always among them.
    n_vectors : int, default 0
        So many columns at the end are the vector of a sequence encoder (`with_vectors`): the candidates do
        not see them, and `SEQUENCE_LEARNERS`, which see all columns, join the candidates.
    n_folds : int, default 5
    n_errors : float, default 1.64
        By so many standard errors of the difference must the least loss lie below that of the average effect.
    n_threads : int, default 0
        0 is as many as there are cores.
    random_state : int, default 0

    Attributes
    ----------
    name_ : str
        Of the learner that was taken.
    gains_ : dict of str to float
        By how much each learner's loss is below that of the average effect, in squared units of the outcome.

    References
    ----------
    Saito and Yasui, "Counterfactual cross-validation", 2020.
    """

    learned_values: ClassVar[tuple[str, ...]] = (*UpliftLearner.learned_values, "name_", "gains_")

    name_: str
    gains_: dict[str, float]

    def __init__(
        self,
        candidates: Sequence[str] = tuple(LEARNERS),
        n_vectors: int = 0,
        n_folds: int = 5,
        n_errors: float = 1.64,
        n_threads: int = 0,
        random_state: int = 0,
    ) -> None:
        self.candidates = candidates
        self.n_vectors = n_vectors
        self.n_folds = n_folds
        self.n_errors = n_errors
        self.n_threads = n_threads
        self.random_state = random_state

    def _learn(self, rows: Rows, trial: Trial) -> None:
        if not set(self.candidates) <= set(LEARNERS):
            raise InvalidDataError(f"Learners are chosen among {', '.join(LEARNERS)}.")
        if not 0 <= self.n_vectors < rows.shape[1]:
            raise InvalidDataError("Beside the columns of a vector there must be another one.")
        losses = self._losses(rows, trial)
        self.gains_ = {name: float((losses["average"] - loss).mean()) for name, loss in losses.items()}
        best = max(self.gains_, key=self.gains_.__getitem__)
        self.name_ = best if self._is_better(losses[best], losses["average"]) else "average"
        self._chosen = _fit(self._make(self.name_), self._seen(self.name_, rows), trial)

    def _effects(self, rows: Rows) -> Floats:
        return self._chosen.predict(self._seen(self.name_, rows))

    def _make(self, name: str) -> UpliftLearner:
        return make_learner(name, n_threads=self.n_threads, random_state=self.random_state)

    def _seen(self, name: str, rows: Rows) -> Rows:
        """Return what a learner sees of the columns."""
        return rows if name in SEQUENCE_LEARNERS else rows[:, : rows.shape[1] - self.n_vectors]

    def _losses(self, rows: Rows, trial: Trial) -> dict[str, Floats]:
        """Return each learner's loss on each row, when it had not learned from the row."""
        expected = expect_outcomes(
            learn_line, rows, trial,
            n_folds=self.n_folds, random_state=self.random_state + 1,
        )  # fmt: skip
        outcomes = trial.robust_outcomes(expected)
        effects = outcomes[:, 1:] - outcomes[:, :1]
        folds = fold_of_rows(trial, self.n_folds, self.random_state)
        losses = {}
        others = SEQUENCE_LEARNERS if self.n_vectors else ()
        for name in dict.fromkeys(("average", *self.candidates, *others)):
            seen = self._seen(name, rows)
            found = np.empty_like(effects)
            for fold in range(self.n_folds):
                is_out = folds == fold
                learner = _fit(self._make(name), seen[~is_out], trial.select(~is_out))
                found[is_out] = learner.predict(seen[is_out])
            losses[name] = ((effects - found) ** 2).sum(axis=1)
        return losses

    def _is_better(self, loss: Floats, average: Floats) -> bool:
        difference = average - loss
        error = float(difference.std(ddof=1)) / np.sqrt(len(difference))
        return float(difference.mean()) > self.n_errors * error

    def _save_parts(self, folder: Path) -> None:
        self._chosen.save(folder / "chosen")

    def _load_parts(self, folder: Path) -> None:
        self._chosen = type(self._make(self.name_)).load(folder / "chosen")


def _fit(learner: UpliftLearner, rows: Rows, trial: Trial) -> UpliftLearner:
    return learner.fit(rows, trial.treatment, trial.y, propensity=trial.propensity)
