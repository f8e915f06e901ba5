"""Artifacts of classifiers: trees over features, texts and pictures beside them, the network over events."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch import Tensor, nn
from torch.export import Dim

from ecomai.inference.calibration import Calibration
from ecomai.inference.event_windows import EventTable, EventWindows
from ecomai.learning.classifiers.boosted import BoostedClassifier
from ecomai.learning.classifiers.event_network import EventNetwork
from ecomai.learning.classifiers.event_sequence import EventSequenceClassifier
from ecomai.learning.classifiers.logistic import LogisticClassifier
from ecomai.learning.encoders.base import TextEncoder
from ecomai.learning.exceptions import InvalidDataError

from .graphs import compare_graph, export_graph
from .layout import describe, prepare_folder
from .text_encoder import write_text_encoder
from .trees import export_trees

NETWORK_FILE = "network.onnx"
MOST_CASES = 4096
#: What a content classifier looks at besides its columns; as `ecomai.serving.predictors` names it.
TEXT, PICTURE = "text_content", "picture_content"


def export_tabular_classifier(
    model: BoostedClassifier,
    calibration: Calibration,
    folder: str | Path,
    *,
    typical: NDArray[np.float32],
    groups: Mapping[str, Sequence[str]],
    simple: Mapping[str, Any] | None = None,
    **description: Any,
) -> Path:
    """Write an artifact of kind `tabular_classifier`.

    Parameters
    ----------
    model : BoostedClassifier
        Fitted with the names of its features.
    calibration : Calibration
        Of the trees' log odds alone.
    folder : path
        Created where it is missing.
    typical : float32 array of shape (n_features,)
        The row that contributions are held against, such as the medians of good cases.
    groups : mapping of str to sequence of str
        Which features are explained together.
    simple : mapping, optional
        The simple model that the artifact brings along, as JSON.
    **description
        What else its `predictor.json` is to say.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    NotFittedError
        If the model has not learned.
    InvalidDataError
        If the typical row or the calibration does not fit, or a group names what is no feature.
    ExportError
        If the graph does not answer as the trees do.
    """
    arrays = calibration.as_arrays() | {"typical": np.asarray(typical, dtype=np.float32)}
    if len(calibration.weights) != 1:
        raise InvalidDataError("The calibration must be of the trees alone.")
    return _write_trees(
        model, folder, arrays, groups, kind="tabular_classifier", simple=dict(simple or {}), **description
    )


def export_content_classifier(
    model: BoostedClassifier,
    line: LogisticClassifier,
    encoder: TextEncoder,
    calibration: Calibration,
    folder: str | Path,
    *,
    typical: NDArray[np.float32],
    typical_vector: NDArray[np.float32],
    groups: Mapping[str, Sequence[str]],
    picture_encoder: str = "",
    cache: str | Path | None = None,
    simple: Mapping[str, Any] | None = None,
    **description: Any,
) -> Path:
    """Write an artifact of kind `content_classifier`.

    Parameters
    ----------
    model, folder, typical, groups, simple, **description
        As in `export_tabular_classifier`.
    line : LogisticClassifier
        Fitted on vectors of texts, with those of pictures beside them where there is a `picture_encoder`.
    encoder : TextEncoder
        Fitted; it made the vectors of the texts.
    calibration : Calibration
        Of two log odds: the trees' and the line's.
    typical_vector : float32 array of shape (n_text + n_picture,)
        What contributions of text and picture are held against.
    picture_encoder : str, default ""
        Key of the encoder that made the vectors of the pictures.
    cache : path, optional
        As in `export_text_encoder`.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    NotFittedError
        If a part has not learned.
    InvalidDataError
        If the parts do not fit each other.
    ExportError
        If a graph does not answer as what it was made from.
    """
    line.check_is_fitted()
    folder = prepare_folder(folder)
    write_text_encoder(encoder, folder, Path(cache) if cache else None)
    n_picture = len(line.coefficients_) - encoder.n_features_
    is_fitting = len(typical_vector) == len(line.coefficients_) and len(calibration.weights) == 2
    if not is_fitting or n_picture < 0 or bool(n_picture) != bool(picture_encoder):
        raise InvalidDataError("Line, calibration and encoders must be of the same vectors.")
    arrays = calibration.as_arrays() | {
        "typical": np.asarray(typical, dtype=np.float32),
        "typical_vector": np.asarray(typical_vector, dtype=np.float32),
        "line": line.coefficients_,
        "intercept": np.array([line.intercept_]),
    }
    return _write_trees(
        model, folder, arrays, groups, kind="content_classifier", simple=dict(simple or {}),
        also_used=[TEXT, *([PICTURE] if n_picture else [])], picture_encoder=picture_encoder,
        n_picture=n_picture, **description,
    )  # fmt: skip


def _write_trees(
    model: BoostedClassifier, folder: str | Path, arrays: Mapping[str, NDArray[Any]],
    groups: Mapping[str, Sequence[str]], *, kind: str, also_used: Sequence[str] = (), **description: Any,
) -> Path:  # fmt: skip
    model.check_is_fitted()
    columns = list(model.feature_names_)
    unknown = {column for members in groups.values() for column in members} - set(columns)
    if len(arrays["typical"]) != len(columns) or unknown:
        raise InvalidDataError("Typical row and groups must be of the model's features.")
    folder = prepare_folder(folder)
    export_trees(model.trees_, folder / "trees.onnx")
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, _arrays_of(folder))
    used = [name for name, gain in zip(columns, model.importances(), strict=True) if gain > 0]
    return describe(
        folder,
        kind,
        columns=columns,
        used_columns=[*used, *also_used],
        groups={name: list(members) for name, members in groups.items()},
        **description,
    )


class _Logits(nn.Module):
    """The network with its inputs one after the other; categories and texts where it has them."""

    def __init__(self, network: EventNetwork) -> None:
        super().__init__()
        self.network = network
        self.names = input_names(network)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return log odds of shape (batch,) for inputs in the order of `names`."""
        given = dict(zip(self.names, inputs, strict=True))
        if "categories" not in given:
            numbers = given["numbers"]
            given["categories"] = numbers.new_zeros((*numbers.shape[:2], 0), dtype=torch.int64)
        logits: Tensor = self.network.logits(**given)
        return logits


