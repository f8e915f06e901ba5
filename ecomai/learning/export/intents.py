"""Artifacts that say what a text wants and what it names."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch.export import Dim

from ecomai.learning.classifiers.entities import EntityTagger
from ecomai.learning.classifiers.intent import IntentClassifier

from .graphs import compare_graph, export_graph
from .layout import FORMAT_VERSION, describe, prepare_folder
from .text_encoder import write_text_encoder

SAMPLE = ["where is my order 123842?", "a refund of $350, please", "help"]


def export_intents(
    model: IntentClassifier,
    folder: str | Path,
    *,
    tagger: EntityTagger | None = None,
    cache: str | Path | None = None,
) -> Path:
    """Write an artifact of kind `intents`.

    Parameters
    ----------
    model : IntentClassifier
        Fitted.
    folder : path
        Created where it is missing.
    tagger : EntityTagger, optional
        Fitted; goes along where there is one.
    cache : path, optional
        As in `export_text_encoder`.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    NotFittedError
        If a model has not learned.
    ExportError
        If a graph does not answer as its model does.
    """
    model.check_is_fitted()
    folder = prepare_folder(folder)
    write_text_encoder(model.encoder_, folder, Path(cache) if cache else None)
    # scikit-learn's arrays may lie column by column, which the format would not notice.
    arrays = {name: np.ascontiguousarray(array) for name, array in model.head_.as_arrays().items()}
    save_file(arrays, folder / "arrays.safetensors")
    if tagger is not None:
        write_tagger(tagger, folder)
    return describe(folder, "intents", classes=model.classes_, has_tagger=tagger is not None)


def write_tagger(tagger: EntityTagger, folder: Path) -> None:
    """Write the files of a tagger into an artifact; raises as `export_intents`."""
    tagger.check_is_fitted()
    tagger.tokenizer.backend_tokenizer.save(str(folder / "entity_tagger_tokenizer.json"))
    tokens = tagger.tokenise(SAMPLE)
    inputs = {name: tokens[name] for name in ("input_ids", "attention_mask")}
    shapes = {name: {0: Dim("batch"), 1: Dim("tokens", min=2, max=tagger.max_length)} for name in inputs}
    graph, device = folder / "entity_tagger.onnx", next(tagger.network.parameters()).device
    network = tagger.network.to("cpu").eval()
    export_graph(network, tuple(inputs.values()), graph, output="scores", shapes=shapes)
    single = {name: tensor[2:, :3] for name, tensor in inputs.items()}
    compare_graph(network, tuple(single.values()), graph, names=tuple(single))
    tagger.network.to(torch.device(device))
    description = {
        "format_version": FORMAT_VERSION, "labels": tagger.labels, "max_length": tagger.max_length,
    }  # fmt: skip
    (folder / "entity_tagger.json").write_text(json.dumps(description), encoding="utf-8")
