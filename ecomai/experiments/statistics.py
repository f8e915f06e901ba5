"""The statistics of experiments: pure functions of numbers, so that they can be tested by simulation.

Why not a library: those with always-valid inference are no longer kept on PyPI (`confseq`: last release in
January 2023, builds C++; `gbstats`: June 2024), and those that are kept have no confidence sequences. What
is needed are a few formulas, whose sources are named below.

References
----------
.. [1] Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas (2021). Time-uniform central limit theory and asymptotic
   confidence sequences. arXiv:2103.06476. Theorem 2.2 and its tuning of rho.
.. [2] Howard, Ramdas, McAuliffe, Sekhon (2021). Time-uniform, nonparametric, nonasymptotic confidence
   sequences. Annals of Statistics 49(2). One-sided normal mixture boundary.
.. [3] Johari, Koomen, Pekelis, Walsh (2017). Peeking at A/B tests. KDD. Always-valid p-values.
.. [4] Deng, Xu, Kohavi, Walker (2013). Improving the sensitivity of online controlled experiments by
   utilizing pre-experiment data. WSDM. CUPED.
.. [5] Lindon, Malek (2022). Anytime-valid inference for multinomial count data. NeurIPS.
.. [6] Holm (1979). A simple sequentially rejective multiple test procedure.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

SRM_ALARM = 0.001
# Weight of the prior that the split is as planned, in visitors; larger sees small deviations better.
SRM_CONCENTRATION = 1000.0
MOST_UNITS = 10**10


@dataclass(frozen=True)
class Moments:
    """Sums over visitors of an outcome `y` and of the same metric before the experiment, `x`."""

    n: int = 0
    y: float = 0.0
    yy: float = 0.0
    x: float = 0.0
    xx: float = 0.0
    xy: float = 0.0

    @classmethod
    def of(cls, y: np.ndarray, x: np.ndarray) -> "Moments":
        return cls(len(y), *(float(sum_) for sum_ in (y.sum(), y @ y, x.sum(), x @ x, x @ y)))

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(*(mine + theirs for mine, theirs in zip(self.values(), other.values(), strict=True)))

    def values(self) -> tuple:
        return (self.n, self.y, self.yy, self.x, self.xx, self.xy)

    @property
    def mean(self) -> float:
        return self.y / self.n if self.n else 0.0

    @property
    def mean_before(self) -> float:
        return self.x / self.n if self.n else 0.0

    @property
    def variance(self) -> float:
        return self._centred(self.yy, self.y, self.y) / (self.n - 1) if self.n > 1 else 0.0

    @property
    def ss_xx(self) -> float:
        return self._centred(self.xx, self.x, self.x)

    @property
    def ss_xy(self) -> float:
        return self._centred(self.xy, self.x, self.y)

    def _centred(self, product: float, one: float, other: float) -> float:
        return product - one * other / self.n if self.n else 0.0

    def adjusted_variance(self, theta: float) -> float:
        """Variance of `y - theta * x`."""
        if self.n < 2:
            return 0.0
        total = self.variance * (self.n - 1) - 2 * theta * self.ss_xy + theta**2 * self.ss_xx
        return max(total / (self.n - 1), 0.0)


def cuped_theta(arms: Sequence[Moments]) -> float:
    """Return the slope of outcome on what was before, within arms [4]_; 0 where nothing was before."""
    ss_xx = sum(arm.ss_xx for arm in arms)
    return sum(arm.ss_xy for arm in arms) / ss_xx if ss_xx > 0 else 0.0


def tune_rho2(*, planned_n: float, alpha: float) -> float:
    """Return rho squared that makes the sequence narrowest at `planned_n` visitors of both arms [1]_.

    It must be chosen before the experiment: a value that follows the data would void the guarantee.
    """
    log_term = -2 * math.log(alpha)
    return (log_term + math.log(log_term + 1)) / planned_n


def width_factor(n: float, *, alpha: float, rho2: float, is_one_sided: bool = False) -> float:
    """Return by how many standard errors the sequence reaches to each side, valid at all `n` at once.

    Two sides after [1]_, one side after [2]_. A test at one fixed `n` would have 1.96 at alpha 0.05.
    """
    spread = n * rho2 + 1
    root = math.sqrt(spread)
    log_term = math.log(1 + root / (2 * alpha)) if is_one_sided else math.log(root / alpha)
    return math.sqrt(2 * spread / (n * rho2) * log_term)


def always_valid_p(z: float, n: float, *, rho2: float) -> float:
    """Return the p-value that belongs to the two-sided sequence [1]_, [3]_."""
    spread = n * rho2 + 1
    return min(1.0, math.sqrt(spread) * math.exp(-(z**2) * n * rho2 / (2 * spread)))


@dataclass(frozen=True)
class Effect:
    """Relative lift of an arm over the control, with an interval that holds however often it is looked at.

    `standard_error` is that of the logarithm of the ratio of means.
    """

    lift: float
    low: float
    high: float
    p_value: float
    standard_error: float
    mean: float
    control_mean: float
    variance_ratio: float = 1.0


def compare(
    arm: Moments, control: Moments, *, theta: float = 0.0, alpha: float = 0.05, rho2: float,
    is_one_sided: bool = False,
) -> Effect | None:  # fmt: skip
    """Return the relative lift with its confidence sequence; None while there is nothing to compare.

    `theta` is that of `cuped_theta`; 0 leaves the outcome as it is. Ratios are compared by their logarithm,
    whose error (by the delta method) is the same whichever of the two is called the control.
    """
    if min(arm.n, control.n) < 2 or max(arm.y, control.y) <= 0:
        return None
    arm, control = _with_half_an_event(arm, control), _with_half_an_event(control, arm)
    # Both arms are moved to the same level of what was before, which leaves their common level as it is.
    level = (arm.x + control.x) / (arm.n + control.n)
    mean, base = (one.mean - theta * (one.mean_before - level) for one in (arm, control))
    if min(mean, base) <= 0:
        return None

    def error(slope: float) -> float:
        own, other = (one.adjusted_variance(slope) / one.n for one in (arm, control))
        return math.sqrt(own / mean**2 + other / base**2)

    standard_error, log_ratio, n = error(theta), math.log(mean / base), arm.n + control.n
    if standard_error == 0:
        return None
    reach = standard_error * width_factor(n, alpha=alpha, rho2=rho2, is_one_sided=is_one_sided)
    return Effect(
        lift=math.expm1(log_ratio), low=math.expm1(log_ratio - reach), high=_expm1(log_ratio + reach),
        mean=mean, control_mean=base, standard_error=standard_error,
        p_value=always_valid_p(log_ratio / standard_error, n, rho2=rho2),
        variance_ratio=(standard_error / error(0.0)) ** 2,
    )  # fmt: skip


def _with_half_an_event(one: Moments, other: Moments) -> Moments:
    """Give an arm where nothing happened half of what happens to a visitor of the other: a ratio needs it."""
    if one.y > 0 or other.y <= 0:
        return one
    typical = other.yy / other.y
    return Moments(one.n, typical / 2, typical**2 / 2, one.x, one.xx, one.xy)


def _expm1(value: float) -> float:
    return math.expm1(min(value, 50.0))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return p-values adjusted for being several [6]_, by the same keys.

    Examples
    --------
    >>> holm({"b": 0.01, "c": 0.03})
    {'b': 0.02, 'c': 0.03}
    """
    adjusted: dict[str, float] = {}
    so_far = 0.0
    for rank, (name, p) in enumerate(sorted(p_values.items(), key=lambda pair: pair[1])):
        so_far = max(so_far, min(1.0, p * (len(p_values) - rank)))
        adjusted[name] = so_far
    return {name: adjusted[name] for name in p_values}


