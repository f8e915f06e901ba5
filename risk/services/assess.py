"""Assessing: asked by the checkout, answered within the policy's time budget, whatever fails.

1. One short transaction locks the states of the entities that a question names, computes the features of
   the moment before, folds the question into the states, and keeps all of it. Asked again, nothing is folded.
2. Outside of any lock the model is asked, with what is left of the budget; past it, the simple model.
3. The policy makes a decision of the probability, rules may overrule it, and the answer is kept.

Where the states cannot be had in time, the question's own numbers are all that is known (the assessment
keeps no features then, and no history holds it). Where nothing works, the policy's default counts. Inside a
transaction of the shop's own the locks last until that ends: ask before it, or keep it short.
"""

import logging
import math
import time

from django.db import IntegrityError, transaction
from django.utils import timezone

from ecomai.capabilities import RiskQuestion
from ecomai.registry.request_ids import current_request_id
from ecomai.registry.selectors import is_scenario_on

from ..exceptions import InvalidQuestionError, OtherContentsError
from ..features import FEATURES_VERSION, fold, vector
from ..models import AnsweredBy, Assessment, Decision, Policy
from ..normalising import entities_of, event_of, prepare
from ..reasons import reasons_of
from .audit import audit_assessments
from .cases import open_case
from .holds import publish_hold
from .policies import current_policy, known_policy
from .rules import evaluate_rules
from .scoring import score
from .states import Entity, take_states, write_states

logger = logging.getLogger(__name__)

_ANSWER = (
    "probability", "decision", "wanted_decision", "is_shadow", "reasons", "rules_fired", "model_version",
    "policy", "answered_by", "latency_ms",
)  # fmt: skip


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
        budget = policy.time_budget_ms / 1000 if time_budget_seconds is None else time_budget_seconds
        row = _remember(prepare(question), deadline=started + budget)
        if not row.decision:
            _decide(row, policy, deadline=started + budget)
            _keep(row, started)
        return row
    except (InvalidQuestionError, OtherContentsError):
        raise
    except Exception:
        logger.exception("“%s” could not be assessed; the policy's default counts.", question.external_id)
        policy = known_policy(storefront=question.storefront, kind=question.kind)
        return _by_default(question, policy, started, code="default")


def _remember(row: Assessment, *, deadline: float) -> Assessment:
    """Keep a question with its features; return the row that was there before, if there is one."""
    row.request_id = current_request_id.get()
    try:
        with transaction.atomic():
            _fold(row, deadline)
        return row
    except IntegrityError:
        return _known(row)
    except Exception:
        # The states are locked for longer than the checkout may wait, or cannot be read.
        logger.warning("“%s” is assessed without its history.", row.external_id, exc_info=True)
    row.pk, row.features, row.features_version, row.received_at = None, [], 0, timezone.now()
    try:
        with transaction.atomic():
            row.save(force_insert=True)
        return row
    except IntegrityError:
        return _known(row)


def _fold(row: Assessment, deadline: float) -> None:
    """Lock, look, fold, write: in a transaction."""
    named = entities_of(row)
    entities = [Entity(pk, kind) for kind, pk in named.items()]
    taken = take_states(row.storefront, entities, seconds=deadline - time.perf_counter())
    row.received_at = taken.at
    event = event_of(row)
    states = {kind: taken.states[pk] for kind, pk in named.items()}
    row.features = [None if math.isnan(value) else value for value in vector(states, event)]
    row.features_version = FEATURES_VERSION
    fold(states, event)
    row.save(force_insert=True)
    write_states(row.storefront, entities, taken)


def _known(row: Assessment) -> Assessment:
    """Return what was asked before under this id. Raises OtherContentsError where it was something else."""
    known = Assessment.objects.select_related("policy", "model_version").get(
        storefront=row.storefront, kind=row.kind, external_id=row.external_id
    )
    if known.digest != row.digest:
        raise OtherContentsError(id=row.external_id)
    return known


def _decide(row: Assessment, policy: Policy, *, deadline: float) -> None:
    scored = score(row, policy, deadline=deadline)
    rules = evaluate_rules(row, features=scored.values, probability=scored.probability)
    row.probability = scored.probability
    row.model_version_id = scored.model_version_id
    row.reasons = [*rules.reasons, *reasons_of(scored.contributions, scored.values)]
    row.rules_fired = list(rules.fired)
    row.policy = policy if policy.pk else None
    row.is_shadow = not policy.is_live
    row.wanted_decision = rules.decision or policy.decide(scored.probability)
    row.decision = Decision.APPROVE if row.is_shadow else row.wanted_decision
    row.answered_by = AnsweredBy.RULES if rules.decision else scored.answered_by


def _keep(row: Assessment, started: float) -> None:
    """Keep the answer, and what follows from it."""
    row.latency_ms = round((time.perf_counter() - started) * 1000, 3)
    with transaction.atomic():
        Assessment.objects.filter(pk=row.pk).update(**{name: getattr(row, name) for name in _ANSWER})
        audit_assessments([row])
    _follow_up(row)


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
