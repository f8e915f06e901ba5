"""A trial: who was given which treatment, with what probability, and what came of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .exceptions import InvalidDataError

CONTROL = 0
LEAST_ROWS = 2  # of each arm


@dataclass(frozen=True)
class Trial:
    """Customers of a campaign with a control group; made and checked by `make_trial`.

    Attributes
    ----------
    treatment : int64 array of shape (n_samples,)
        The arm: 0 is the control, 1 to n_treatments what was done.
    y : float64 array of shape (n_samples,)
        The outcome, such as 1 for a visit, or money spent.
    propensity : float64 array of shape (n_samples, n_treatments + 1)
        Probability with which each arm would have been given; rows add up to 1.
    """

    treatment: NDArray[np.int64]
    y: NDArray[np.float64]
    propensity: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.y)

    @property
    def n_arms(self) -> int:
        return self.propensity.shape[1]

    @property
    def received(self) -> NDArray[np.float64]:
        """Probability of the arm that was given, of shape (n_samples,)."""
        return self.propensity[np.arange(len(self)), self.treatment]

    @property
    def is_binary(self) -> bool:
        """Whether the outcome either happened or did not."""
        return bool(np.isin(self.y, (0, 1)).all())

    def select(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> "Trial":
        return Trial(self.treatment[rows], self.y[rows], self.propensity[rows])

    def robust_outcomes(self, expected: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return what each customer's outcome would have been in each arm, right on average.

        A model's expectation, corrected in the arm that was given by what it got wrong there. One customer's
        numbers mean little; a mean over customers is unbiased where the propensities are right.

        Parameters
        ----------
        expected : float array-like of shape (n_samples, n_arms), optional
            Outcomes that a model expects, which did not learn from the row itself. Default: 0, which leaves
            inverse propensity weighting.

        Returns
        -------
        float64 array of shape (n_samples, n_arms)

        Raises
        ------
        InvalidDataError
            If something else is expected than a number for each row and arm.

        References
        ----------
        Robins, Rotnitzky and Zhao, "Estimation of regression coefficients when some regressors are not
        always observed", 1994.
        """
        shape = (len(self), self.n_arms)
        model = np.zeros(shape) if expected is None else np.asarray(expected, dtype=np.float64)
        if model.shape != shape or not np.isfinite(model).all():
            raise InvalidDataError("The model must expect an outcome of each row in each arm.")
        found = model.copy()
        rows = np.arange(len(self))
        found[rows, self.treatment] += (self.y - model[rows, self.treatment]) / self.received
        return found


def make_trial(
    treatment: ArrayLike, y: ArrayLike, propensity: ArrayLike | None = None, *, n_arms: int | None = None
) -> Trial:
    """Check what is known of a trial.

    Parameters
    ----------
    treatment : int array-like of shape (n_samples,)
        0 is the control.
    y : float array-like of shape (n_samples,)
        Outcomes.
    propensity : float array-like of shape (n_arms,) or (n_samples, n_arms), optional
        Probabilities of the arms. Default: their shares, as where they were drawn with the same for all.
    n_arms : int, optional
        Default: as many as `propensity` has, or occur.

    Returns
    -------
    Trial

    Raises
    ------
    InvalidDataError
        If the treatment was given to all, or to nobody, or an arm is empty: there is no lift to report. Also
        if sizes differ, an outcome is not finite, or probabilities are none.

    Examples
    --------
    >>> make_trial([0, 1, 0, 1], [0, 1, 1, 1]).propensity[0].tolist()
    [0.5, 0.5]
    """
    arms, outcomes = _check_arms(treatment), np.asarray(y, dtype=np.float64)
    if outcomes.shape != arms.shape or not np.isfinite(outcomes).all():
        raise InvalidDataError("Each row needs an outcome that is a number.")
    given = None if propensity is None else np.asarray(propensity, dtype=np.float64)
    n_found = int(arms.max()) + 1
    n_expected = n_arms or max(2, n_found if given is None else given.shape[-1])
    if n_found > n_expected:
        raise InvalidDataError(f"There are {n_expected} arms, but a row has arm {n_found - 1}.")
    counts = np.bincount(arms, minlength=n_expected)
    _check_counts(counts)
    shares = counts / len(arms) if given is None else given
    trial = Trial(arms, outcomes, _check_propensity(shares, len(arms), n_expected))
    if trial.received.min() <= 0:
        raise InvalidDataError("A row has an arm that it could not have been given.")
    return trial


def _check_arms(treatment: ArrayLike) -> NDArray[np.int64]:
    arms = np.asarray(treatment)
    if arms.ndim != 1 or not len(arms):
        raise InvalidDataError("Treatments are a list of arms, one of each row.")
    if arms.dtype.kind not in "biuf" or not np.equal(np.mod(arms, 1), 0).all() or arms.min() < 0:
        raise InvalidDataError("An arm is a whole number: 0 for the control, 1 and more for treatments.")
    return arms.astype(np.int64)


def _check_counts(counts: NDArray[np.integer]) -> None:
    if counts[CONTROL] < LEAST_ROWS:
        raise InvalidDataError(
            "The treatment was given to all: without a control group there is no lift to report. "
            "Hold out a part of the audience next time."
        )
    for arm in np.flatnonzero(counts < LEAST_ROWS):
        raise InvalidDataError(
            f"Arm {arm} has {counts[arm]} rows: there is no lift to report of a treatment that nobody got."
        )


def _check_propensity(propensity: NDArray[np.float64], n_samples: int, n_arms: int) -> NDArray[np.float64]:
    if propensity.shape not in ((n_arms,), (n_samples, n_arms)):
        raise InvalidDataError(f"There must be a probability for each of {n_arms} arms.")
    if not np.isfinite(propensity).all() or propensity.min() < 0:
        raise InvalidDataError("A probability lies between 0 and 1.")
    if not np.allclose(propensity.sum(axis=-1), 1, atol=1e-6):
        raise InvalidDataError("Probabilities of the arms add up to 1.")
    return np.broadcast_to(propensity, (n_samples, n_arms))
