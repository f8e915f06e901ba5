"""What others would predict of a campaign: econml's learners, and the class transformation."""

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ecomai.learning.trials import Trial

Floats = NDArray[np.float64]
N_THREADS = 1
TREES: dict[str, Any] = {
    "n_estimators": 60, "num_leaves": 8, "learning_rate": 0.07, "min_child_samples": 200,
    "n_jobs": N_THREADS, "verbosity": -1,
}  # fmt: skip


def predict_peers(
    X: NDArray[np.float32], trial: "Trial", X_test: NDArray[np.float32], seed: int
) -> dict[str, Floats]:
    """Return effects of the test rows, by name of the peer; econml's are left out where it is missing."""
    found = {"class_transformation": _class_transformation(X, trial, X_test, seed)}
    for name, model in _econml(seed).items():
        with warnings.catch_warnings():  # names of columns, and versions of what it calls
            warnings.simplefilter("ignore")
            model.fit(trial.y, trial.treatment, X=X)
            found[name] = np.asarray(model.effect(X_test), dtype=np.float64).ravel()
    return found


def _class_transformation(
    X: NDArray[np.float32], trial: "Trial", X_test: NDArray[np.float32], seed: int
) -> Floats:
    """Learn whether treatment and outcome agree, whose probability grows with the effect.

    Jaśkowski and Jaroszewicz, "Uplift modeling for clinical trial data", 2012.
    """
    import lightgbm

    model = lightgbm.LGBMClassifier(**TREES, random_state=seed)
    model.fit(X, trial.treatment == trial.y, sample_weight=1 / trial.received)
    return 2 * np.asarray(model.predict_proba(X_test), dtype=np.float64)[:, 1] - 1


def _econml(seed: int) -> dict[str, Any]:
    try:
        from econml.dml import CausalForestDML
        from econml.dr import DRLearner
        from econml.metalearners import XLearner
    except ImportError:
        return {}
    import lightgbm
    from sklearn.dummy import DummyClassifier

    def trees() -> Any:
        return lightgbm.LGBMRegressor(**TREES, random_state=seed)

    # Arms were drawn at random, so that nothing predicts them.
    return {
        "econml_causal_forest": CausalForestDML(
            model_y=trees(), model_t=DummyClassifier(), discrete_treatment=True, cv=3, n_estimators=100,
            min_samples_leaf=100, max_depth=8, inference=False, n_jobs=N_THREADS, random_state=seed,
        ),
        "econml_dr_learner": DRLearner(
            model_propensity=DummyClassifier(), model_regression=trees(), model_final=trees(), cv=3,
            random_state=seed,
        ),
        "econml_x_learner": XLearner(models=trees(), propensity_model=DummyClassifier()),
    }  # fmt: skip
