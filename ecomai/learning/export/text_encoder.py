"""Artifacts of text encoders."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from safetensors.numpy import save_file
from torch import Tensor, nn
from torch.export import Dim

from ecomai.learning.encoders.base import TextEncoder
from ecomai.learning.encoders.char_ngram import CharNgramTextEncoder
from ecomai.learning.encoders.routed import RoutedTextEncoder

from .graphs import compare_graph, export_graph
from .layout import FORMAT_VERSION, describe, prepare_folder

SAMPLE_TEXTS = ("a red dress for the summer", "wireless headphones", "mug")


@runtime_checkable
class TransformerEncoder(Protocol):
    """An encoder of the pretrained kind, as published or adapted: what export needs to know of it."""

    network: nn.Module
    tokenizer: Any
    max_length: int
    n_features_: int

    def tokenize(self, texts: Sequence[str]) -> dict[str, Tensor]: ...

    def to_device(self) -> None: ...


def export_text_encoder(encoder: TextEncoder, folder: str | Path, *, cache: str | Path | None = None) -> Path:
    """Write an artifact of kind `text_encoder`.

    Parameters
    ----------
    encoder : TextEncoder
        Fitted: a transformer, n-grams, or a router to both.
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
    folder = prepare_folder(folder)
    write_text_encoder(encoder, folder, Path(cache) if cache else None)
    return describe(folder, "text_encoder")


def add_text_encoder(encoder: TextEncoder | Path | None, folder: Path, cache: str | Path | None) -> None:
    """Write the files of a text encoder into another artifact, or copy those of an exported one's folder."""
    if isinstance(encoder, Path):
        copy_text_encoder(encoder, folder)
    elif encoder is not None:
        write_text_encoder(encoder, folder, Path(cache) if cache else None)


def write_text_encoder(encoder: TextEncoder, folder: Path, cache: Path | None) -> None:
    """Write the files of a text encoder into another artifact.

    Graphs of transformers are taken from `cache`, and kept there, by the digest of their weights.
    Raises NotFittedError, and ExportError where a graph does not answer as the network.
    """
    encoder.check_is_fitted()
    pretrained: TextEncoder | None = encoder
    ngram: TextEncoder | None = encoder
    scripts: Sequence[str] | None = None
    if isinstance(encoder, RoutedTextEncoder):
        pretrained, ngram, scripts = encoder.pretrained_, encoder.ngram_, encoder.known_scripts
    description: dict[str, Any] = {"n_features": encoder.n_features_, "pretrained": None, "ngram": None}
    if isinstance(pretrained, TransformerEncoder):
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


def copy_text_encoder(source: Path, folder: Path) -> None:
    """Take along the files of a text encoder that lie in the folder of another artifact."""
    for path in source.glob("text_encoder*"):
        shutil.copyfile(path, folder / path.name)


def _export_pretrained(encoder: TransformerEncoder, folder: Path, cache: Path | None) -> None:
    graph, tokenizer = folder / "text_encoder.onnx", folder / "text_encoder_tokenizer.json"
    encoder.tokenizer.backend_tokenizer.save(str(tokenizer))
    kept = cache / f"{_weights_digest(encoder.network)}.onnx" if cache else None
    if kept is not None and kept.exists():
        shutil.copyfile(kept, graph)
        return
    tokens = {name: tensor.cpu() for name, tensor in encoder.tokenize(list(SAMPLE_TEXTS)).items()}
    shapes = {name: {0: Dim("batch"), 1: Dim("tokens", min=2, max=encoder.max_length)} for name in tokens}
    network = encoder.network.to("cpu")
    export_graph(network, tuple(tokens.values()), graph, output="vectors", shapes=shapes)
    single = {name: tensor[2:, :4] for name, tensor in tokens.items()}
    compare_graph(network, tuple(single.values()), graph, names=tuple(single))
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
