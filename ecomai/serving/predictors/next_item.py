"""What a customer takes next: the exported sequence model."""

import math
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ecomai.exceptions import InvalidInputError
from ecomai.inference.event_context import EventContext, gap_buckets
from ecomai.serving.sessions import open_session

from .base import Explanation, Predictor, ScoredItem, best_positions, read_arrays, read_json
from .catalogue import Catalogue, GrowingCatalogue
from .neighbours import NEIGHBOURS_FILE, Neighbours
from .text_encoder import TextEncoder

# Bounds the input of one run of the graph: 256 histories of 50 items of 64 numbers are 3 MB.
HISTORIES_AT_ONCE = 256
# Events that may become the reason for an item: without each the model answers once more.
N_TRIED = 12


Contexts = Sequence[Sequence[EventContext]]


class _Steps(NamedTuple):
    """Those events of a history that the model knows; without types and days where it reads items alone."""

    positions: list[int]
    types: NDArray[np.int64]
    days: NDArray[np.float64]

    def without(self, place: int) -> "_Steps":
        rest = self.positions[:place] + self.positions[place + 1 :]
        if not len(self.types):
            return _Steps(rest, self.types, self.days)
        return _Steps(rest, np.delete(self.types, place), np.delete(self.days, place))

    @property
    def gaps(self) -> NDArray[np.int64]:
        return gap_buckets(np.diff(self.days, prepend=np.nan))


_UNKNOWN = EventContext("", math.nan)
_NO_TYPES, _NO_DAYS = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64)


