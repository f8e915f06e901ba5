"""Artifacts of rankers of candidates."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim

from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.rankers.boosted import BoostedRanker
from ecomai.learning.rankers.listwise import ListwiseRanker

from .graphs import compare_graph, export_graph
from .layout import describe, prepare_folder
from .trees import export_trees

GRAPH_FILE = "ranker.onnx"
MOST_CANDIDATES = 4096


class _WholeRanker(nn.Module):
    """What a ranker does with one list of features as they come, missing ones included."""

    def __init__(self, model: ListwiseRanker) -> None:
        super().__init__()
        self.network = model.network
        self.register_buffer("means", torch.from_numpy(model.means_))
        self.register_buffer("scales", torch.from_numpy(model.scales_))

    def forward(self, X: Tensor) -> Tensor:  # (C, F) -> (C,)
        centred = (X - self.means) / self.scales
        known = torch.where(torch.isnan(centred), torch.zeros_like(centred), centred).clamp(-8.0, 8.0)
        seen = self.network.beside(self.network.read(known.unsqueeze(0)))
        scores: Tensor = self.network.score(seen)[0, :, 0]
        return scores


def export_ranker(
    model: BoostedRanker | ListwiseRanker, folder: str | Path, *, features: Sequence[str]
) -> Path:
    """Write an artifact of kind `candidate_ranker`.

    Parameters
    ----------
    model : BoostedRanker or ListwiseRanker
        Fitted.
    folder : path
        Created where it is missing; emptied where it is not.
    features : sequence of n_features str
        What each column is, so that serving can tell whether it computes the same.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    NotFittedError
        If the model has not learned.
    InvalidDataError
        If there is not one name per feature.
    ExportError
        If the graph does not answer as the model does.
    """
    model.check_is_fitted()
    if len(features) != model.n_features_:
        raise InvalidDataError(f"There are names for {len(features)} of {model.n_features_} features.")
    shutil.rmtree(folder, ignore_errors=True)
    folder = prepare_folder(folder)
    if isinstance(model, BoostedRanker):
        export_trees(model.model_text_, folder / GRAPH_FILE)
        return describe(folder, "candidate_ranker", features=list(features), form="trees")
    whole = _WholeRanker(model).eval()
    sample = (torch.randn(7, model.n_features_),)
    shapes = {"X": {0: Dim("n", min=1, max=MOST_CANDIDATES)}}
    export_graph(whole, sample, folder / GRAPH_FILE, output="scores", shapes=shapes)
    for n in (1, 3, 50):
        X = torch.randn(n, model.n_features_)
        X[0, 0] = torch.nan
        compare_graph(whole, (X,), folder / GRAPH_FILE, names=("X",))
    return describe(folder, "candidate_ranker", features=list(features), form="transformer")
