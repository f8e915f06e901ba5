"""What estimators that grow boosted trees tell LightGBM alike."""

from typing import Any, Protocol


class GrowsTrees(Protocol):
    """The hyperparameters of an estimator that grows boosted trees."""

    n_leaves: int
    learning_rate: float
    min_leaf: int
    feature_share: float
    row_share: float
    l2: float
    n_threads: int
    random_state: int


def lightgbm_parameters(trees: GrowsTrees, **more: Any) -> dict[str, Any]:
    """Return an estimator's hyperparameters under LightGBM's names; the same seed grows the same trees.

    Parameters
    ----------
    trees : GrowsTrees
    **more
        Under LightGBM's own names, such as `objective`.

    Returns
    -------
    dict

    References
    ----------
    Ke et al., "LightGBM: a highly efficient gradient boosting decision tree", 2017.
    """
    return {
        "num_leaves": trees.n_leaves, "learning_rate": trees.learning_rate,
        "min_data_in_leaf": trees.min_leaf, "feature_fraction": trees.feature_share,
        "bagging_fraction": trees.row_share, "bagging_freq": 1, "lambda_l2": trees.l2,
        "num_threads": trees.n_threads, "seed": trees.random_state, "deterministic": True,
        "force_row_wise": True, "verbosity": -1, **more,
    }  # fmt: skip
