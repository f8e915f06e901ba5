"""What a set of rules and thresholds would have decided: the same order of things as online, by column."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomai.condition_columns import answers_of

from ..models import Decision, Policy, Rule
from ..services.rules import CompiledRule
from .past import PastTable

#: Decisions by their code in arrays, from the mildest to the strictest.
DECISIONS = (Decision.APPROVE, Decision.STEP_UP, Decision.REVIEW, Decision.DECLINE)
CODES = {str(decision): code for code, decision in enumerate(DECISIONS)}
UNDECIDED = -1


@dataclass
class RuleCount:
    """What one rule did in a back-test."""

    n_hits: int = 0
    n_decided: int = 0
    n_fraud: int = 0
    n_honest: int = 0
    n_failed: int = 0
    problem: str = ""

    def add(self, hits: NDArray[np.bool_], decided: NDArray[np.bool_], outcomes: NDArray[np.int8]) -> None:
        self.n_hits += int(hits.sum())
        self.n_decided += int(decided.sum())
        self.n_fraud += int((hits & (outcomes == 1)).sum())
        self.n_honest += int((hits & (outcomes == 0)).sum())


@dataclass
class Decider:
    """Rules that are asked in their order, then thresholds; `counts` is by rule."""

    rules: Sequence[CompiledRule]
    policy: Policy
    counts: dict[int, RuleCount] = field(default_factory=dict)

    def decide(self, table: PastTable, outcomes: NDArray[np.int8]) -> NDArray[np.int8]:
        """Return the decision on each row, as a code of `DECISIONS`.

        `outcomes` (0 honest, 1 fraud, else not known) are only counted, by rule.
        """
        decided = np.full(table.n_rows, UNDECIDED, dtype=np.int8)
        for rule in self.rules:
            hits = self._hits(rule, table)
            first = hits & (decided == UNDECIDED) & (rule.action != Rule.Action.NOTE)
            if rule.decision is not None:
                decided[first] = CODES[rule.decision]
            self.counts.setdefault(rule.id, RuleCount()).add(hits, first, outcomes)
        return np.where(decided == UNDECIDED, by_thresholds(self.policy, table.probability), decided)

    def _hits(self, rule: CompiledRule, table: PastTable) -> NDArray[np.bool_]:
        count = self.counts.setdefault(rule.id, RuleCount())
        if rule.condition is None:
            count.problem = rule.problem
            return np.zeros(table.n_rows, dtype=bool)
        answers = answers_of(rule.condition, table)
        count.n_failed += answers.n_failed
        count.problem = count.problem or answers.problem
        return answers.is_met & within_dates(rule, table)


def within_dates(rule: CompiledRule, table: PastTable) -> Any:
    """Where a rule's dates hold; most rules have none."""
    if rule.starts_at is None and rule.ends_at is None:
        return True
    return np.array([rule.holds_at(row.received_at) for row in table.rows], dtype=bool)


def by_thresholds(policy: Policy, probability: NDArray[np.float64]) -> NDArray[np.int8]:
    """Return what `Policy.decide` says of each probability; without one the policy's default counts."""
    codes = np.zeros(len(probability), dtype=np.int8)
    thresholds = (policy.step_up_from, policy.review_from, policy.decline_from)
    for code, threshold in enumerate(thresholds, start=1):
        if threshold is not None:
            codes[probability >= threshold] = code
    codes[np.isnan(probability)] = CODES[policy.default_decision]
    return codes


def names_of(rules: Sequence[CompiledRule]) -> frozenset[str]:
    return frozenset(name for rule in rules for name in rule.names)


def is_over(rule: CompiledRule, at: datetime) -> bool:
    return rule.ends_at is not None and rule.ends_at <= at