def input_names(network: EventNetwork) -> list[str]:
    """Return what the graph reads, in order."""
    names = ["numbers", "ages", "states", "same", "kinds"]
    sizes = network.sizes
    return [*names, *(["categories"] if sizes.n_categories else []), *(["texts"] if sizes.n_text else [])]


def export_event_classifier(
    model: EventSequenceClassifier, calibration: Calibration, folder: str | Path, *, numbers: Sequence[str]
) -> Path:
    """Write an artifact of kind `event_classifier`.

    Parameters
    ----------
    model : EventSequenceClassifier
        Fitted.
    calibration : Calibration
        Of its log odds alone.
    folder : path
        Created where it is missing.
    numbers : sequence of str
        What the numbers of an event are, so that serving can tell whether it computes the same.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    NotFittedError
        If the model has not learned.
    InvalidDataError
        If the names or the calibration do not fit.
    ExportError
        If the graph does not answer as the network does.
    """
    model.check_is_fitted()
    if len(numbers) != model.sizes_["n_numbers"] or len(calibration.weights) != 1:
        raise InvalidDataError("There must be a name for each number, and a calibration of one model.")
    folder = prepare_folder(folder)
    whole = _Logits(model.network.cpu().eval())
    sample = _sample(model, n_cases=5)
    n_cases = Dim("n", min=1, max=MOST_CASES)
    shapes = {name: {0: n_cases} for name in whole.names}
    export_graph(whole, sample, folder / NETWORK_FILE, output="logits", shapes=shapes)
    for n in (1, 3, 64):
        compare_graph(whole, _sample(model, n_cases=n), folder / NETWORK_FILE, names=tuple(whole.names))
    save_file(calibration.as_arrays(), _arrays_of(folder))
    return describe(
        folder,
        "event_classifier",
        inputs=whole.names,
        lengths=list(model.lengths),
        numbers=list(numbers),
        n_categories=model.sizes_["n_categories"],
        n_text=model.sizes_["n_text"],
        n_buckets=model.n_buckets,
        correction=float(np.log(model.positive_weight)),
    )


def _sample(model: EventSequenceClassifier, n_cases: int) -> tuple[Tensor, ...]:
    """Return windows of drawn events, some of them short, with values missing."""
    rng = np.random.default_rng(n_cases)
    sizes, n_events = model.sizes_, 200
    drawn = rng.normal(3, 3, (n_events, sizes["n_numbers"]))
    drawn[rng.random(drawn.shape) < 0.1] = np.nan
    times = np.sort(rng.uniform(0, 30 * 86_400, n_events))
    table = EventTable.of(
        times,
        rng.integers(-1, 12, (n_events, sizes["n_streams"])),
        drawn,
        categories=rng.integers(0, 1000, (n_events, sizes["n_categories"])),
        outcomes=rng.integers(-1, 2, n_events),
        known_at=times + 86_400,
        texts=rng.normal(size=(n_events, sizes["n_text"])) if sizes["n_text"] else None,
    )
    inputs = EventWindows(table, model.lengths, n_buckets=model.n_buckets).inputs(
        rng.integers(0, n_events, n_cases)
    )
    return tuple(torch.from_numpy(inputs[name]) for name in input_names(model.network))


def _arrays_of(folder: Path) -> Path:
    return folder / "arrays.safetensors"
