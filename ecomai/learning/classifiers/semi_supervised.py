"""Few labels: what is known of some cases, carried over to those that they are linked with."""

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.exceptions import InvalidDataError

from .base import check_rows, check_weights
from .boosted import BoostedClassifier

UNLABELLED = -1


def spread_labels(
    links: ArrayLike, y: ArrayLike, *, clamping: float = 0.2, max_steps: int = 30
) -> NDArray[np.float64]:
    """Carry labels along links: accounts that share a device, a card or an address are alike.

    Parameters
    ----------
    links : int array-like of shape (n_links, 2)
        Pairs of cases; direction and repetition mean nothing.
    y : int array-like of shape (n_cases,)
        1, 0, or -1 where nobody knows.
    clamping : float in (0, 1), default 0.2
        How much of its own label a case gives up for those around it.
    max_steps : int, default 30

    Returns
    -------
    float64 array of shape (n_cases,)
        How likely each case is a 1; NaN where no link leads to a label.

    Raises
    ------
    InvalidDataError
        If a label is something else, a link leads to no case, or no label is known.

    References
    ----------
    Zhou et al., "Learning with local and global consistency", 2004; scikit-learn, `LabelSpreading`.

    Examples
    --------
    >>> spread_labels([[0, 1], [2, 3]], [1, -1, 0, -1]).round(2).tolist()
    [1.0, 1.0, 0.0, 0.0]
    """
    from scipy.sparse import coo_array, csr_array
    from sklearn.semi_supervised import LabelSpreading

    labels, pairs = _check_links(links, y)
    n = len(labels)
    graph = csr_array(coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n)))
    graph = ((graph + graph.T) > 0).astype(np.float64).tocsr()
    graph.setdiag(0)
    graph.eliminate_zeros()
    reached = _reached(graph, labels != UNLABELLED)
    found = np.full(n, np.nan)
    known = np.unique(labels[reached & (labels != UNLABELLED)])
    if len(known) < 2:
        found[reached] = known[0]
        return found
    part = graph[reached][:, reached]
    model = LabelSpreading(kernel=lambda _X, _Y=None: part, alpha=clamping, max_iter=max_steps)
    model.fit(np.zeros((int(reached.sum()), 1)), labels[reached])
    found[reached] = model.label_distributions_[:, 1]
    return found


def _check_links(links: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    labels = np.asarray(y)
    pairs = np.asarray(links, dtype=np.int64).reshape(-1, 2)
    if labels.ndim != 1 or not np.isin(labels, (UNLABELLED, 0, 1)).all():
        raise InvalidDataError("Labels must be 1, 0, or -1 where nobody knows.")
    if (labels == UNLABELLED).all():
        raise InvalidDataError("No label is known.")
    if len(pairs) and not 0 <= pairs.min() <= pairs.max() < len(labels):
        raise InvalidDataError("A link leads to no case.")
    return labels.astype(np.int64), pairs


def _reached(graph: Any, is_known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    from scipy.sparse.csgraph import connected_components

    n_parts, part = connected_components(graph, directed=False)
    has_label = np.bincount(part, weights=is_known, minlength=n_parts) > 0
    return has_label[part]


class SelfTrainedClassifier(BoostedClassifier):
    """Trees that also learn from cases nobody labelled, once they are sure of them.

    A first model of the labelled cases judges the others; those it is surest of, on each side as many as the
    classes have shares, are labels of less weight for the next model.

    Parameters
    ----------
    n_rounds : int, default 2
        Of judging and learning anew.
    sure_share : float in (0, 1), default 0.2
        How many of the unlabelled cases become labels at most.
    trust : float in (0, 1], default 0.3
        How much such a label counts.

    Further parameters are those of `BoostedClassifier`.

    References
    ----------
    Lee, "Pseudo-label: the simple and efficient semi-supervised learning method", 2013.
    """

    learned_values: ClassVar[tuple[str, ...]] = (*BoostedClassifier.learned_values, "n_pseudo_labels_")

    def __init__(
        self,
        n_rounds: int = 2,
        sure_share: float = 0.2,
        trust: float = 0.3,
        n_trees: int = 250,
        n_leaves: int = 8,
        learning_rate: float = 0.03,
        min_leaf: int = 20,
        feature_share: float = 0.3,
        row_share: float = 0.7,
        l2: float = 5.0,
        negative_share: float = 1.0,
        n_threads: int = 0,
        random_state: int = 0,
    ) -> None:
        super().__init__(
            n_trees, n_leaves, learning_rate, min_leaf, feature_share, row_share, l2, negative_share,
            n_threads, random_state,
        )  # fmt: skip
        self.n_rounds = n_rounds
        self.sure_share = sure_share
        self.trust = trust

    def fit(
        self, X: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None, feature_names: Any = None
    ) -> Self:
        """Learn from labelled and unlabelled rows; see `Classifier.fit`.

        Parameters
        ----------
        y : int array-like of shape (n_samples,)
            1, 0, or -1 where nobody knows.
        """
        rows = check_rows(X)
        labels = np.asarray(y)
        if labels.shape != (len(rows),) or not np.isin(labels, (UNLABELLED, 0, 1)).all():
            raise InvalidDataError("Each row needs a label: 1, 0, or -1 where nobody knows.")
        weights = check_weights(sample_weight, len(rows))
        is_known = labels != UNLABELLED
        learn = super().fit
        learn(rows[is_known], labels[is_known], sample_weight=weights[is_known], feature_names=feature_names)
        self.n_pseudo_labels_ = 0
        for _round in range(self.n_rounds if not is_known.all() else 0):
            found = self._pseudo_labels(rows, labels)
            sure = found != UNLABELLED
            learn(
                rows[sure],
                found[sure],
                sample_weight=np.where(is_known, weights, self.trust * weights)[sure],
                feature_names=feature_names,
            )
            self.n_pseudo_labels_ = int(sure.sum() - is_known.sum())
        return self

    def _pseudo_labels(self, rows: NDArray[np.float32], labels: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return labels with those of the surest unlabelled rows."""
        open_rows = np.flatnonzero(labels == UNLABELLED)
        order = open_rows[np.argsort(-self.decision_function(rows[open_rows]), kind="stable")]
        n_sure = int(self.sure_share * len(open_rows))
        n_bad = round(n_sure * float(labels[labels != UNLABELLED].mean()))
        found = labels.copy()
        found[order[:n_bad]] = 1
        found[order[len(order) - (n_sure - n_bad) :]] = 0
        return found
