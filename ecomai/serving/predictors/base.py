"""Which class loads which kind of artifact, and what such classes share."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from django.utils.module_loading import import_string
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from ecomai.serving.exceptions import UnknownPredictorError, UnreadableArtifactError

DESCRIPTION_FILE = "predictor.json"

_paths: dict[str, str] = {
    "next_item": "ecomai.serving.predictors.next_item.NextItemPredictor",
    "similar_items": "ecomai.serving.predictors.similar_items.SimilarItemsPredictor",
    "popularity": "ecomai.serving.predictors.popularity.PopularityPredictor",
    "search": "ecomai.serving.predictors.search.SearchPredictor",
    "candidate_ranker": "ecomai.serving.predictors.candidate_ranker.CandidateRankerPredictor",
    "text_encoder": "ecomai.serving.predictors.text_encoder.TextEncoder",
    "pair_ranker": "ecomai.serving.predictors.pair_ranker.PairRankerPredictor",
    "cross_encoder": "ecomai.serving.predictors.cross_encoder.CrossEncoderPredictor",
    "tabular_classifier": "ecomai.serving.predictors.tabular_classifier.TabularClassifierPredictor",
    "content_classifier": "ecomai.serving.predictors.content_classifier.ContentClassifierPredictor",
    "event_classifier": "ecomai.serving.predictors.event_classifier.EventClassifierPredictor",
    "event_ensemble": "ecomai.serving.predictors.event_ensemble.EventEnsemblePredictor",
    "response": "ecomai.serving.predictors.response.ResponsePredictor",
    "intents": "ecomai.serving.predictors.intents.IntentsPredictor",
    "image_encoder": "ecomai.serving.predictors.image_encoder.ImageEncoder",
}


class ScoredItem(NamedTuple):
    item_id: str
    score: float


class Explanation(NamedTuple):
    """The part of a history without which an item's score would fall the most.

    `position` counts from 0 in the history that was asked about; `drop` is in units of the score.
    """

    position: int
    item_id: str
    drop: float


class Predictor:
    """A model that answers. Subclasses name their `kind` and read its files in `load`.

    Objects are shared by all threads of a process: reading needs no lock, and what changes is swapped.
    """

    kind: ClassVar[str]
    format_version: ClassVar[int] = 1
    oldest_format_version: ClassVar[int] = 1
    #: Whether it reads types and times of what was done, besides the items.
    has_context: bool = False

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read an artifact. Raises `UnreadableArtifactError` where it is of another kind or format."""
        raise NotImplementedError

    @classmethod
    def read_description(cls, folder: Path) -> dict[str, Any]:
        """Return the artifact's own words about itself, checked."""
        description = read_json(folder / DESCRIPTION_FILE)
        if description.get("kind") != cls.kind:
            raise UnreadableArtifactError(reason=f"they are of the kind {description.get('kind')!r}.")
        check_format(description, cls.format_version, oldest=cls.oldest_format_version)
        return description


def register_predictor(kind: str, path: str) -> None:
    """Say which class (a dotted path) loads artifacts of a kind; for scenarios with kinds of their own."""
    _paths[kind] = path


def get_predictor_class(kind: str) -> type[Predictor]:
    """Raises `UnknownPredictorError` where no application registered the kind."""
    try:
        return import_string(_paths[kind])
    except KeyError:
        raise UnknownPredictorError(kind=kind) from None


def load_predictor(folder: Path) -> Predictor:
    """Load an artifact by the kind that it says it is of."""
    kind = str(read_json(Path(folder) / DESCRIPTION_FILE).get("kind"))
    return get_predictor_class(kind).load(Path(folder))


def read_json(path: Path) -> Any:
    """Raises `UnreadableArtifactError` where the file is missing or no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UnreadableArtifactError(reason=f"{path.name} is missing.") from None
    except ValueError:
        raise UnreadableArtifactError(reason=f"{path.name} is damaged.") from None


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Raises `UnreadableArtifactError` where the file is missing or was cut."""
    try:
        return load_file(path)
    except FileNotFoundError:
        raise UnreadableArtifactError(reason=f"{path.name} is missing.") from None
    except SafetensorError:
        raise UnreadableArtifactError(reason=f"{path.name} is damaged.") from None


def check_format(description: dict[str, Any], expected: int, *, oldest: int | None = None) -> None:
    found = description.get("format_version")
    if found not in range(oldest or expected, expected + 1):
        raise UnreadableArtifactError(reason=f"they are of format {found}, and format {expected} is needed.")


def best_items(
    item_ids: Sequence[str],
    scores: NDArray[np.float32],
    n: int,
    *,
    is_candidate: NDArray[np.bool_] | None = None,
    excluded: Sequence[int] = (),
) -> list[ScoredItem]:
    """Return the items of the `n` greatest scores, best first; as `best_positions`."""
    best = best_positions(scores, n, is_candidate=is_candidate, excluded=excluded)
    return [ScoredItem(item_ids[item], float(scores[item])) for item in best]


def best_positions(
    scores: NDArray[np.float32],
    n: int,
    *,
    is_candidate: NDArray[np.bool_] | None = None,
    excluded: Sequence[int] = (),
) -> NDArray[np.int64]:
    """Return where the `n` greatest scores stand, best first; ties go to the earlier item.

    A mask that is shorter than the catalogue was made before the last items came: those are no
    candidates. Minus infinity is never among the best.
    """
    scores = scores.copy()
    if is_candidate is not None:
        scores[: len(is_candidate)][~is_candidate] = -np.inf
        scores[len(is_candidate) :] = -np.inf
    scores[list(excluded)] = -np.inf
    n = min(n, len(scores))
    if n < 1:
        return np.empty(0, dtype=np.int64)
    best = np.sort(np.argpartition(-scores, n - 1)[:n])
    best = best[np.argsort(-scores[best], kind="stable")]
    return best[np.isfinite(scores[best])]
