"""Favourites of customers of whom little is known: what they bought, filled up by what is near to it.

Counts of two purchases name two things, and nothing else. The encoder says which other categories are like
them, and the more is known of a customer, the less that counts. Arrays alone.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

#: As if so many usual orders had gone before, and how much likeness counts; chosen on an earlier cut of
#: Online Retail (benchmark `tastes`).
STRENGTH_ORDERS, TEMPERATURE = 2.0, 0.2


def expected_shares(
    tastes: Floats, middles: Floats, popularity: Floats, *, temperature: float = TEMPERATURE
) -> NDArray[np.float64]:
    """Return how probably each customer takes from each category, by likeness and by what all take.

    Parameters
    ----------
    tastes : float array of shape (n_customers, n_dimensions)
        Of length 1, or 0 for whom nothing is known: they get what all take.
    middles : float array of shape (n_categories, n_dimensions)
        The mean of the vectors of each category's items.
    popularity : float array of shape (n_categories,)
        Shares of all, above 0.
    temperature : float
        The lower, the more likeness counts beside what all take.

    Returns
    -------
    float64 array of shape (n_customers, n_categories)
    """
    scores = tastes.astype(np.float64) @ middles.T.astype(np.float64) / temperature + np.log(popularity)
    scores -= scores.max(axis=1, keepdims=True)
    weights = np.exp(scores)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def smoothed_shares(counts: Floats, expected: Floats, *, strength: float) -> NDArray[np.float64]:
    """Return shares as if `strength` purchases had gone before, taken as expected.

    Parameters
    ----------
    counts : float array of shape (n_customers, n_categories)
    expected : float array of shape (n_customers, n_categories)
        Rows sum to 1.

    Examples
    --------
    >>> smoothed_shares(np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]]), strength=1.0).tolist()
    [[0.75, 0.25]]
    """
    return np.asarray((counts + strength * expected) / (counts.sum(axis=1, keepdims=True) + strength))
