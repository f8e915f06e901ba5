"""Trees answer in a web process as they did where they learned."""

import re
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from ecomai.learning.exceptions import ExportError
from ecomai.learning.export import trees
from ecomai.serving.trees import Trees

QUIET = {"verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5}


def learned(objective: str, **settings: object) -> tuple[lightgbm.Booster, np.ndarray]:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(600, 6)).astype(np.float32)
    X[rng.random(X.shape) < 0.1] = np.nan
    y = (np.nan_to_num(X[:, 0]) + np.nan_to_num(X[:, 1] * X[:, 2]) > 0).astype(int)
    known = lightgbm.Dataset(X, y, group=[10] * 60 if objective == "lambdarank" else None)
    return lightgbm.train({"objective": objective, **QUIET, **settings}, known, num_boost_round=30), X


@pytest.mark.parametrize("objective", ["binary", "regression", "lambdarank"])
def test_trees_answer_with_the_boosters_margins(objective: str, tmp_path: Path) -> None:
    booster, X = learned(objective)
    trees.export_trees(booster.model_to_string(), tmp_path / "trees.onnx")
    served = Trees(tmp_path / "trees.onnx")
    assert served.n_features == 6
    np.testing.assert_allclose(served.predict(X), booster.predict(X, raw_score=True), atol=1e-4)
    assert served.predict(X[:0]).shape == (0,)


def test_trees_that_would_answer_otherwise_are_not_written(tmp_path: Path) -> None:
    """A conversion that went wrong is noticed before anything is served."""
    booster, _X = learned("regression")
    path = tmp_path / "trees.onnx"
    graph = trees.convert_lightgbm

    def other(model: lightgbm.Booster, **options: object) -> object:
        return graph(learned("regression", learning_rate=0.5)[0], **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trees, "convert_lightgbm", other)
        with pytest.raises(ExportError, match="differs"):
            trees.export_trees(booster.model_to_string(), path)
    assert not path.exists()


def test_thresholds_that_nearly_meet_are_no_hindrance(tmp_path: Path) -> None:
    X = np.arange(40, dtype=np.float32)[:, None]
    known = lightgbm.Dataset(X, X[:, 0] > 20)
    booster = lightgbm.train({"objective": "regression", **QUIET, "num_leaves": 2}, known, num_boost_round=2)
    near = iter(("0.5000000000000000", "0.5000000000000001"))  # as long as what stood there
    text = re.sub(r"threshold=\S+", lambda found: f"threshold={next(near)}", booster.model_to_string())
    trees.export_trees(text, tmp_path / "trees.onnx")
    assert Trees(tmp_path / "trees.onnx").predict(X).shape == (40,)
