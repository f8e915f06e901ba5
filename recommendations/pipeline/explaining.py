"""Why an item stands where it does: who named it, its place after each step, and which rules moved it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ..catalogue import Catalogue
from ..models import PipelineSource, Rule
from .plans import Plan
from .reranking import STEPS
from .rules import CompiledRule, matches
from .running import Trace

#: The step in which a rule of an action is applied.
STEP_OF = {
    Rule.Action.EXCLUDE.value: "exclude", Rule.Action.BOOST.value: "boost", Rule.Action.BURY.value: "boost",
    Rule.Action.PIN.value: "pin",
}  # fmt: skip


@dataclass(frozen=True)
class Named:
    """A source that named an item: as its how manieth, and what it said, from 0 to 1."""

    label: Any
    rank: int
    said: float


@dataclass(frozen=True)
class Move:
    """A step that changed an item's place; `after` is None where the item was left out, `rules` did it."""

    label: Any
    before: int
    after: int | None
    rules: Sequence[str] = ()

    @property
    def is_up(self) -> bool:
        return self.after is not None and self.after < self.before


@dataclass(frozen=True)
class Why:
    """All that is known of how one item came to its place."""

    key: int
    named: Sequence[Named]
    first_place: int | None
    moves: Sequence[Move]


class Explanation:
    """What a trace says of each item."""

    def __init__(self, plan: Plan, trace: Trace, catalogue: Catalogue) -> None:
        self._plan = plan
        self._trace = trace
        self._places = [
            (name, {key: place for place, key in enumerate(keys, start=1)}) for name, keys in trace.orders
        ]
        self._named = _named_by(trace)
        self._rules = _rules_by_item(plan, trace, catalogue)

    def why(self, key: int) -> Why:
        return Why(
            key=key,
            named=self._named.get(key, ()),
            first_place=self._places[0][1].get(key) if self._places else None,
            moves=[
                move for before, after in pairwise(self._places) if (move := self._move(key, before, after))
            ],
        )

    def _move(
        self, key: int, before: tuple[str, Mapping[int, int]], after: tuple[str, Mapping[int, int]]
    ) -> Move | None:
        was, (step, places) = before[1].get(key), after
        now = places.get(key)
        if was is None or was == now:
            return None
        rules = [rule.name for rule in self._rules.get(key, ()) if STEP_OF[rule.action] == step]
        return Move(STEPS[step][0], was, now, rules)

    def left_out(self, *, n: int) -> list[Why]:
        """Return those of the first `n` that a step left out, in the order in which they had stood."""
        if not self._places:
            return []
        first, last = self._places[0][1], self._places[-1][1]
        return [self.why(key) for key in list(first)[:n] if key not in last]

    @property
    def is_all_left_out(self) -> bool:
        """Whether there were candidates and none of them is left."""
        return bool(self._places) and bool(self._places[0][1]) and not self._places[-1][1]

    @property
    def problems(self) -> list[tuple[str, str]]:
        """Return rules that could not be evaluated, with what is wrong."""
        return [(rule.name, rule.problem) for rule in self._plan.rules if rule.problem]


def _named_by(trace: Trace) -> dict[int, list[Named]]:
    candidates = trace.candidates
    if candidates is None:
        return {}
    labels = dict(PipelineSource.Kind.choices)
    found: dict[int, list[Named]] = {}
    for column, source in enumerate(candidates.sources):
        said = candidates.said[:, column]
        for rank, at in enumerate((-said).argsort(kind="stable").tolist(), start=1):
            if said[at] > 0:
                named = Named(labels.get(source, source), rank, float(said[at]))
                found.setdefault(int(candidates.keys[at]), []).append(named)
    return found


def _rules_by_item(plan: Plan, trace: Trace, catalogue: Catalogue) -> dict[int, list[CompiledRule]]:
    candidates = trace.candidates
    if candidates is None or not plan.rules:
        return {}
    about = matches(plan.rules, catalogue, candidates.keys, candidates.places)
    found: dict[int, list[CompiledRule]] = {}
    for rule in plan.rules:
        for key in candidates.keys[about[rule.id]].tolist():
            found.setdefault(key, []).append(rule)
    return found
