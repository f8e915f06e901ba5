"""Fitted models as files that a web process can run without torch: ONNX, safetensors, JSON.

The layout of each kind is written down in `docs/models.md`; `ecomai.serving.predictors` reads it.
Every exported graph is run once and compared with the model it came from.
"""

import hashlib
import json
import logging
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch import Tensor, nn
from torch.export import Dim

from .encoders.base import TextEncoder
from .encoders.char_ngram import CharNgramTextEncoder
from .encoders.pretrained import PretrainedTextEncoder
from .encoders.routed import RoutedTextEncoder
from .exceptions import ExportError, InvalidDataError
from .recommenders.item_item import ItemItemRecommender
from .recommenders.popularity import PopularityRecommender
from .recommenders.sequence import SequenceRecommender

FORMAT_VERSION = 1
# The greatest difference between torch and ONNX Runtime, in units of the vectors' entries.
TOLERANCE = 1e-4
SAMPLE_TEXTS = ("a red dress for the summer", "wireless headphones", "mug")


def export_next_item(
    model: SequenceRecommender,
    folder: str | Path,
    *,
    item_ids: Sequence[str],
    text_encoder: TextEncoder | None = None,
    encoder_cache: str | Path | None = None,
) -> Path:
    """Write an artifact of kind `next_item`.

    Parameters
    ----------
    model : SequenceRecommender
        Fitted.
    folder : path
        Created where it is missing.
    item_ids : sequence of n_items str
        The shop's name of each position of the catalogue.
    text_encoder : TextEncoder, optional
        What made the text vectors; with it, serving can place items that came after training.
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
        If there is not one id per item, or two are equal.
    ExportError
        If a graph does not answer as the model does.
    """
    model.check_is_fitted()
    folder = _prepare(folder)
    _check_ids(item_ids, model.n_items_)
    _export_user_encoder(model, folder / "user_encoder.onnx")
    if model.n_features_:
        _export_item_encoder(model, folder / "item_encoder.onnx")
    save_file({"item_vectors": model.item_vectors_}, folder / "items.safetensors")
    _write_items(folder, item_ids)
    if text_encoder is not None:
        _write_text_encoder(text_encoder, folder, Path(encoder_cache) if encoder_cache else None)
    return _describe(
        folder,
        "next_item",
        dim=model.dim,
        max_length=model.max_length,
        n_features=model.n_features_,
        has_text_encoder=text_encoder is not None,
    )


