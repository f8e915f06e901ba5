"""The artifact of trees over features and a transformer over events that answer together."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from ecomai.inference.calibration import Calibration
from ecomai.learning.classifiers.boosted import BoostedClassifier
from ecomai.learning.classifiers.event_sequence import EventSequenceClassifier
from ecomai.learning.exceptions import InvalidDataError

from .classifiers import export_event_classifier, export_tabular_classifier
from .layout import describe, prepare_folder

_OF_NETWORK = ("inputs", "lengths", "numbers", "n_categories", "n_text", "n_buckets", "correction")


def export_event_ensemble(
    trees: BoostedClassifier,
    network: EventSequenceClassifier,
    calibration: Calibration,
    folder: str | Path,
    *,
    typical: NDArray[np.float32],
    typical_log_odds: float,
    groups: Mapping[str, Sequence[str]],
    numbers: Sequence[str],
    streams: Mapping[str, str],
    simple: Mapping[str, Any] | None = None,
    **description: Any,
) -> Path:
    """Write an artifact of kind `event_ensemble`.

    Parameters
    ----------
    trees, network
        Fitted; see `export_tabular_classifier` and `export_event_classifier`.
    calibration : Calibration
        Of the log odds of trees and network, in this order.
    folder : path
        Created where it is missing.
    typical, groups, simple
        As in `export_tabular_classifier`.
    typical_log_odds : float
        What the network says of a good case; what it says of others is held against it.
    numbers : sequence of str
        As in `export_event_classifier`.
    streams : mapping of str to str
        Names of the streams whose events are read, and the feature without which each must not be.
    **description
        What else its `predictor.json` is to say.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    NotFittedError
        If a model has not learned.
    InvalidDataError
        If something does not fit the models.
    ExportError
        If a graph does not answer as its model does.
    """
    if len(calibration.weights) != 2:
        raise InvalidDataError("There must be a calibration of two models.")
    folder = prepare_folder(folder)
    alone = Calibration(np.ones(1), calibration.scores, calibration.probabilities)
    export_tabular_classifier(trees, alone, folder, typical=typical, groups=groups, simple=simple)
    whole = json.loads((folder / "predictor.json").read_text(encoding="utf-8"))
    arrays = load_file(folder / "arrays.safetensors") | calibration.as_arrays()
    with TemporaryDirectory() as other:
        export_event_classifier(network, alone, other, numbers=numbers)
        of_network = json.loads((Path(other) / "predictor.json").read_text(encoding="utf-8"))
        for path in Path(other).glob("network.onnx*"):
            (folder / path.name).write_bytes(path.read_bytes())
    arrays["typical_log_odds"] = np.array([typical_log_odds])
    save_file(
        {name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / "arrays.safetensors"
    )
    values = {name: whole[name] for name in ("columns", "used_columns", "groups", "simple")}
    values |= {name: of_network[name] for name in _OF_NETWORK}
    return describe(folder, "event_ensemble", **values, streams=dict(streams), **description)
