"""Artifacts of search."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from ecomai.inference.pieces import MAX_LETTERS, cut
from ecomai.learning.encoders.base import TextEncoder
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.retrieval.bm25 import BM25Index
from ecomai.learning.retrieval.cross_encoder import CrossEncoder
from ecomai.learning.retrieval.evidence import COLUMNS
from ecomai.learning.retrieval.hybrid import HybridSearcher
from ecomai.learning.retrieval.pair_ranker import PairRanker

from .cross_encoder import MIN_PAIRS, narrow_cross_encoder, write_cross_encoder
from .layout import check_ids, describe, prepare_folder, write_items
from .pair_ranker import write_pair_ranker
from .text_encoder import add_text_encoder
from .trees import export_trees

SEARCH_FORMAT = 1


@dataclass(frozen=True, eq=False)
class FirstItems:
    """What puts the first items of each list in a better order.

    Attributes
    ----------
    trees : PairRanker or None
    trees_share : float in [0, 1]
        How much of an item's place comes from the trees.
    reader : CrossEncoder or None
    reading_share : float in [0, 1]
        How much comes from the reader after that.
    n_first, n_read : int
        Items that the trees, and of these the reader, look at.
    pairs : tuple of (sequence of str, sequence of str)
        Queries and titles as they are asked for; they fix the scales of the reader's integers.
    """

    trees: PairRanker | None = None
    trees_share: float = 0.0
    reader: CrossEncoder | None = None
    reading_share: float = 0.0
    n_first: int = 30
    n_read: int = 20
    pairs: tuple[Sequence[str], Sequence[str]] = ((), ())

    @property
    def is_any(self) -> bool:
        return bool(self.trees_share or self.reading_share)

    def as_json(self) -> dict[str, float]:
        return {name: getattr(self, name) for name in ("n_first", "n_read", "trees_share", "reading_share")}


def export_search(
    model: HybridSearcher,
    folder: str | Path,
    *,
    item_ids: Sequence[str],
    texts: Sequence[str],
    behaviour: Mapping[str, Mapping[int, float]] | None = None,
    behaviour_weight: float = 0.0,
    past_queries: Sequence[tuple[str, int, int]] = (),
    text_encoder: TextEncoder | Path | None = None,
    encoder_cache: str | Path | None = None,
    order: FirstItems | None = None,
) -> Path:
    """Write an artifact of kind `search`.

    Parameters
    ----------
    model : HybridSearcher
        Fitted on `texts`.
    folder : path
        Created where it is missing.
    item_ids : sequence of n_items str
        The shop's name of each text.
    texts : sequence of n_items str
        What was indexed; serving notices by their digests which have changed since.
    behaviour : mapping of str to mapping of int to float, optional
        By a query's stems, sorted: positions of the items that people took after it, each with a share
        from 0 to 1.
    behaviour_weight : float, default 0.0
        What the shares are multiplied by before they are added to the scores.
    past_queries : sequence of (str, int, int), default ()
        Queries for suggestions: how many people asked, and how many of them turned to something.
    text_encoder : TextEncoder or Path, optional
        What made the model's vectors; with it, queries are read by their meaning.
    encoder_cache : path, optional
        As in `export_text_encoder`.
    order : FirstItems, optional
        What orders the first items anew.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    NotFittedError
        If the model has not learned.
    InvalidDataError
        If there is not one id and one text per item, or two ids are equal.
    ExportError
        If the trees' graph does not answer as the trees do.
    """
    model.check_is_fitted()
    folder = prepare_folder(folder)
    check_ids(item_ids, model.n_texts_)
    if len(texts) != model.n_texts_:
        raise InvalidDataError(f"There are {len(texts)} texts for {model.n_texts_} items.")
    write_items(folder, item_ids)
    _write_index(model, folder, texts, behaviour or {}, past_queries)
    ranker_share = _write_ranker(model, folder)
    if order is not None:
        _write_order(order, folder)
    add_text_encoder(text_encoder, folder, encoder_cache)
    return describe(
        folder, "search", format_version=SEARCH_FORMAT, **_manifest(model),
        ranker_share=ranker_share, behaviour_weight=behaviour_weight,
        has_text_encoder=text_encoder is not None,
        order=order.as_json() if order is not None and order.is_any else None,
    )  # fmt: skip


def _write_index(
    model: HybridSearcher,
    folder: Path,
    texts: Sequence[str],
    behaviour: Mapping[str, Mapping[int, float]],
    past_queries: Sequence[tuple[str, int, int]],
) -> None:
    """Write what is searched: vectors and postings as arrays, words and digests as JSON."""
    arrays, words = _behaviour_arrays(behaviour)
    arrays["vectors"] = model.vectors_.astype(np.float16)
    for name, index in model.evidence.indices.items():
        arrays |= _index_arrays(name, index, texts)
    save_file(arrays, folder / "search.safetensors")
    words |= {
        "pieces": _pieces(model.evidence.indices),
        "spelling": {"counts": model.corrector.counts_, "min_count": model.corrector.min_count},
        "digests": [hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts],
        "past_queries": [list(row) for row in past_queries],
    }
    (folder / "search.json").write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")


def _write_ranker(model: HybridSearcher, folder: Path) -> float:
    """Write the trees that mix the evidence, where there are any; return their share of the score."""
    if model.ranker_ is None or not model.ranker_share_:
        return 0.0
    export_trees(model.ranker_, folder / "search_trees.onnx")
    return model.ranker_share_


def _manifest(model: HybridSearcher) -> dict[str, Any]:
    """Return what serving has to know of the model besides its arrays."""
    return {
        "language": model.language,
        "weights": model.weights_,
        "n_candidates": model.n_candidates,
        "columns": list(COLUMNS),
        "indices": {name: _weighing(name, index) for name, index in model.evidence.indices.items()},
        "n_features": int(model.vectors_.shape[1]),
    }


def _write_order(order: FirstItems, folder: Path) -> None:
    if order.trees is not None and order.trees_share:
        write_pair_ranker(order.trees, folder)
    if order.reader is not None and order.reading_share:
        write_cross_encoder(order.reader, folder)
        if len(order.pairs[0]) >= MIN_PAIRS:
            narrow_cross_encoder(order.reader, folder, *order.pairs)


def _weighing(name: str, index: BM25Index) -> dict[str, Any]:
    return {
        "kind": index.kind, "k1": index.k1, "b": index.b, "language": index.language,
        "is_opening": name == "opening",
    }  # fmt: skip


def _index_arrays(name: str, index: BM25Index, texts: Sequence[str]) -> dict[str, NDArray[Any]]:
    lengths = [len(cut(text[:MAX_LETTERS], index.kind, index.language)) for text in texts] if index.b else [1]
    return {
        f"{name}.idf": index.idf_,
        f"{name}.weights": index.weights_,
        f"{name}.columns": index.columns_,
        f"{name}.starts": index.starts_,
        f"{name}.sizes": np.array([index.n_texts_, float(np.mean(lengths))]),
    }


def _pieces(indices: Mapping[str, BM25Index]) -> dict[str, Any]:
    """Return the pieces of each index in order, those of equal vocabularies once."""
    found: dict[str, Any] = {}
    for name, index in indices.items():
        same = next((other for other in found if indices[other].vocabulary_ == index.vocabulary_), None)
        found[name] = same or list(index.vocabulary_)
    return found


def _behaviour_arrays(
    behaviour: Mapping[str, Mapping[int, float]],
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    items = [np.array(list(taken), dtype=np.int64) for taken in behaviour.values()]
    shares = [np.array(list(taken.values()), dtype=np.float32) for taken in behaviour.values()]
    starts = np.cumsum([0, *(len(taken) for taken in behaviour.values())]).astype(np.int64)
    return {
        "behaviour.starts": starts,
        "behaviour.items": np.concatenate([np.empty(0, dtype=np.int64), *items]),
        "behaviour.shares": np.concatenate([np.empty(0, dtype=np.float32), *shares]),
    }, {"behaviour": list(behaviour)}
