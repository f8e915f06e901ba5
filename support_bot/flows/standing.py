"""Where a conversation stands in a flow: what its memory keeps between two messages."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

MEMORY = "flow"
#: So many flows wait while another goes on.
MOST_PAUSED = 2
Waiting = Literal["", "slot", "proof", "confirm", "call"]


class Standing(msgspec.Struct):
    """A flow under way. `waiting` says for what: a slot's value, a guest's code, a yes, or a yes to `call`.

    `labels` are what people read for slots whose value is an id; `paused` are flows that wait.
    """

    flow: str
    version: int
    step: int = 0
    slots: dict[str, str] = {}
    labels: dict[str, str] = {}
    waiting: Waiting = ""
    proof: int = 0
    number: str = ""
    call: str = ""
    n_missed: int = 0
    paused: list[dict[str, Any]] = []

    @property
    def said_slots(self) -> dict[str, str]:
        return self.slots | self.labels


def read_standing(memory: Mapping[str, Any]) -> Standing | None:
    """Return where a conversation stands; None where it is in no flow, or in one that cannot be read."""
    try:
        return msgspec.convert(memory[MEMORY], Standing) if memory.get(MEMORY) else None
    except msgspec.ValidationError:
        return None


def with_standing(memory: Mapping[str, Any], standing: Standing | None) -> dict[str, Any]:
    """Return a memory in which the flow stands there; all else in it stays."""
    rest = {name: value for name, value in memory.items() if name != MEMORY}
    return rest if standing is None else rest | {MEMORY: msgspec.to_builtins(standing)}


def as_paused(standing: Standing) -> dict[str, Any]:
    """Return a flow as another one keeps it while it goes on."""
    kept: dict[str, Any] = msgspec.to_builtins(standing)
    return kept | {"paused": []}
