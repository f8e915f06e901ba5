"""History folded again from its beginning: what training learns from, equal to what was known then."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from .events import RiskEvent
from .states import State, fold, fold_label, neighbour_keys
from .vectors import vector


@dataclass(frozen=True)
class Moment:
    """A question in its order; `id` is handed through."""

    id: Any
    event: RiskEvent


@dataclass(frozen=True)
class LabelMoment:
    """A label at the moment our features learned of it; `event` is what it is about; n = -1 takes it back."""

    at: float
    event: RiskEvent
    n: int


class States(Protocol):
    """What is known of each key: a dict, or what reads and keeps them elsewhere."""

    def __contains__(self, key: object, /) -> bool: ...
    def __getitem__(self, key: bytes, /) -> State: ...
    def setdefault(self, key: bytes, default: State, /) -> State: ...


def replay(
    history: Iterable[Moment | LabelMoment], states: States | None = None
) -> Iterator[tuple[Any, list[float]]]:
    """Yield id and feature vector of each question of a history, which must be in the order it was received.

    `states` keeps what is known of each key, and holds the end of history afterwards.
    """
    states = {} if states is None else states
    for moment in history:
        named = {kind: states.setdefault(key, State()) for kind, key in moment.event.keys.items()}
        if isinstance(moment, Moment):
            yield moment.id, vector(named, moment.event)
            fold(named, moment.event)
        else:
            near = neighbour_keys(named, but=moment.event.customer)
            fold_label(named, [states[key] for key in near if key in states], at=moment.at, n=moment.n)
