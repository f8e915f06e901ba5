"""Artifacts of trees that order the first texts of a list."""

import json
from pathlib import Path

from ecomai.inference.pair_columns import COLUMNS
from ecomai.learning.retrieval.pair_ranker import PairRanker

from .layout import describe, prepare_folder
from .trees import export_trees


def export_pair_ranker(model: PairRanker, folder: str | Path) -> Path:
    """Write an artifact of kind `pair_ranker`.

    Parameters
    ----------
    model : PairRanker
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
        If the model has not learned.
    ExportError
        If the trees' graph does not answer as the trees do.
    """
    folder = prepare_folder(folder)
    write_pair_ranker(model, folder)
    return describe(folder, "pair_ranker")


def write_pair_ranker(model: PairRanker, folder: Path) -> None:
    """Write the files alone, into an artifact whose order they refine."""
    model.check_is_fitted()
    export_trees(model.trees_, folder / "pair_ranker_trees.onnx")
    description = {"format_version": 1, "columns": [*COLUMNS, "cosine"], "facts": model.facts_}
    (folder / "pair_ranker.json").write_text(json.dumps(description, ensure_ascii=False), encoding="utf-8")
