"""Artifacts of picture encoders."""

import json
from pathlib import Path

import torch
from torch.export import Dim

from ecomai.learning.encoders.images import PretrainedImageEncoder

from .graphs import compare_graph, export_graph
from .layout import FORMAT_VERSION, describe, prepare_folder

SAMPLE_TEXTS = ("a red dress for the summer", "wireless headphones", "mug")


def export_image_encoder(encoder: PretrainedImageEncoder, folder: str | Path) -> Path:
    """Write an artifact of kind `image_encoder`: a graph for pictures, and one for words that find them.

    Parameters
    ----------
    encoder : PretrainedImageEncoder
        Fitted.
    folder : path
        Created where it is missing.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    NotFittedError
        If the encoder has not learned.
    ExportError
        If a graph does not answer as the encoder does.
    """
    encoder.check_is_fitted()
    folder = prepare_folder(folder)
    encoder.pictures.cpu()
    encoder.words.cpu()
    batch = {0: Dim("batch")}
    preparation = encoder.preparation
    pixels = torch.rand(4, 3, preparation.height, preparation.width) * 2 - 1
    graph = folder / "image_encoder.onnx"
    export_graph(encoder.pictures, (pixels[:3],), graph, output="vectors", shapes={"pixel_values": batch})
    compare_graph(encoder.pictures, (pixels[3:],), graph, names=("pixel_values",))
    graph = folder / "image_encoder_words.onnx"
    tokens = encoder.tokenize(SAMPLE_TEXTS)
    export_graph(encoder.words, (tokens,), graph, output="vectors", shapes={"input_ids": batch})
    compare_graph(encoder.words, (tokens[1:2],), graph, names=("input_ids",))
    encoder.to_device()
    encoder.tokenizer.backend_tokenizer.save(str(folder / "image_encoder_tokenizer.json"))
    description = {
        "format_version": FORMAT_VERSION,
        "n_features": encoder.n_features_,
        "preparation": preparation.as_dict(),
        "max_length": encoder.max_length,
        "padding": {"id": encoder.tokenizer.pad_token_id, "token": encoder.tokenizer.pad_token},
    }
    (folder / "image_encoder.json").write_text(json.dumps(description), encoding="utf-8")
    return describe(folder, "image_encoder")