def chi_square_p(counts: Sequence[int], weights: Sequence[float]) -> float:
    """Return how probable so uneven a split is at one look, were it as planned (Pearson's chi-square)."""
    from scipy.special import gammaincc  # not in every web process

    observed, planned = _split(counts, weights)
    if len(observed) < 2 or not observed.sum():
        return 1.0
    expected = planned * observed.sum()
    statistic = float(((observed - expected) ** 2 / expected).sum())
    return float(gammaincc((len(observed) - 1) / 2, statistic / 2))


def sequential_srm_p(counts: Sequence[int], weights: Sequence[float]) -> float:
    """Return the same, valid however often it is looked at: one over a Bayes factor [5]_."""
    from scipy.special import gammaln  # not in every web process

    observed, planned = _split(counts, weights)
    if len(observed) < 2 or not observed.sum():
        return 1.0
    prior = SRM_CONCENTRATION * planned
    log_factor = (
        gammaln(prior.sum()) - gammaln(prior.sum() + observed.sum())
        + (gammaln(prior + observed) - gammaln(prior)).sum() - (observed * np.log(planned)).sum()
    )  # fmt: skip
    return float(min(1.0, math.exp(min(-log_factor, 0.0))))


def _split(counts: Sequence[int], weights: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    planned = np.asarray(weights, dtype=float)
    return np.asarray(counts, dtype=float), planned / planned.sum()


@dataclass(frozen=True)
class SampleSize:
    """Visitors per arm: `at_once` for a single look at the end, `always_valid` with looks at any time."""

    at_once: int
    always_valid: int


def sample_size(
    *, mean: float, variance: float, minimum_effect: float, alpha: float = 0.05, power: float = 0.8,
    n_comparisons: int = 1,
) -> SampleSize:  # fmt: skip
    """Return how many visitors per arm find a relative `minimum_effect` with the given power.

    Raises ValueError where the metric does not vary, so that no number of visitors could tell.
    """
    from scipy.special import ndtri  # not in every web process

    if mean <= 0 or variance <= 0 or minimum_effect <= 0:
        raise ValueError("Mean, variance and minimum effect must be above zero.")
    level, z_power = alpha / n_comparisons, float(ndtri(power))
    z_fixed = float(-ndtri(level / 2))

    def is_enough(n: float, factor: float) -> bool:
        # The error of `compare` where the effect is there; the variance grows as the mean does.
        spread = variance / mean**2 * (1 + 1 / (1 + minimum_effect)) / n
        return math.log1p(minimum_effect) >= (factor + z_power) * math.sqrt(spread)

    def factor_at(n: float) -> float:
        return width_factor(2 * n, alpha=level, rho2=tune_rho2(planned_n=2 * n, alpha=alpha))

    return SampleSize(
        at_once=_least(lambda n: is_enough(n, z_fixed)),
        always_valid=_least(lambda n: is_enough(n, factor_at(n))),
    )


def _least(is_enough: Callable[[int], bool]) -> int:
    low, high = 1, 2
    while not is_enough(high) and high < MOST_UNITS:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