class NextItemPredictor(Predictor):
    """Scores the catalogue for histories of item ids, oldest first.

    Ids that the model does not know are passed over; a history in which it knows none is answered as
    one of a new customer. A model with `has_context` also reads `contexts`, which name an `EventContext`
    for each event; where there are none, it answers as if nothing but the items were known. A model with
    neighbours adds what they say of the history, `neighbour_weight` times.
    """

    kind: ClassVar[str] = "next_item"
    format_version: ClassVar[int] = 3  # neighbours

    def __init__(self, folder: Path) -> None:
        description: dict[str, Any] = self.read_description(folder)
        self.folder = folder
        self.dim: int = description["dim"]
        self.max_length: int = description["max_length"]
        self.n_features: int = description["n_features"]
        self.has_text_encoder: bool = description["has_text_encoder"]
        self.has_context: bool = description.get("has_context", False)
        self._types = {name: number for number, name in enumerate(description.get("event_types", ()), 1)}
        self.neighbour_weight = np.float32(description.get("neighbour_weight", 0))
        if self.neighbour_weight:
            self._neighbours = Neighbours.read(read_arrays(folder / NEIGHBOURS_FILE), description)
        vectors = read_arrays(folder / "items.safetensors")["item_vectors"]
        self._items = GrowingCatalogue(Catalogue.of_training(read_json(folder / "items.json"), vectors))
        self._user_encoder = open_session(folder / "user_encoder.onnx")
        self._item_encoder = open_session(folder / "item_encoder.onnx") if self.n_features else None

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls(Path(folder))

    @property
    def item_ids(self) -> Sequence[str]:
        """Ids in the order of the columns of `scores`. Grows at its end when items are added."""
        return self._items.current.item_ids

    def has_item(self, item_id: str) -> bool:
        return item_id in self._items.current.index

    def item_vectors(self, item_ids: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of shape (n_items, n_dimensions) that tell how alike items are, zeros where unknown."""
        return self._items.current.vectors_of(item_ids)

    @cached_property
    def text_encoder(self) -> TextEncoder:
        """What turns texts into the vectors that `add_items` takes. Loaded when first used."""
        return TextEncoder.load(self.folder)

    def user_vectors(
        self, histories: Sequence[Sequence[str]], contexts: Contexts | None = None
    ) -> NDArray[np.float32]:
        """Vectors of shape (n_histories, dim)."""
        catalogue = self._items.current
        return self._encode(catalogue, self._known(catalogue, histories, contexts))

    def scores(
        self, histories: Sequence[Sequence[str]], contexts: Contexts | None = None
    ) -> NDArray[np.float32]:
        """Scores of shape (n_histories, n_items); greater is better, comparable within a row."""
        catalogue = self._items.current
        return self._score(catalogue, self._known(catalogue, histories, contexts))

    def recommend(
        self,
        history: Sequence[str],
        n: int = 10,
        *,
        is_candidate: NDArray[np.bool_] | None = None,
        exclude: Sequence[str] = (),
    ) -> list[ScoredItem]:
        """The best items for one history.

        `is_candidate` has an entry per item of `item_ids`; entries that are missing at its end are
        False. `exclude` names items that must not come.
        """
        return self.top_n([history], n, is_candidate=is_candidate, exclude=[exclude])[0]

    def top_n(
        self,
        histories: Sequence[Sequence[str]],
        n: int = 10,
        *,
        is_candidate: NDArray[np.bool_] | None = None,
        exclude: Sequence[Sequence[str]] | None = None,
    ) -> list[list[ScoredItem]]:
        """As `recommend`, for many histories; `exclude` has a list per history."""
        item_ids = self.item_ids
        ranked = self.top_positions(histories, n, is_candidate=is_candidate, exclude=exclude)
        return [
            [ScoredItem(item_ids[item], float(score)) for item, score in zip(*best, strict=True)]
            for best in ranked
        ]

    def top_positions(
        self,
        histories: Sequence[Sequence[str]],
        n: int,
        *,
        is_candidate: NDArray[np.bool_] | None = None,
        exclude: Sequence[Sequence[str]] | None = None,
        contexts: Contexts | None = None,
    ) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """As `top_n`, as arrays: places in `item_ids` and scores. For the whole shop at a time."""
        catalogue = self._items.current
        exclude = exclude if exclude is not None else [()] * len(histories)
        found = []
        for start in range(0, len(histories), HISTORIES_AT_ONCE):
            rows = slice(start, start + HISTORIES_AT_ONCE)
            part = self._known(catalogue, histories[rows], None if contexts is None else contexts[rows])
            for row, out in zip(self._score(catalogue, part), exclude[rows], strict=True):
                best = best_positions(row, n, is_candidate=is_candidate, excluded=catalogue.positions(out))
                found.append((best, row[best]))
        return found

    def explain(
        self,
        history: Sequence[str],
        item_ids: Sequence[str],
        context: Sequence[EventContext] | None = None,
    ) -> list[Explanation | None]:
        """For each item, the event of the history whose removal lowers its score most.

        The model answers anew without each of `N_TRIED` events, the newest ones and those most like the
        items, so a reason is what the model itself does. None where no removal lowers the score, or the
        item is unknown.
        """
        catalogue = self._items.current
        places = [place for place, item_id in enumerate(history) if item_id in catalogue.index]
        items = catalogue.positions(item_ids)
        if not places or not items:
            return [None] * len(item_ids)
        (steps,) = self._known(catalogue, [history], None if context is None else [context])
        removed = _worth_trying(catalogue.vectors, steps.positions[-self.max_length :], items)
        removed = removed + max(len(places) - self.max_length, 0)
        tried = [steps, *map(steps.without, removed)]
        scores = self._encode(catalogue, tried) @ catalogue.vectors[items].T  # (1 + n_removed, n_items)
        if self.neighbour_weight:
            scores += self._neighbour_scores(catalogue, steps.positions, removed, items)
        drops = scores[0] - scores[1:]
        found = {}
        for column, item in enumerate(items):
            row = int(drops[:, column].argmax())
            place = places[removed[row]]
            if drops[row, column] > 0:
                found[item] = Explanation(place, history[place], float(drops[row, column]))
        return [found.get(catalogue.index.get(item_id, -1)) for item_id in item_ids]

    def add_items(self, item_ids: Sequence[str], text_vectors: NDArray[np.float32]) -> None:
        """Let items that came after training be ranked by their text; safe while others read.

        An item of the training keeps its vector. Raises `InvalidInputError` where the model knows no
        texts or the vectors are of another size.
        """
        if self._item_encoder is None or text_vectors.ndim != 2 or text_vectors.shape[1] != self.n_features:
            raise InvalidInputError(reason=f"text vectors must have {self.n_features} numbers.")
        if len(item_ids):
            feeds = {"text_vectors": np.asarray(text_vectors, dtype=np.float32)}
            self._items.add(item_ids, self._item_encoder.run(None, feeds)[0])

    def _known(
        self, catalogue: Catalogue, histories: Sequence[Sequence[str]], contexts: Contexts | None
    ) -> list[_Steps]:
        """What of the histories the model knows."""
        if not self.has_context:
            return [_Steps(catalogue.positions(history), _NO_TYPES, _NO_DAYS) for history in histories]
        rows = contexts if contexts is not None else [[_UNKNOWN] * len(history) for history in histories]
        return [self._read(catalogue, *row) for row in zip(histories, rows, strict=True)]

    def _read(self, catalogue: Catalogue, history: Sequence[str], context: Sequence[EventContext]) -> _Steps:
        known = [
            (item, event) for item, event in zip(history, context, strict=True) if item in catalogue.index
        ]
        types = np.array([self._types.get(event.type, 0) for _item, event in known], dtype=np.int64)
        days = np.array([event.day for _item, event in known], dtype=np.float64)
        return _Steps([catalogue.index[item] for item, _event in known], types, days)

    def _score(self, catalogue: Catalogue, histories: Sequence[_Steps]) -> NDArray[np.float32]:
        """Scores of shape (n_histories, n_items)."""
        scores = self._encode(catalogue, histories) @ catalogue.vectors.T
        if self.neighbour_weight:
            for row, steps in enumerate(histories):
                decayed = self._neighbours.decayed(len(steps.positions))
                near = self._neighbours.scores(catalogue, steps.positions, decayed)
                scores[row] += self.neighbour_weight * near
        return scores

    def _neighbour_scores(
        self, catalogue: Catalogue, positions: Sequence[int], removed: Iterable[int], items: Sequence[int]
    ) -> NDArray[np.float32]:
        """What neighbours add for items, by a history and by it without each of some steps."""
        shorter = self._neighbours.decayed(len(positions) - 1)
        without = [np.insert(shorter, place, 0) for place in removed]
        weights = np.stack([self._neighbours.decayed(len(positions)), *without])
        return self.neighbour_weight * (weights @ self._neighbours.between(catalogue, positions, items))

    def _encode(self, catalogue: Catalogue, histories: Sequence[_Steps]) -> NDArray[np.float32]:
        parts = [
            self._encode_part(catalogue, histories[start : start + HISTORIES_AT_ONCE])
            for start in range(0, len(histories), HISTORIES_AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.empty((0, self.dim), dtype=np.float32)

    def _encode_part(self, catalogue: Catalogue, histories: Sequence[_Steps]) -> NDArray[np.float32]:
        newest = [steps.positions[-self.max_length :] for steps in histories]
        lengths = np.array([len(history) for history in newest], dtype=np.int64)
        inputs = np.zeros((len(newest), max(int(lengths.max()), 1), self.dim), dtype=np.float32)
        for row, history in enumerate(newest):
            inputs[row, : len(history)] = catalogue.vectors[history]
        feeds = {"item_vectors": inputs, "lengths": lengths}
        if self.has_context:
            feeds["context"] = self._padded_context(histories, n_steps=inputs.shape[1])
        return self._user_encoder.run(None, feeds)[0]

    def _padded_context(self, histories: Sequence[_Steps], n_steps: int) -> NDArray[np.int64]:
        """Type and gap of each event, of shape (n_histories, n_steps, 2); 0 where it is not known."""
        context = np.zeros((len(histories), n_steps, 2), dtype=np.int64)
        for row, steps in enumerate(histories):
            newest = slice(-self.max_length, None)
            n_known = len(steps.types[newest])
            context[row, :n_known, 0] = steps.types[newest]
            context[row, :n_known, 1] = steps.gaps[newest]
        return context


def _worth_trying(
    vectors: NDArray[np.float32], history: Sequence[int], items: Sequence[int]
) -> NDArray[np.int64]:
    """Return places in a history: half of `N_TRIED` the newest, half the most like one of the items.

    On Online Retail these hold 94 % of the largest drop that any event brings, at a third of the work.
    """
    n_older = len(history) - N_TRIED // 2
    newest = np.arange(max(n_older, 0), len(history))
    if n_older <= N_TRIED - N_TRIED // 2:
        return np.arange(len(history))
    older, shown = vectors[history[:n_older]], vectors[items]
    lengths = np.linalg.norm(older, axis=1)
    likeness = (shown @ older.T).max(axis=0) / np.maximum(lengths, np.finfo(np.float32).tiny)
    likest = np.argpartition(-likeness, N_TRIED - N_TRIED // 2)[: N_TRIED - N_TRIED // 2]
    return np.concatenate([np.sort(likest), newest])
