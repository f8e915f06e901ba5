"""What is unusual, before anybody has said what is bad."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.inference.isolation import ARRAYS, IsolationTrees
from ecomai.learning.base import Estimator
from ecomai.learning.exceptions import InvalidDataError

from .base import check_rows

N_LEVELS = 1000


class AnomalyDetector(Estimator):
    """Say how unusual a case is, by how soon random cuts isolate it.

    scikit-learn grows the trees; they are kept as arrays, which numpy reads. What it says is no probability
    of fraud but a place among ordinary cases: 0.99 is more unusual than 99 of 100.

    Parameters
    ----------
    n_trees : int, default 100
    n_samples : int, default 256
        Cases that each tree sees.
    random_state : int, default 0

    Attributes
    ----------
    trees : IsolationTrees

    References
    ----------
    Liu, Ting and Zhou, "Isolation forest", 2008.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(500, 2))
    >>> bool(AnomalyDetector().fit(rows).predict_proba([[9.0, -9.0]])[0, 1] > 0.99)
    True
    """

    learned_arrays: ClassVar[tuple[str, ...]] = tuple(f"{name}_" for name in ARRAYS)

    def __init__(self, n_trees: int = 100, n_samples: int = 256, random_state: int = 0) -> None:
        self.n_trees = n_trees
        self.n_samples = n_samples
        self.random_state = random_state

    def fit(self, X: ArrayLike) -> Self:
        """Learn what is usual.

        Parameters
        ----------
        X : float array-like of shape (n_samples, n_features)
            Unlabelled cases, NaN where something is missing.

        Returns
        -------
        AnomalyDetector
            Itself.

        Raises
        ------
        InvalidDataError
            If there is no case, or a number is infinite.
        """
        from sklearn.ensemble import IsolationForest

        rows = check_rows(X)
        if not len(rows):
            raise InvalidDataError("There is no case to learn from.")
        fill = _medians(rows)
        filled = np.where(np.isnan(rows), fill, rows)
        forest = IsolationForest(
            n_estimators=self.n_trees,
            max_samples=min(self.n_samples, len(rows)),
            random_state=self.random_state,
        ).fit(filled)
        arrays = _arrays_of(forest) | {"fill": fill, "levels": np.zeros(1)}
        found = np.sort(-IsolationTrees.of_arrays(arrays).mean_depth(filled))
        arrays["levels"] = np.quantile(found, np.linspace(0, 1, min(N_LEVELS, len(found))))
        for name, array in arrays.items():
            setattr(self, f"{name}_", array)
        return self

    @property
    def trees(self) -> IsolationTrees:
        self.check_is_fitted()
        return IsolationTrees.of_arrays({name: getattr(self, f"{name}_") for name in ARRAYS})

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return scores of shape (n_samples,), greater is more unusual.

        Parameters
        ----------
        X : float array-like of shape (n_samples, n_features)

        Returns
        -------
        float64 array of shape (n_samples,)
            The negative mean depth.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        InvalidDataError
            If the number of features differs, or a number is infinite.
        """
        trees = self.trees
        return -trees.mean_depth(check_rows(X, len(trees.fill)))

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the shares of ordinary cases that are more and less unusual: (n_samples, 2)."""
        trees = self.trees
        found = trees.unusualness(check_rows(X, len(trees.fill)))
        return np.stack([1 - found, found], axis=1)


def _medians(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    is_empty = np.isnan(rows).all(axis=0)
    return np.where(is_empty, 0.0, np.nanmedian(np.where(is_empty, 0.0, rows), axis=0)).astype(np.float64)


def _arrays_of(forest: object) -> dict[str, NDArray[np.generic]]:
    """Return the nodes of scikit-learn's trees one after the other."""
    parts: dict[str, list[NDArray[np.generic]]] = {name: [] for name in ARRAYS[:5]}
    roots, n_nodes = [], 0
    grown = zip(forest.estimators_, forest.estimators_features_, strict=True)  # type: ignore[attr-defined]
    for estimator, columns in grown:
        tree = estimator.tree_
        is_leaf = tree.children_left < 0
        parts["features"].append(np.where(is_leaf, -1, columns[np.maximum(tree.feature, 0)]).astype(np.int32))
        parts["thresholds"].append(tree.threshold.astype(np.float64))
        for name, children in (("lefts", tree.children_left), ("rights", tree.children_right)):
            parts[name].append(np.where(is_leaf, -1, children + n_nodes).astype(np.int32))
        parts["depths"].append(_node_depths(tree) + _expected_depth(tree.n_node_samples))
        roots.append(n_nodes)
        n_nodes += tree.node_count
    found: dict[str, NDArray[np.generic]] = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    return found | {"roots": np.array(roots, dtype=np.int32)}


def _node_depths(tree: object) -> NDArray[np.float64]:
    lefts, rights = tree.children_left, tree.children_right  # type: ignore[attr-defined]
    depths = np.zeros(len(lefts))
    for node in np.flatnonzero(lefts >= 0):  # children come after their parent
        depths[[lefts[node], rights[node]]] = depths[node] + 1
    return depths


def _expected_depth(n: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return how much deeper a case would lie if a leaf of `n` cases were cut on: as in the paper."""
    many = np.maximum(n, 2).astype(np.float64)
    grown = 2 * (np.log(many - 1) + np.euler_gamma) - 2 * (many - 1) / many
    return np.where(n <= 1, 0.0, np.where(n == 2, 1.0, grown))
