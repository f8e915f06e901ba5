"""Rules at work: asked at each assessment from memory, within a time, and none of them can stop an answer."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from ecomai.conditions import Condition, ConditionError
from ecomai.reading import in_transaction

from ..facts import LANGUAGE, LIST_FACTS, facts_of
from ..models import Assessment, Decision, Rule
from .lists import lists_of

logger = logging.getLogger(__name__)

#: After so long at the latest every process follows a change.
SECONDS = 1.0
#: All rules together have so long; those that were not asked by then are counted and decide nothing.
MOST_MS = 15.0
#: A rule that fails is written down at most so often by a process.
PROBLEM_SECONDS = 60.0
MOST_COMPILED = 2_000
AT_WORK = (Rule.State.LIVE, Rule.State.SHADOW)
_NEED_LISTS = frozenset(LIST_FACTS) | {"lists"}


@dataclass
class CompiledRule:
    """A rule as processes remember it."""

    id: int
    name: str
    number: int
    kinds: frozenset[str]
    action: str
    code: str
    reason: str
    is_live: bool
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    condition: Condition | None = None
    problem: str = ""
    noted_at: float = -PROBLEM_SECONDS

    def holds_at(self, at: datetime) -> bool:
        """Whether a moment is within the rule's dates."""
        return (self.starts_at is None or self.starts_at <= at) and (
            self.ends_at is None or at < self.ends_at
        )

    @property
    def decision(self) -> Decision | None:
        return None if self.action == Rule.Action.NOTE else Decision(self.action)

    @property
    def names(self) -> frozenset[str]:
        return self.condition.names if self.condition else frozenset()


@dataclass
class RuleAnswer:
    """What rules say of an assessment. `decision` is that of the first live one that holds; None: no say.

    `fired` is kept with the assessment; `reasons` are those of live rules. `n_unasked` counts rules for
    which no time was left.
    """

    decision: Decision | None = None
    fired: list[dict[str, Any]] = field(default_factory=list)
    reasons: list[dict[str, Any]] = field(default_factory=list)
    n_unasked: int = 0


def evaluate_rules(
    row: Assessment,
    *,
    features: Sequence[float | None],
    probability: float | None,
    rules: Sequence[CompiledRule] | None = None,
    budget_ms: float = MOST_MS,
) -> RuleAnswer:
    """Ask all rules at work about an assessment, which need not be stored. No rule can make it fail.

    Call it inside the assessment, after the model: `probability` None means that no model answered. One
    query where a rule names a list, else none. `rules` were read before a transaction, in which nothing
    that this process remembers counts.
    """
    asked = rules_at_work(row.storefront, row.kind, row.received_at) if rules is None else rules
    if not asked:
        return RuleAnswer()
    lists = lists_of(row) if any(rule.names & _NEED_LISTS for rule in asked) else {}
    facts = facts_of(row, features=features, probability=probability, lists=lists)
    return ask(asked, facts, budget_ms=budget_ms)


def ask(rules: Sequence[CompiledRule], facts: Mapping[str, Any], *, budget_ms: float = MOST_MS) -> RuleAnswer:
    """Ask rules in their order."""
    answer = RuleAnswer()
    until = time.perf_counter() + budget_ms / 1000
    for place, rule in enumerate(rules):
        if time.perf_counter() > until:
            answer.n_unasked = len(rules) - place
            logger.warning("Time was over before %s of %s rules.", answer.n_unasked, len(rules))
            break
        if not _holds(rule, facts):
            continue
        is_deciding = rule.is_live and rule.decision is not None and answer.decision is None
        if is_deciding:
            answer.decision = rule.decision
        answer.fired.append({
            "rule": rule.id, "name": rule.name, "number": rule.number, "action": rule.action,
            "code": rule.code, "is_shadow": not rule.is_live, "decided": is_deciding,
        })  # fmt: skip
        if rule.is_live:
            answer.reasons.append({"code": rule.code, "text": rule.reason, "rule": rule.id})
    return answer


def _holds(rule: CompiledRule, facts: Mapping[str, Any]) -> bool:
    """Whether a rule holds. One that fails holds nowhere, and says so on its page."""
    try:
        return rule.condition is not None and rule.condition.is_met(facts)
    except ConditionError as error:
        _note_problem(rule, str(error))
        return False


def _note_problem(rule: CompiledRule, problem: str) -> None:
    rule.problem = problem
    if time.monotonic() - rule.noted_at < PROBLEM_SECONDS:
        return
    rule.noted_at = time.monotonic()
    logger.warning("Rule %s (%s) could not be evaluated: %s", rule.id, rule.name, problem)
    # After the commit: nothing of an answer waits for the row of a rule.
    transaction.on_commit(lambda: write_problem(rule.id, problem), robust=True)


def write_problem(rule_id: int, problem: str) -> None:
    Rule.objects.filter(pk=rule_id).update(problem=problem[:1000], problem_at=timezone.now())


# -- what is at work ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Known:
    read_at: float
    by_storefront: dict[str, list[CompiledRule]]


_known: _Known | None = None
_compiled: dict[tuple[int, str, str], CompiledRule] = {}


def rules_at_work(storefront: str, kind: str, at: datetime) -> list[CompiledRule]:
    """Return the rules to ask, in their order, as they were at most a second ago."""
    rules = _current().by_storefront.get(storefront, ())
    return [rule for rule in rules if kind in rule.kinds and rule.holds_at(at)]


def forget_rules() -> None:
    """Read them anew at the next question."""
    global _known
    _known = None


def _current() -> _Known:
    global _known
    now = time.monotonic()
    is_own = in_transaction()  # then the answer must be that transaction's own
    if _known is not None and not is_own and now - _known.read_at < SECONDS:
        return _known
    by_storefront: dict[str, list[CompiledRule]] = {}
    for row in Rule.objects.filter(state__in=AT_WORK).order_by("order", "name", "-number"):
        by_storefront.setdefault(row.storefront, []).append(_remembered(row))
    found = _Known(now, by_storefront)
    if not is_own:
        _known = found
    return found


def _remembered(row: Rule) -> CompiledRule:
    """Return what was compiled of a version before: it does not change, but from shadow to live."""
    key = (row.pk, row.state, row.condition)
    if key not in _compiled:
        if len(_compiled) > MOST_COMPILED:
            _compiled.clear()
        _compiled[key] = compile_rule(row)
        if _compiled[key].problem:
            _note_problem(_compiled[key], _compiled[key].problem)
    return _compiled[key]


def compile_rule(row: Rule, *, is_live: bool | None = None) -> CompiledRule:
    """Return a rule to be asked; one that does not compile any more says so and never holds."""
    compiled = CompiledRule(
        id=row.pk or 0, name=row.name, number=row.number, kinds=frozenset(row.kinds), action=row.action,
        code=row.reason_code, reason=row.reason, starts_at=row.starts_at, ends_at=row.ends_at,
        is_live=row.state == Rule.State.LIVE if is_live is None else is_live,
    )  # fmt: skip
    try:
        compiled.condition = LANGUAGE.compile(row.condition)
    except ConditionError as error:
        compiled.problem = str(error)
    return compiled
