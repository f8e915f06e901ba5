"""What each feature of a case adds to its score, by asking the model itself; numpy alone."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

N_ORDERS = 16


def attribute(
    score: Callable[[NDArray[np.float32]], NDArray[np.floating]],
    x: NDArray[np.float32],
    reference: NDArray[np.float32],
    *,
    n_orders: int = N_ORDERS,
    random_state: int = 0,
) -> NDArray[np.float64]:
    """Return how the score changes as a usual case becomes this one, feature by feature.

    Features are replaced one after the other, in random orders and each order's reverse; what a feature
    changes on the way is averaged. The sum is exactly `score(x) - score(reference)`. This needs the model's
    answers and nothing of its inside, so that a web process explains an exported graph.

    Parameters
    ----------
    score : callable
        Of (n, n_features) float32 to (n,), such as log odds.
    x, reference : float32 arrays of shape (n_features,)
        The case, and a usual one.
    n_orders : int, default 16
        Two by two; each costs `n_features + 1` answers, all asked for at once.
    random_state : int, default 0
        The same case is explained the same way.

    Returns
    -------
    float64 array of shape (n_features,)

    References
    ----------
    Castro, Gómez and Tejada, "Polynomial calculation of the Shapley value based on sampling", 2009; Štrumbelj
    and Kononenko, "Explaining prediction models and individual predictions with feature contributions", 2014.

    Examples
    --------
    >>> attribute(lambda X: X.sum(axis=1), np.float32([1, 2]), np.float32([0, 0])).tolist()
    [1.0, 2.0]
    """
    n = len(x)
    orders = _orders(n, n_orders, np.random.default_rng(random_state))
    places = np.argsort(orders, axis=1)  # (n_orders, n_features): when each feature is replaced
    is_own = places[:, None, :] < np.arange(n + 1)[None, :, None]  # (n_orders, n_features + 1, n_features)
    rows = np.where(is_own, x, reference).reshape(-1, n)
    scores = np.asarray(score(rows.astype(np.float32)), dtype=np.float64).reshape(len(orders), n + 1)
    return np.take_along_axis(np.diff(scores, axis=1), places, axis=1).mean(axis=0)


def _orders(n_features: int, n_orders: int, rng: np.random.Generator) -> NDArray[np.int64]:
    half = [rng.permutation(n_features) for _ in range(max(1, n_orders // 2))]
    return np.stack([*half, *(order[::-1] for order in half)])
