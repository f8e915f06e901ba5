"""Artifacts of recommenders."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch import Tensor, nn
from torch.export import Dim

from ecomai.inference.event_context import N_GAPS
from ecomai.learning.encoders.base import TextEncoder
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.recommenders.item_item import ItemItemRecommender
from ecomai.learning.recommenders.popularity import PopularityRecommender
from ecomai.learning.recommenders.sequence import SequenceRecommender

from .graphs import compare_graph, export_graph
from .layout import check_ids, describe, prepare_folder, write_items
from .text_encoder import add_text_encoder

NEXT_ITEM_FORMAT = 3  # neighbours


def export_next_item(
    model: SequenceRecommender,
    folder: str | Path,
    *,
    item_ids: Sequence[str],
    event_types: Sequence[str] = (),
    neighbours: ItemItemRecommender | None = None,
    neighbour_weight: float = 0.0,
    text_encoder: TextEncoder | Path | None = None,
    encoder_cache: str | Path | None = None,
) -> Path:
    """Write an artifact of kind `next_item`.

    The model itself is stored in it too, so that an update may go on from it: see `load_next_item`.

    Parameters
    ----------
    model : SequenceRecommender
        Fitted.
    folder : path
        Created where it is missing.
    item_ids : sequence of n_items str
        The shop's name of each position of the catalogue.
    event_types : sequence of str, default ()
        The shop's name of each kind of event, where the model reads kinds.
    neighbours : ItemItemRecommender, optional
        Fitted on the same catalogue; its scores are added to the model's.
    neighbour_weight : float, default 0.0
        What its scores are multiplied by; see `recommenders.blending`. At 0 they are left out.
    text_encoder : TextEncoder or Path, optional
        What made the text vectors; with it, serving can place items that came after training. A folder
        holds the files of one that was exported.
    encoder_cache : path, optional
        As in `export_text_encoder`.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    NotFittedError
        If the model has not learned.
    InvalidDataError
        If there is not one id per item, or two are equal, or a kind of event has no name, or the
        neighbours are those of another catalogue.
    ExportError
        If a graph does not answer as the model does.
    """
    model.check_is_fitted()
    if model.n_types_ > len(event_types):
        raise InvalidDataError(f"There are names for {len(event_types)} of {model.n_types_} kinds of events.")
    folder = prepare_folder(folder)
    check_ids(item_ids, model.n_items_)
    write_items(folder, item_ids)
    blend = _blend(neighbours, neighbour_weight, folder, model.n_items_)
    _write_sequence_model(model, folder)
    add_text_encoder(text_encoder, folder, encoder_cache)
    return describe(
        folder, "next_item", format_version=NEXT_ITEM_FORMAT,
        has_context=model.has_context, event_types=list(event_types[: model.n_types_]),
        dim=int(model.item_vectors_.shape[1]), max_length=model.max_length, n_features=model.n_features_,
        has_text_encoder=text_encoder is not None, **blend,
    )  # fmt: skip


def _blend(
    neighbours: ItemItemRecommender | None, weight: float, folder: Path, n_items: int
) -> dict[str, Any]:
    """Write the neighbours that are added, where any are; return what serving has to know of them."""
    if neighbours is None or not weight:
        return {}
    if neighbours.own_weight:
        raise InvalidDataError("Neighbours that recommend a history's own items cannot be added.")
    return {"neighbour_weight": float(weight), **_write_neighbours(neighbours, folder, n_items)}


def _write_sequence_model(model: SequenceRecommender, folder: Path) -> None:
    """Write the graphs that serve, the vectors of items, and the model itself, to go on from."""
    _export_user_encoder(model, folder / "user_encoder.onnx")
    if model.n_features_:
        _export_item_encoder(model, folder / "item_encoder.onnx")
    save_file({"item_vectors": model.item_vectors_}, folder / "items.safetensors")
    model.save(folder)


def load_next_item(folder: str | Path, **overrides: Any) -> tuple[SequenceRecommender, list[str]]:
    """Read the model of an artifact of kind `next_item`, to go on from it.

    Parameters
    ----------
    folder : path
        The artifact.
    **overrides
        As in `Estimator.load`.

    Returns
    -------
    model : SequenceRecommender
        Fitted.
    item_ids : list of n_items str
        The shop's name of each position of its catalogue.

    Raises
    ------
    FileNotFoundError
        If the artifact was written without its model.
    FormatVersionError
        If the model was stored in another format.
    """
    folder = Path(folder)
    item_ids = json.loads((folder / "items.json").read_text(encoding="utf-8"))
    return SequenceRecommender.load(folder, **overrides), item_ids


def export_similar_items(
    model: ItemItemRecommender,
    folder: str | Path,
    *,
    item_ids: Sequence[str],
    item_vectors: NDArray[np.float32] | None = None,
    text_encoder: TextEncoder | Path | None = None,
    encoder_cache: str | Path | None = None,
) -> Path:
    """Write an artifact of kind `similar_items`.

    Parameters
    ----------
    model : ItemItemRecommender
        Fitted.
    folder : path
        Created where it is missing.
    item_ids : sequence of n_items str
        The shop's name of each position of the catalogue.
    item_vectors : float32 array of shape (n_items, n_features), optional
        Text vectors; with them, an item that came after training has neighbours by its text.
    text_encoder, encoder_cache
        As in `export_next_item`; what made the vectors makes those of items that came after training.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    NotFittedError, InvalidDataError
        As `export_next_item`.
    """
    model.check_is_fitted()
    folder = prepare_folder(folder)
    check_ids(item_ids, model.n_items_)
    facts = _write_neighbours(model, folder, model.n_items_, item_vectors)
    write_items(folder, item_ids)
    add_text_encoder(text_encoder, folder, encoder_cache)
    return describe(
        folder,
        "similar_items",
        has_text_encoder=text_encoder is not None,
        n_features=0 if item_vectors is None else int(item_vectors.shape[1]),
        **facts,
    )


def _write_neighbours(
    model: ItemItemRecommender, folder: Path, n_items: int, texts: NDArray[np.float32] | None = None
) -> dict[str, Any]:
    """Write the neighbours and, for items that come later, texts; return what else scoring needs."""
    model.check_is_fitted()
    if model.n_items_ != n_items:
        raise InvalidDataError(f"The neighbours are those of {model.n_items_} items, not of {n_items}.")
    arrays = {"neighbours": model.neighbours_, "similarities": model.similarities_}
    if texts is not None:
        if len(texts) != n_items:
            raise InvalidDataError(f"There are {len(texts)} vectors for {n_items} items.")
        # Half precision: only their cosines are needed, to two digits.
        arrays["text_vectors"] = texts.astype(np.float16)
    save_file(arrays, folder / "neighbours.safetensors")
    return {"history_decay": model.history_decay, "text_scale": model.text_scale_}


def export_popularity(model: PopularityRecommender, folder: str | Path, *, item_ids: Sequence[str]) -> Path:
    """Write an artifact of kind `popularity`.

    Parameters
    ----------
    model : PopularityRecommender
        Fitted.
    folder : path
        Created where it is missing.
    item_ids : sequence of n_items str
        The shop's name of each position of the catalogue.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    NotFittedError, InvalidDataError
        As `export_next_item`.
    """
    model.check_is_fitted()
    folder = prepare_folder(folder)
    check_ids(item_ids, model.n_items_)
    save_file({"scores": model.popularity_}, folder / "popularity.safetensors")
    write_items(folder, item_ids)
    return describe(folder, "popularity")


def _export_user_encoder(model: SequenceRecommender, path: Path) -> None:
    users, longest = model.network.users, model.max_length
    batch, time = Dim("batch"), Dim("time", min=1, max=max(longest, 2))
    shapes = {"item_vectors": {0: batch, 1: time}, "lengths": {0: batch}}
    if model.has_context:
        shapes["context"] = {0: batch, 1: time}
    # A dimension of 1 in the sample would be taken for a constant.
    sample = _sample_histories(model, 3, min(max(longest, 2), 12))
    export_graph(users, sample, path, output="user_vectors", shapes=shapes)
    for n_histories, length in ((1, 1), (2, longest)):
        compare_graph(users, _sample_histories(model, n_histories, length), path, names=tuple(shapes))


def _sample_histories(model: SequenceRecommender, n_histories: int, length: int) -> tuple[Tensor, ...]:
    vectors = torch.randn(n_histories, length, model.item_vectors_.shape[1])
    lengths = torch.randint(0, length + 1, (n_histories,))
    if not model.has_context:
        return vectors, lengths
    types, gaps = (torch.randint(0, 1 + most, (n_histories, length)) for most in (model.n_types_, N_GAPS))
    return vectors, lengths, torch.stack([types, gaps], dim=-1)


def _export_item_encoder(model: SequenceRecommender, path: Path) -> None:
    items = model.network.items.cpu()
    encoder = _ItemsFromText(items)
    # Like the catalogue's texts: what lies far from all of them is stretched, and rounding with it.
    spread = items.text_scale * model.n_features_**-0.5
    sample, other = (items.text_mean + spread * torch.randn(n, model.n_features_) for n in (3, 1))
    export_graph(encoder, (sample,), path, output="item_vectors",
            shapes={"text_vectors": {0: Dim("batch")}})  # fmt: skip
    compare_graph(encoder, (other,), path, names=("text_vectors",))


class _ItemsFromText(nn.Module):
    def __init__(self, items: nn.Module) -> None:
        super().__init__()
        self.items = items

    def forward(self, text_vectors: Tensor) -> Tensor:
        return self.items.from_text(text_vectors)