def export_similar_items(
    model: ItemItemRecommender,
    folder: str | Path,
    *,
    item_ids: Sequence[str],
    item_vectors: NDArray[np.float32] | None = None,
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
    folder = _prepare(folder)
    _check_ids(item_ids, model.n_items_)
    arrays = {"neighbours": model.neighbours_, "similarities": model.similarities_}
    if item_vectors is not None:
        if item_vectors.shape[0] != model.n_items_:
            raise InvalidDataError(f"There are {len(item_vectors)} vectors for {model.n_items_} items.")
        # Half precision: only their cosines are needed, to two digits.
        arrays["text_vectors"] = item_vectors.astype(np.float16)
    save_file(arrays, folder / "neighbours.safetensors")
    _write_items(folder, item_ids)
    return _describe(
        folder,
        "similar_items",
        history_decay=model.history_decay,
        text_scale=model.text_scale_,
        n_features=0 if item_vectors is None else int(item_vectors.shape[1]),
    )


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
    folder = _prepare(folder)
    _check_ids(item_ids, model.n_items_)
    save_file({"scores": model.popularity_}, folder / "popularity.safetensors")
    _write_items(folder, item_ids)
    return _describe(folder, "popularity")


def export_text_encoder(encoder: TextEncoder, folder: str | Path, *, cache: str | Path | None = None) -> Path:
    """Write an artifact of kind `text_encoder`.

    Parameters
    ----------
    encoder : PretrainedTextEncoder, CharNgramTextEncoder or RoutedTextEncoder
        Fitted.
    folder : path
        Created where it is missing.
    cache : path, optional
        Folder in which graphs of pretrained encoders are kept by the digest of their weights, so
        that the next training need not export the same weights again.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    NotFittedError
        If the encoder has not learned.
    ExportError
        If the graph does not answer as the encoder does.
    """
    folder = _prepare(folder)
    _write_text_encoder(encoder, folder, Path(cache) if cache else None)
    return _describe(folder, "text_encoder")


def _write_text_encoder(encoder: TextEncoder, folder: Path, cache: Path | None) -> None:
    encoder.check_is_fitted()
    pretrained: TextEncoder | None = encoder
    ngram: TextEncoder | None = encoder
    scripts: Sequence[str] | None = None
    if isinstance(encoder, RoutedTextEncoder):
        pretrained, ngram, scripts = encoder.pretrained_, encoder.ngram_, encoder.known_scripts
    description: dict[str, Any] = {"n_features": encoder.n_features_, "pretrained": None, "ngram": None}
    if isinstance(pretrained, PretrainedTextEncoder):
        _export_pretrained(pretrained, folder, cache)
        description["pretrained"] = {
            "n_features": pretrained.n_features_,
            "max_length": pretrained.max_length,
            "scripts": None if scripts is None else list(scripts),
        }
    if isinstance(ngram, CharNgramTextEncoder):
        _export_ngram(ngram, folder)
        description["ngram"] = {"n_features": ngram.n_features_, "has_jieba": ngram.has_jieba_}
    description["format_version"] = FORMAT_VERSION
    (folder / "text_encoder.json").write_text(json.dumps(description), encoding="utf-8")


def _prepare(folder: str | Path) -> Path:
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _check_ids(item_ids: Sequence[str], n_items: int) -> None:
    if len(item_ids) != n_items or len(set(item_ids)) != n_items:
        raise InvalidDataError(f"There must be one distinct id for each of {n_items} items.")


def _write_items(folder: Path, item_ids: Sequence[str]) -> None:
    (folder / "items.json").write_text(json.dumps(list(item_ids), ensure_ascii=False), encoding="utf-8")


def _describe(folder: Path, kind: str, **values: Any) -> Path:
    description = {"format_version": FORMAT_VERSION, "kind": kind, **values}
    (folder / "predictor.json").write_text(json.dumps(description), encoding="utf-8")
    return folder


def _export_user_encoder(model: SequenceRecommender, path: Path) -> None:
    users = model.network.users
    longest = model.max_length
    # A dimension of 1 in the sample would be taken for a constant.
    sample = (torch.randn(3, min(max(longest, 2), 12), model.dim), torch.tensor([0, 1, 2]))
    shapes = {"item_vectors": {0: Dim("batch"), 1: Dim("time", min=1, max=max(longest, 2))},
              "lengths": {0: Dim("batch")}}  # fmt: skip
    _export(users, sample, path, output="user_vectors", shapes=shapes)
    for batch, length in ((1, 1), (2, longest)):
        inputs = (torch.randn(batch, length, model.dim), torch.randint(0, length + 1, (batch,)))
        _compare(users, inputs, path, names=("item_vectors", "lengths"))


def _export_item_encoder(model: SequenceRecommender, path: Path) -> None:
    encoder = _ItemsFromText(model.network.items)
    _export(encoder, (torch.randn(3, model.n_features_),), path, output="item_vectors",
            shapes={"text_vectors": {0: Dim("batch")}})  # fmt: skip
    _compare(encoder, (torch.randn(1, model.n_features_),), path, names=("text_vectors",))


class _ItemsFromText(nn.Module):
    def __init__(self, items: nn.Module) -> None:
        super().__init__()
        self.items = items

    def forward(self, text_vectors: Tensor) -> Tensor:
        return self.items.from_text(text_vectors)


def _export_pretrained(encoder: PretrainedTextEncoder, folder: Path, cache: Path | None) -> None:
    graph, tokenizer = folder / "text_encoder.onnx", folder / "text_encoder_tokenizer.json"
    encoder.tokenizer.backend_tokenizer.save(str(tokenizer))
    kept = cache / f"{_weights_digest(encoder.network)}.onnx" if cache else None
    if kept is not None and kept.exists():
        shutil.copyfile(kept, graph)
        return
    tokens = {name: tensor.cpu() for name, tensor in encoder.tokenize(list(SAMPLE_TEXTS)).items()}
    shapes = {name: {0: Dim("batch"), 1: Dim("tokens", min=2, max=encoder.max_length)} for name in tokens}
    network = encoder.network.to("cpu")
    _export(network, tuple(tokens.values()), graph, output="vectors", shapes=shapes)
    single = {name: tensor[2:, :4] for name, tensor in tokens.items()}
    _compare(network, tuple(single.values()), graph, names=tuple(single))
    encoder.to_device()
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_suffix(".part")
        shutil.copyfile(graph, unfinished)
        unfinished.rename(kept)


def _export_ngram(encoder: CharNgramTextEncoder, folder: Path) -> None:
    (folder / "text_encoder_pieces.json").write_text(encoder.pieces_json(), encoding="utf-8")
    arrays = {"idf": encoder.idf_, "components": np.ascontiguousarray(encoder.components_.T)}
    save_file(arrays, folder / "text_encoder_pieces.safetensors")


def _weights_digest(module: nn.Module) -> str:
    digest = hashlib.sha256(f"{FORMAT_VERSION}".encode())
    for name, tensor in module.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _export(
    module: nn.Module, sample: tuple[Tensor, ...], path: Path, *, output: str, shapes: dict[str, Any]
) -> None:
    # It warns of parts of torchvision that no graph of ours uses.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.cpu().eval(),
            sample,
            str(path),
            input_names=list(shapes),
            output_names=[output],
            dynamic_shapes=shapes,
            dynamo=True,
            external_data=False,
            verbose=False,
        )


def _compare(module: nn.Module, inputs: tuple[Tensor, ...], path: Path, *, names: tuple[str, ...]) -> None:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feeds = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True)}
    answered = session.run(None, feeds)[0]
    with torch.no_grad():
        expected = module(*inputs).numpy()
    difference = float(np.abs(answered - expected).max(initial=0))
    if not difference <= TOLERANCE:  # also where it is not a number
        raise ExportError(f"{path.name} differs from its model by {difference:.2g}; it was not exported.")
