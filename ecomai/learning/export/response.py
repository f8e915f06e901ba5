"""The artifact of the network that tells clicks and conversions of advertisements."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from safetensors.numpy import save_file
from torch import Tensor
from torch.export import Dim

from ecomai.inference.exposures import Contents, bucket_of
from ecomai.learning.encoders.base import TextEncoder
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.response.joint import JointResponse
from ecomai.learning.response.joint_network import INPUTS

from .graphs import compare_graph, export_graph
from .layout import check_ids, describe, prepare_folder, write_items
from .text_encoder import write_text_encoder

NETWORK_FILE = "network.onnx"
MOST_EXPOSURES = 4096


def export_response(
    model: JointResponse,
    encoder: TextEncoder,
    folder: str | Path,
    *,
    item_ids: Sequence[str],
    contents: Contents,
    categories: Sequence[str],
    numbers: Sequence[str],
    cache: str | Path | None = None,
    **description: Any,
) -> Path:
    """Write an artifact of kind `response`.

    Items are encoded beforehand, so that serving runs the small graph behind the encoder alone; what comes
    later is encoded by the text encoder and the arrays that the artifact brings along.

    Parameters
    ----------
    model : JointResponse
        Fitted.
    encoder : TextEncoder
        Fitted; it made the vectors of the contents.
    folder : path
        Created where it is missing.
    item_ids : sequence of n_items str
    contents : Contents
        Of the items, in this order.
    categories, numbers : sequence of str
        What the columns of an exposure are, so that serving can tell whether it computes the same.
    cache : path, optional
        As in `export_text_encoder`.
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
        If ids, names or vectors do not fit the model.
    ExportError
        If the graph does not answer as the network does.
    """
    model.check_is_fitted()
    sizes = model.sizes_
    if (len(categories), len(numbers)) != (sizes["n_categories"], sizes["n_numbers"]):
        raise InvalidDataError("There must be a name for each category and each number.")
    if encoder.n_features_ != sizes["n_text"] or contents.vectors.shape[1] != sizes["n_text"]:
        raise InvalidDataError("Encoder and vectors must be those that the model learned from.")
    check_ids(item_ids, len(contents))
    folder = prepare_folder(folder)
    write_text_encoder(encoder, folder, Path(cache) if cache else None)
    write_items(folder, item_ids)
    head = model.network.cpu().eval().head
    n = Dim("n", min=1, max=MOST_EXPOSURES)
    shapes = {name: {0: n} for name in INPUTS}
    export_graph(head, _sample(model, 5), folder / NETWORK_FILE, output="log_odds", shapes=shapes)
    for n_exposures in (1, 3, 64):
        compare_graph(head, _sample(model, n_exposures), folder / NETWORK_FILE, names=INPUTS)
    save_file(_arrays(model, contents), folder / "arrays.safetensors")
    return describe(
        folder, "response", categories=list(categories), numbers=list(numbers), n_buckets=model.n_buckets,
        n_steps=sizes["n_steps"], **description,
    )  # fmt: skip


def _arrays(model: JointResponse, contents: Contents) -> dict[str, np.ndarray]:
    encode = model.network.contents
    with torch.no_grad():
        items = encode(
            torch.from_numpy(contents.vectors), torch.from_numpy(bucket_of(contents.keys, model.n_buckets))
        )
    arrays = {
        "items": items,
        "projection": encode.project.weight.T,
        "offset": encode.project.bias,
        "memory": encode.memory.weight,
    }
    found: dict[str, ArrayLike] = {name: array.detach().numpy() for name, array in arrays.items()}
    found["lines"] = np.asarray(model.lines_, dtype=np.float64)
    return {name: np.ascontiguousarray(array) for name, array in found.items()}


def _sample(model: JointResponse, n: int) -> tuple[Tensor, ...]:
    """Return drawn exposures, some of them without a history, with values missing."""
    rng, sizes, dim = np.random.default_rng(n), model.sizes_, model.dim
    numbers = rng.normal(size=(n, sizes["n_numbers"])).astype(np.float32)
    numbers[rng.random(numbers.shape) < 0.2] = np.nan
    histories = rng.normal(size=(n, sizes["n_steps"], dim)).astype(np.float32)
    is_known = (rng.random((n, sizes["n_steps"])) < 0.5).astype(np.float32)
    is_known[::2] = 0
    drawn = [
        rng.integers(0, model.n_buckets, (n, sizes["n_categories"])),
        numbers,
        *(rng.normal(size=(n, dim)).astype(np.float32) for _ in range(2)),
        histories * is_known[..., None],
        is_known,
    ]
    return tuple(torch.from_numpy(np.ascontiguousarray(array)) for array in drawn)
