"""What the demo shop shows of this scenario."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from ecomai.registry.models import AuditEntry

from ..models import AnsweredBy, Assessment, Case, Decision, Kind, Origin, Policy
from ..reasons import reasons_of
from ..services.audit import audit_assessments
from ..services.cases import open_case
from ..services.fairness import refresh_fairness
from ..services.policies import change_policy, current_policy
from ..services.scoring import score
from .history import History, keep, tell
from .planted import planted

N_CASES = 40
#: Cases are of so many newest days, and came within the last hours.
CASE_DAYS, CASE_HOURS = 14, 28
REVIEW_HOURS = 24


def seed_demo() -> None:
    """Tell two months of orders with a ring in them, and fill the queue; in shadow. Safe to run twice."""
    if Assessment.objects.exists():
        return
    now = timezone.now()
    with transaction.atomic():
        history = tell(planted(now))
        policy = _answer(history, now)
        keep(history)
        audit_assessments(history.assessments)
        _date_entries(history)
        _open_cases(history, policy, now)
    refresh_fairness()


def _answer(history: History, now: datetime) -> Policy:
    """Score everything, and choose thresholds with which the people of the shop have their hands full."""
    before = current_policy(storefront="", kind=Kind.PAYMENT_FRAUD)
    for row in history.assessments:
        _score(row, before)
    recent = [row for row in history.assessments if _is_recent(row, now)]
    review_from = _threshold([row.probability or 0.0 for row in recent])
    policy = change_policy(
        storefront="", kind=Kind.PAYMENT_FRAUD, based_on=before.number, review_from=review_from,
        step_up_from=round(review_from / 2, 4), decline_from=None, review_hours=REVIEW_HOURS,
        note="Demo",
    )  # fmt: skip
    for row in history.assessments:
        row.policy, row.is_shadow, row.decision = policy, True, Decision.APPROVE
        row.wanted_decision = policy.decide(row.probability or 0.0)
    return policy


def _threshold(probabilities: Sequence[float]) -> float:
    """Return the lowest probability that no more than `N_CASES` reach."""
    ranked = sorted(probabilities, reverse=True)
    over = ranked[N_CASES] if len(ranked) > N_CASES else 0.0
    return min((each for each in ranked if each > over), default=0.6)


def _score(row: Assessment, policy: Policy) -> None:
    scored = score(row, policy, deadline=math.inf)
    row.probability, row.model_version = scored.probability, scored.model_version
    row.reasons = reasons_of(scored.contributions, scored.values)
    row.answered_by, row.latency_ms = AnsweredBy(scored.answered_by), 3.0


def _is_recent(row: Assessment, now: datetime) -> bool:
    return row.is_fraud is None and row.received_at > now - timedelta(days=CASE_DAYS)


def _date_entries(history: History) -> None:
    """The audit log says when it was; none of it is sealed yet, as all is one transaction."""
    moments = {f"risk.assessment:{row.pk}": row.received_at for row in history.assessments}
    entries = list(AuditEntry.objects.filter(block=None, subject__in=list(moments)))
    for entry in entries:
        entry.created_at = moments[entry.subject]
    AuditEntry.objects.bulk_update(entries, ["created_at"], batch_size=500)


def _open_cases(history: History, policy: Policy, now: datetime) -> None:
    """Open what is to be reviewed, and what teaches most; over the last hours, so that a few are overdue."""
    recent = [row for row in history.assessments if _is_recent(row, now)]
    cases = [open_case(row) for row in recent if row.wanted_decision == Decision.REVIEW]
    others = [row for row in recent if row.wanted_decision != Decision.REVIEW]
    others.sort(key=lambda row: abs((row.probability or 0.0) - 0.5))
    cases += [open_case(row, origin=Origin.LEARNING) for row in others[: N_CASES - len(cases)]]
    for place, case in enumerate(cases):
        case.opened_at = now - timedelta(hours=CASE_HOURS * (place + 0.5) / len(cases))
        case.due_at = case.opened_at + timedelta(hours=policy.review_hours)
    Case.objects.bulk_update(cases, ["opened_at", "due_at"])
