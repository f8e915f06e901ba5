"""The review queue: cases are opened, taken, noted on and decided here, whoever asks."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ecomai.exceptions import EcomaiError, InvalidInputError, PermissionDeniedError

from .. import signals
from ..app_settings import app_settings
from ..exceptions import CaseDecidedError, CaseLockedError, SamePersonError
from ..models import Assessment, Case, CaseDecision, CaseNote, Label, Origin, Policy, ReasonCode, Verdict
from .appeals import answer_appeal
from .audit import audit_case
from .labels import record_label
from .order_acts import Act, request_order_acts, want_order_act
from .policies import current_policy

APP = "ecomai_risk"
State = Case.State
#: Of a case without a probability, when the policy names no threshold either.
UNKNOWN_PROBABILITY = 0.5
MOST_TEXT = 5000
#: A verdict says what an assessment was; a proof that is asked for says nothing yet.
IS_FRAUD = {Verdict.APPROVE: False, Verdict.DECLINE: True}
ORDER_ACTS = {Verdict.APPROVE: Act.RELEASE, Verdict.DECLINE: Act.CANCEL}


@dataclass(frozen=True)
class BulkOutcome:
    """What became of one case of many; `problem` is a sentence, '' where it went well."""

    case: Case
    problem: str = ""


# -- opening --------------------------------------------------------------------------------------


def expected_loss(assessment: Assessment, policy: Policy) -> Decimal:
    """Return what is lost on average if nobody looks, in the reporting currency."""
    probability = assessment.probability
    if probability is None:
        probability = UNKNOWN_PROBABILITY if policy.review_from is None else policy.review_from
    at_stake = abs(assessment.amount_reporting or Decimal(0)) + policy.chargeback_cost
    return (Decimal(str(probability)) * at_stake).quantize(Decimal("0.01"))


def needs_second(assessment: Assessment, policy: Policy) -> bool:
    """Whether two people decide. An amount without a rate may be any, so it needs them too."""
    if policy.four_eyes_from is None or assessment.amount is None:
        return False
    amount = assessment.amount_reporting
    return amount is None or abs(amount) >= policy.four_eyes_from


def open_case(assessment: Assessment, *, origin: str = Origin.REVIEW, user: Any = None) -> Case:
    """Put an assessment into the queue; one that is in it stays as it is, a decided one is opened again.

    An assessment that is only asked about again for a review stays decided.
    """
    policy = _policy(assessment)
    now = timezone.now()
    with transaction.atomic():
        case, is_new = Case.objects.get_or_create(
            assessment=assessment,
            defaults={
                "storefront": assessment.storefront, "kind": assessment.kind, "origin": origin,
                "expected_loss": expected_loss(assessment, policy),
                "amount_reporting": assessment.amount_reporting,
                "needs_second": needs_second(assessment, policy),
                "opened_at": now, "due_at": _due_at(now, policy),
            },
        )  # fmt: skip
        if not is_new and not _is_news(case, origin):
            return case
        if not is_new:
            _open_again(case, origin, now, policy)
        if is_new and origin == Origin.REVIEW:
            want_order_act(case, Act.HOLD)
            if case.order_act:
                case.save(update_fields=["order_act", "order_act_at"])
                request_order_acts(case)
        audit_case(case, "open_risk_case", user, origin=str(origin), is_again=not is_new)
    return case


def _policy(assessment: Assessment) -> Policy:
    """Return the policy that decided, or what counts now where nobody had set one."""
    return assessment.policy or current_policy(storefront=assessment.storefront, kind=assessment.kind)


def _due_at(now: datetime, policy: Policy) -> datetime:
    return now + timedelta(hours=policy.review_hours)


def _open_again(case: Case, origin: str, now: datetime, policy: Policy) -> None:
    case.state, case.origin, case.verdict = State.OPEN, origin, ""
    case.opened_at, case.due_at = now, _due_at(now, policy)
    case.decided_at, case.decided_by = None, None
    case.save(update_fields=["state", "origin", "verdict", "opened_at", "due_at", "decided_at", "decided_by"])


def _is_news(case: Case, origin: str) -> bool:
    """Whether a decided case has to be looked at anew: a chargeback of what was declined says nothing new."""
    if case.state != State.DECIDED or origin in (Origin.REVIEW, Origin.LEARNING):
        return False
    return origin != Origin.CHARGEBACK or case.verdict != Verdict.DECLINE


def reopen_case(case: Case, *, user: Any) -> Case:
    """Open a decided case again, because somebody decided too soon. What was decided stays to be read."""
    check_may(user, "review_case")
    with transaction.atomic():
        case = _own(case, user)
        if case.state == State.DECIDED:
            _open_again(case, case.origin, timezone.now(), _policy(case.assessment))
            audit_case(case, "reopen_risk_case", user)
    return case


# -- taking ---------------------------------------------------------------------------------------


def lock_case(case: Case, *, user: Any) -> Case:
    """Take a case, or take it longer. Raises `CaseLockedError` with the name of who has it."""
    check_may(user, "review_case")
    with transaction.atomic():
        case = _own(case, user)
        is_taken_now = case.locked_by_id != user.pk or not case.is_locked
        case.locked_by = user
        case.locked_until = timezone.now() + timedelta(minutes=app_settings.LOCK_MINUTES)
        case.save(update_fields=["locked_by", "locked_until"])
        if is_taken_now:
            audit_case(case, "take_risk_case", user)
    return case


def release_lock(case: Case, *, user: Any) -> Case:
    """Give a case back before the lease ends."""
    check_may(user, "review_case")
    with transaction.atomic():
        case = _own(case, user)
        if case.locked_by_id == user.pk:
            case.locked_by, case.locked_until = None, None
            case.save(update_fields=["locked_by", "locked_until"])
            audit_case(case, "give_back_risk_case", user)
    return case


def _own(case: Case, user: Any) -> Case:
    """Return the row, locked in the database; raise where another person looks at it just now."""
    rows = Case.objects.select_for_update(of=("self",))
    case = rows.select_related("assessment__policy", "locked_by").get(pk=case.pk)
    if case.is_locked and case.locked_by_id != user.pk:
        until = date_format(timezone.localtime(case.locked_until), "H:i")
        raise CaseLockedError(who=str(case.locked_by), until=until)
    return case


# -- noting and deciding --------------------------------------------------------------------------


def add_note(case: Case, *, text: str, user: Any) -> CaseNote:
    """Write something down for the next person; two may do so at once."""
    check_may(user, "review_case")
    text = _checked_text(text)
    if not text:
        raise InvalidInputError(reason=_("the note is empty"))
    with transaction.atomic():
        note = CaseNote.objects.create(case=case, text=text, created_by=user)
        audit_case(case, "note_risk_case", user, note=note.pk)
    return note


def decide_case(
    case: Case, *, verdict: str, reason_code: str, text: str = "", answer: str = "", user: Any
) -> Case:
    """Decide a case; where two people are needed, it counts once a second one says the same.

    A second person who says something else is the first one then. What counts becomes a label, is done with
    the order, answers an appeal that waits, and sends `case_decided` after the commit.
    Raises `CaseLockedError`, `CaseDecidedError`, `SamePersonError`.
    """
    check_may(user, "review_case")
    verdict, reason_code = Verdict(_chosen(verdict, Verdict)), ReasonCode(_chosen(reason_code, ReasonCode))
    text, answer = _checked_text(text), _checked_text(answer)
    if reason_code == ReasonCode.OTHER and not text:
        raise InvalidInputError(reason=_("another reason needs a text"))
    with transaction.atomic():
        case = _own(case, user)
        if case.state == State.DECIDED:
            raise CaseDecidedError()
        is_final = _is_final(case, verdict, user)
        decision = CaseDecision.objects.create(
            case=case, verdict=verdict, reason_code=reason_code, text=text, is_final=is_final,
            answer=answer or _first_answer(case, verdict), decided_by=user,
        )  # fmt: skip
        _settle(case, decision, user)
        audit_case(
            case, "decide_risk_case" if is_final else "propose_risk_decision", user,
            verdict=str(verdict), reason=str(reason_code), decision=decision.pk,
        )  # fmt: skip
        if is_final:
            transaction.on_commit(lambda: signals.case_decided.send_robust(sender=Case, case=case))
    return case


def _is_final(case: Case, verdict: str, user: Any) -> bool:
    if not case.needs_second:
        return True
    if case.state != State.SECOND:
        return False
    first = case.decisions.last()
    if first is not None and first.decided_by_id == user.pk:
        raise SamePersonError()
    return case.verdict == verdict


def _settle(case: Case, decision: CaseDecision, user: Any) -> None:
    case.verdict, case.locked_by, case.locked_until = decision.verdict, None, None
    case.state = State.DECIDED if decision.is_final else State.SECOND
    if decision.is_final:
        case.decided_at, case.decided_by = decision.decided_at, user
        if act := ORDER_ACTS.get(Verdict(decision.verdict)):
            want_order_act(case, act)
            request_order_acts(case)
        appeal = answer_appeal(
            assessment=case.assessment, verdict=decision.verdict, text=decision.answer, user=user
        )
        _label(case, decision, user, Label.Source.APPEAL if appeal else Label.Source.REVIEW)
    case.save()


def _first_answer(case: Case, verdict: str) -> str:
    """What the first of two people wrote to the customer, where the second one agrees and writes nothing."""
    first = case.decisions.last() if case.state == State.SECOND else None
    return first.answer if first and first.verdict == verdict else ""


def _label(case: Case, decision: CaseDecision, user: Any, source: str) -> None:
    is_fraud = IS_FRAUD.get(Verdict(decision.verdict))
    if is_fraud is None:
        return
    record_label(
        assessment=case.assessment, is_fraud=is_fraud, source=source, user=user,
        note=str(decision.get_reason_code_display()),
    )  # fmt: skip


def decide_cases(
    cases: Iterable[Case], *, verdict: str, reason_code: str, text: str = "", user: Any
) -> list[BulkOutcome]:
    """Decide several cases alike, each by itself: what cannot be decided is named and stops no other."""
    check_may(user, "decide_cases")
    outcomes = []
    for case in cases:
        try:
            decided = decide_case(case, verdict=verdict, reason_code=reason_code, text=text, user=user)
            outcomes.append(BulkOutcome(decided))
        except EcomaiError as error:
            outcomes.append(BulkOutcome(case, str(error)))
    return outcomes


def check_may(user: Any, codename: str) -> None:
    if not user.has_perm(f"{APP}.{codename}"):
        raise PermissionDeniedError


def _chosen(value: str, choices: Any) -> str:
    if value not in choices.values:
        raise InvalidInputError(reason=_("“%(value)s” cannot be chosen") % {"value": value})
    return value


def _checked_text(text: str) -> str:
    text = text.replace("\x00", "").strip()
    if len(text) > MOST_TEXT:
        raise InvalidInputError(reason=_("the text is longer than %(n)s characters") % {"n": MOST_TEXT})
    return text
