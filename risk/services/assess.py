"""Assessing: asked by the checkout, answered within the policy's time budget, whatever fails.

One transaction makes an answer, or nothing of it stays:

1. The states of the entities that a question names are locked, read, and give the features of the moment
   before; then the question is folded into them.
2. The model is asked, with what is left of the budget; past it, the simple model.
3. The policy makes a decision of the probability, rules may overrule it, and states, answer and audit entry
   are written. A question that was asked before gets the answer of then.

The locks are those of one customer's own things and of small networks; a model that hangs holds them no
longer than the budget, and who waits for them that long goes on without. Inside a transaction of the shop's
own the locks last until that ends: ask before it, or keep it short.

Where the states cannot be had in time, the question's own numbers are all that is known (the assessment
keeps no features then, and no history holds it). Where nothing works, the policy's default counts.
"""

import logging
import math
import time

from django.db import DEFAULT_DB_ALIAS, IntegrityError
from django.utils import timezone

from ecomai.capabilities import RiskQuestion
from ecomai.registry.request_ids import current_request_id
from ecomai.registry.selectors import is_scenario_on
from ecomai.statements import Statement, Statements, insert, quick_transaction

from ..exceptions import InvalidQuestionError, OtherContentsError
from ..features import FEATURES_VERSION, fold, vector
from ..models import AnsweredBy, Assessment, Decision, Policy
from ..normalising import entities_of, event_of, prepare
from ..reasons import reasons_of
from .audit import assessment_entry
from .cases import open_case
from .holds import publish_hold
from .policies import current_policy, known_policy
from .rules import evaluate_rules, rules_at_work
from .scoring import score
from .states import Entity, take_states, written_states

logger = logging.getLogger(__name__)


def assess(question: RiskQuestion, *, time_budget_seconds: float | None = None) -> Assessment:
    """Return the answer to a question; the same question again gets the same answer.

    Raises InvalidQuestionError, and OtherContentsError where the id was used for something else. Nothing
    else is raised: where everything fails, the answer is the policy's default, with `pk` None.
    """
    started = time.perf_counter()
    try:
        policy = current_policy(storefront=question.storefront, kind=question.kind)
        if not is_scenario_on("risk"):
            return _by_default(question, policy, started, code="switched_off")
        row = prepare(question)
        budget = policy.time_budget_ms / 1000 if time_budget_seconds is None else time_budget_seconds
        return _Assessing(row, policy, started, deadline=started + budget).answer()
    except (InvalidQuestionError, OtherContentsError):
        raise
    except Exception:
        logger.exception("“%s” could not be assessed; the policy's default counts.", question.external_id)
        policy = known_policy(storefront=question.storefront, kind=question.kind)
        return _by_default(question, policy, started, code="default")


class _Assessing:
    """One question on its way to its answer. What processes remember of policy and rules was read before."""

    def __init__(self, row: Assessment, policy: Policy, started: float, *, deadline: float) -> None:
        row.request_id = current_request_id.get()
        row.received_at = timezone.now()
        self.row = row
        self.policy = policy
        self.rules = rules_at_work(row.storefront, row.kind, row.received_at)
        self.started = started
        self.deadline = deadline

    def answer(self) -> Assessment:
        try:
            self._answer()
        except IntegrityError:
            return _known(self.row)
        _follow_up(self.row)
        return self.row

    def _answer(self) -> None:
        try:
            with quick_transaction() as statements:
                folded = self._fold(statements)
                self._decide()
                self._keep(statements, *folded)
        except IntegrityError:
            raise
        except Exception:
            # The states are locked for longer than the checkout may wait, or cannot be read.
            logger.warning("“%s” is assessed without its history.", self.row.external_id, exc_info=True)
            self.row.pk, self.row.features, self.row.features_version = None, [], 0
            self.row.received_at = timezone.now()
            with quick_transaction() as statements:
                self._decide()
                self._keep(statements)

    def _fold(self, statements: Statements) -> list[Statement]:
        """Lock, look, fold; return what is to be written."""
        row = self.row
        named = entities_of(row)
        entities = [Entity(pk, kind) for kind, pk in named.items()]
        left = self.deadline - time.perf_counter()
        taken = take_states(row.storefront, entities, seconds=left, within=statements)
        row.received_at = taken.at
        event = event_of(row)
        states = {kind: taken.states[pk] for kind, pk in named.items()}
        row.features = [None if math.isnan(value) else value for value in vector(states, event)]
        row.features_version = FEATURES_VERSION
        fold(states, event)
        return [written_states(row.storefront, entities, taken)] if entities else []

    def _decide(self) -> None:
        row, policy = self.row, self.policy
        scored = score(row, policy, deadline=self.deadline)
        rules = evaluate_rules(row, features=scored.values, probability=scored.probability, rules=self.rules)
        row.probability = scored.probability
        row.model_version = scored.model_version
        row.reasons = [*rules.reasons, *reasons_of(scored.contributions, scored.values)]
        row.rules_fired = list(rules.fired)
        row.policy = policy if policy.pk else None
        row.is_shadow = not policy.is_live
        row.wanted_decision = rules.decision or policy.decide(scored.probability)
        row.decision = Decision.APPROVE if row.is_shadow else row.wanted_decision
        row.answered_by = AnsweredBy.RULES if rules.decision else scored.answered_by

    def _keep(self, statements: Statements, *folded: Statement) -> None:
        row = self.row
        row.latency_ms = self._milliseconds()
        [(row.pk,)] = statements.ask(*folded, insert(row, ending='RETURNING "id"'))
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
        statements.send(insert(assessment_entry(row)))

    def _milliseconds(self) -> float:
        return round((time.perf_counter() - self.started) * 1000, 3)


def _known(row: Assessment) -> Assessment:
    """Return what was asked before under this id. Raises OtherContentsError where it was something else."""
    known = Assessment.objects.select_related("policy", "model_version").get(
        storefront=row.storefront, kind=row.kind, external_id=row.external_id
    )
    if known.digest != row.digest:
        raise OtherContentsError(id=row.external_id)
    return known


def _follow_up(row: Assessment) -> None:
    """What an answer sets going. The checkout has its answer whatever becomes of this."""
    try:
        publish_hold(row)
        if row.wanted_decision == Decision.REVIEW:
            open_case(row)
    except Exception:
        logger.exception("What follows from the assessment of “%s” failed.", row.external_id)


def _by_default(question: RiskQuestion, policy: Policy, started: float, *, code: str) -> Assessment:
    """Return an answer that is not kept."""
    return Assessment(
        storefront=question.storefront, kind=question.kind, external_id=question.external_id,
        decision=policy.default_decision if policy.is_live else Decision.APPROVE,
        wanted_decision=policy.default_decision, is_shadow=not policy.is_live, policy=policy,
        answered_by=AnsweredBy.DEFAULT, reasons=[{"code": code}],
        occurred_at=question.occurred_at or timezone.now(), currency=question.currency,
        latency_ms=round((time.perf_counter() - started) * 1000, 3),
    )  # fmt: skip
