"""Boosted trees as an ONNX graph, so that a web process needs no LightGBM."""

import re
from pathlib import Path

import lightgbm
import numpy as np
import onnxruntime
from onnxmltools.convert import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

from ecomai.learning.exceptions import ExportError

# The greatest difference of margins: ONNX adds the trees in another order.
TOLERANCE = 1e-4
N_SAMPLES = 256
# LightGBM writes it as what the model is and as what was asked for; the converter looks at both.
_OBJECTIVE = re.compile(r"^(objective=|\[objective: ).*?(\]?)$", flags=re.MULTILINE)


def export_trees(model_text: str, path: Path) -> None:
    """Write what LightGBM has learned as a graph that answers with raw margins.

    `ecomai.serving.trees.Trees` reads it.

    Parameters
    ----------
    model_text : str
        A booster with one output (binary, regression, ranking) as `Booster.model_to_string` writes it.
    path : Path
        Where the graph goes.

    Raises
    ------
    ExportError
        If the graph does not answer as the booster does; then nothing is left at `path`.
    """
    booster = lightgbm.Booster(model_str=model_text)
    # Whatever they were trained for, the graph gives the trees' sum: what to make of it is the reader's.
    plain = lightgbm.Booster(model_str=_OBJECTIVE.sub(r"\1regression\2", model_text))
    inputs = [("X", FloatTensorType([None, booster.num_feature()]))]
    graph = convert_lightgbm(plain, initial_types=inputs).SerializeToString()
    _compare(booster, graph, name=path.name)
    path.write_bytes(graph)


def _compare(booster: lightgbm.Booster, graph: bytes, *, name: str) -> None:
    X = _samples(booster)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    answered = session.run(None, {"X": X})[0].ravel()
    difference = float(np.abs(answered - booster.predict(X, raw_score=True)).max(initial=0))
    if not difference <= TOLERANCE:  # also where it is not a number
        raise ExportError(f"{name} differs from its trees by {difference:.2g}; it was not exported.")


def _samples(booster: lightgbm.Booster) -> np.ndarray:
    """Draw rows around the thresholds of the trees, some values missing."""
    rng = np.random.default_rng(0)
    thresholds = _thresholds(booster)
    columns = []
    for name in booster.feature_name():
        low, high = thresholds.get(name, (0.0, 0.0))
        columns.append(rng.uniform(low - 1, high + 1, N_SAMPLES))
    X = np.stack(columns, axis=1).astype(np.float32)
    X[rng.random(X.shape) < 0.05] = np.nan
    return X


def _thresholds(booster: lightgbm.Booster) -> dict[str, tuple[float, float]]:
    """Return the least and the greatest threshold of each feature that is used."""
    if not booster.num_trees():
        return {}
    splits = booster.trees_to_dataframe().dropna(subset=["split_feature"])
    found = splits["threshold"].astype(float).groupby(splits["split_feature"]).agg(["min", "max"])
    return {str(name): (float(row["min"]), float(row["max"])) for name, row in found.iterrows()}
