"""Exploration: a Bayesian logistic regression whose doubt decides what is tried next."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.base import Estimator
from ecomai.learning.exceptions import InvalidDataError

NEWTON_STEPS = 20
CONVERGED = 1e-8
MAX_LOGIT = 30.0


class ThompsonBandit(Estimator):
    """Choose items by weights drawn from what is known of them: uncertain ones are tried, poor ones left.

    The reward (a click or none) is a logistic regression of features that items share, so what one item
    earned says something about those like it. The posterior is a normal distribution around the most
    likely weights, updated a batch at a time; each batch's posterior is the next one's prior.

    Parameters
    ----------
    n_features : int
        Of an item in a context; the constant is added here.
    prior_chance : float in (0, 1), default 0.02
        What is expected of an item before any feedback.
    prior_deviation : float, default 1.0
        Of each weight, in logits per unit of the feature; features should be of the size 1.
    forgetting : float in (0, 1], default 1.0
        What earlier knowledge is worth after each update; below 1 where taste moves on. Knowledge never
        falls below the prior.
    random_state : int, default 0

    Attributes
    ----------
    mean_ : float64 array of shape (n_features + 1,)
        Most likely weights, the constant last.
    precision_ : float64 array of shape (n_features + 1, n_features + 1)
        Inverse of their covariance.
    n_samples_ : int
        How much feedback was learned from.

    References
    ----------
    Chapelle and Li, "An empirical evaluation of Thompson sampling", 2011.

    Examples
    --------
    >>> bandit = ThompsonBandit(n_features=1).fit(np.empty((0, 1)), np.empty(0))
    >>> float(bandit.predict([[0.0]])[0].round(3))
    0.02
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("mean_", "precision_")
    learned_values: ClassVar[tuple[str, ...]] = ("n_samples_",)

    def __init__(
        self,
        n_features: int,
        prior_chance: float = 0.02,
        prior_deviation: float = 1.0,
        forgetting: float = 1.0,
        random_state: int = 0,
    ) -> None:
        self.n_features = n_features
        self.prior_chance = prior_chance
        self.prior_deviation = prior_deviation
        self.forgetting = forgetting
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Forget everything, then learn; with no feedback yet, the prior is all there is.

        Parameters
        ----------
        X : float array of shape (n_samples, n_features)
            What was shown. May have no row.
        y : float array of shape (n_samples,)
            Share of the showings that earned something, in [0, 1].
        sample_weight : float array of shape (n_samples,), optional
            How often it was shown. Default: once.

        Returns
        -------
        ThompsonBandit
            Itself.

        Raises
        ------
        InvalidDataError
            If shapes disagree, or a number is out of its range.
        """
        if not 0 < self.prior_chance < 1 or self.prior_deviation <= 0 or not 0 < self.forgetting <= 1:
            raise InvalidDataError("A chance lies between 0 and 1, doubt is above 0, forgetting in (0, 1].")
        self.mean_, self.precision_ = self._prior()
        self.n_samples_ = 0
        return self.partial_fit(X, y, sample_weight)

    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from more feedback; parameters as in `fit`.

        Returns
        -------
        ThompsonBandit
            Itself.
        """
        if not self.is_fitted:
            return self.fit(X, y, sample_weight)
        X, y, weights = self._checked(X, y, sample_weight)
        if not len(X):
            return self
        mean, precision = self._forget()
        found = mean.copy()
        for _ in range(NEWTON_STEPS):
            chance = _chance(X @ found)
            gradient = precision @ (found - mean) + X.T @ (weights * (chance - y))
            curvature = precision + (X.T * (weights * chance * (1 - chance))) @ X
            step = np.linalg.solve(curvature, gradient)
            # A full step from far away may jump past the top.
            found -= step / max(1.0, float(np.abs(step).max()))
            if np.abs(step).max() < CONVERGED:
                break
        chance = _chance(X @ found)
        self.mean_ = found
        self.precision_ = precision + (X.T * (weights * chance * (1 - chance))) @ X
        self.n_samples_ += round(float(weights.sum()))
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the chance of a reward at the most likely weights.

        Parameters
        ----------
        X : float array of shape (n_candidates, n_features)

        Returns
        -------
        float64 array of shape (n_candidates,)
            In (0, 1).

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        """
        self.check_is_fitted()
        return _chance(self._with_constant(X) @ self.mean_)

    def draw(
        self, X: ArrayLike, *, n_draws: int = 1, rng: np.random.Generator | None = None
    ) -> NDArray[np.float64]:
        """Return chances at weights drawn from the posterior; the greatest of a draw is what to show.

        Parameters
        ----------
        X : float array of shape (n_candidates, n_features)
        n_draws : int, default 1
        rng : numpy Generator, optional
            Default: a new one of `random_state`.

        Returns
        -------
        float64 array of shape (n_draws, n_candidates)

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        """
        self.check_is_fitted()
        rng = rng or np.random.default_rng(self.random_state)
        root = np.linalg.cholesky(self.precision_)
        noise = np.linalg.solve(root.T, rng.standard_normal((len(self.mean_), n_draws)))
        return _chance(self._with_constant(X) @ (self.mean_[:, None] + noise)).T

    def propensities(
        self, X: ArrayLike, *, n_draws: int = 1000, rng: np.random.Generator | None = None
    ) -> NDArray[np.float64]:
        """Return how likely each candidate is to be chosen first, by simulation.

        Parameters
        ----------
        X : float array of shape (n_candidates, n_features)
        n_draws : int, default 1000
            Each candidate gets half a draw more, so that none is impossible.
        rng : numpy Generator, optional
            As in `draw`.

        Returns
        -------
        float64 array of shape (n_candidates,)
            Sums to 1.
        """
        drawn = self.draw(X, n_draws=n_draws, rng=rng)
        wins = np.bincount(drawn.argmax(axis=1), minlength=drawn.shape[1]) + 0.5
        return wins / wins.sum()

    def _prior(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        mean = np.zeros(self.n_features + 1)
        mean[-1] = np.log(self.prior_chance / (1 - self.prior_chance))
        return mean, np.eye(self.n_features + 1) / self.prior_deviation**2

    def _forget(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the prior of the next update: what is known, faded towards the first prior."""
        if self.forgetting == 1.0:
            return self.mean_, self.precision_
        first_mean, first = self._prior()
        kept, added = self.precision_ * self.forgetting, first * (1 - self.forgetting)
        precision = kept + added
        mean = np.linalg.solve(precision, kept @ self.mean_ + added @ first_mean)
        return mean.astype(np.float64), precision

    def _with_constant(self, X: ArrayLike) -> NDArray[np.float64]:
        X = np.asarray(X, dtype=np.float64)
        if X.ndim != 2 or X.shape[1] != self.n_features or not np.all(np.isfinite(X)):
            raise InvalidDataError(f"Each candidate has {self.n_features} finite features.")
        return np.concatenate([X, np.ones((len(X), 1))], axis=1)

    def _checked(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        X, y = self._with_constant(X), np.asarray(y, dtype=np.float64)
        weights = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        if y.shape != (len(X),) or weights.shape != y.shape:
            raise InvalidDataError("Each row needs what it earned, and how often it was shown.")
        if not np.all((y >= 0) & (y <= 1)) or not np.all(np.isfinite(weights) & (weights >= 0)):
            raise InvalidDataError("Rewards lie between 0 and 1, and weights are at least 0.")
        return X, y, weights


def _chance(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-np.clip(logits, -MAX_LOGIT, MAX_LOGIT)))
