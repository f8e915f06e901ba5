"""What customers ask about decisions: why, and for another look. Only about their own."""

from dataclasses import dataclass
from typing import Any

from django.core import signing
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from ecomai.commerce.adapters import Action, ActionRefusedError, UnsupportedActionError, perform_action
from ecomai.exceptions import InvalidInputError

from .. import signals
from ..app_settings import app_settings
from ..customer_reasons import customer_sentences
from ..exceptions import (
    AlreadyAppealedError,
    NoMoreAppealsError,
    NothingToAppealError,
    UnknownDecisionError,
)
from ..models import Appeal, Assessment, Case, Decision, Kind, Origin, Verdict
from .audit import assessment_subject, write_audit

SALT = "ecomai.risk.decision"
TOKEN_SECONDS = 90 * 24 * 3600
MOST_TEXT = 2000
State = Appeal.State


@dataclass(frozen=True)
class Explanation:
    """What a customer is told of a decision; `decision` is what counts now."""

    assessment: Assessment
    decision: str
    sentences: list[str]
    may_appeal: bool
    appeal: Appeal | None


# -- whose it is ----------------------------------------------------------------------------------


def sign_decision(*, kind: str, external_id: str, storefront: str = "") -> str:
    """Return a token that opens one decision to whoever has it, such as a guest by a link in a mail."""
    return signing.dumps([storefront, kind, external_id], salt=SALT)


def own_assessment(
    *, kind: str, external_id: str, storefront: str = "", customer_id: str = "", token: str = ""
) -> Assessment:
    """Return what was decided about a customer's own order, login, return or review.

    `customer_id` has to be proven. Raises `UnknownDecisionError`, which does not tell what exists.
    """
    wanted = [storefront, kind, external_id]
    row = Assessment.objects.filter(storefront=storefront, kind=kind, external_id=external_id).first()
    is_own = row is not None and bool(customer_id) and row.customer_external_id == customer_id
    if row is None or not (is_own or _is_opened(token, wanted)):
        raise UnknownDecisionError()
    return row


def _is_opened(token: str, wanted: list[str]) -> bool:
    try:
        return bool(token) and signing.loads(token, salt=SALT, max_age=TOKEN_SECONDS) == wanted
    except signing.BadSignature:
        return False


# -- why ------------------------------------------------------------------------------------------


def explain(assessment: Assessment) -> Explanation:
    """Return what a customer is told, in the active language."""
    decision = _decision(assessment)
    appeals = list(assessment.appeals.order_by("-created_at", "-pk"))
    is_against = decision != Decision.APPROVE
    return Explanation(
        assessment, decision, customer_sentences(assessment.reasons) if is_against else [],
        may_appeal=is_against and _problem(assessment, decision, appeals) is None,
        appeal=appeals[0] if appeals else None,
    )  # fmt: skip


def _decision(assessment: Assessment) -> str:
    """What people decided counts, else what the shop was told."""
    case = Case.objects.filter(assessment=assessment, state=Case.State.DECIDED).first()
    return case.verdict if case else assessment.decision


def _problem(assessment: Assessment, decision: str, appeals: list[Appeal]) -> Exception | None:
    if decision == Decision.APPROVE:
        return NothingToAppealError()
    if any(appeal.state == State.WAITING for appeal in appeals):
        return AlreadyAppealedError()
    if len(appeals) >= app_settings.MOST_APPEALS:
        return NoMoreAppealsError()
    return None


# -- appealing and answering ----------------------------------------------------------------------


def file_appeal(assessment: Assessment, *, text: str) -> Appeal:
    """Take a customer's word against a decision, and put the case into the queue again.

    Raises `NothingToAppealError`, `AlreadyAppealedError`, `NoMoreAppealsError`.
    """
    from .cases import open_case

    text = text.replace("\x00", "").strip()
    if not text or len(text) > MOST_TEXT:
        raise InvalidInputError(reason=_("write at most %(n)s characters") % {"n": MOST_TEXT})
    try:
        with transaction.atomic():
            Assessment.objects.select_for_update().get(pk=assessment.pk)
            appeals = list(assessment.appeals.all())
            if problem := _problem(assessment, _decision(assessment), appeals):
                raise problem
            appeal = Appeal.objects.create(
                assessment=assessment, storefront=assessment.storefront, text=text,
                language=get_language() or "",
            )  # fmt: skip
            open_case(assessment, origin=Origin.APPEAL)
            write_audit(
                action="file_appeal", subject=assessment_subject(assessment.pk), actor_label="customer",
                details={"appeal": appeal.pk},
            )  # fmt: skip
            _announce(appeal)
    except IntegrityError as error:  # two at the same time
        raise AlreadyAppealedError() from error
    return appeal


def answer_appeal(*, assessment: Assessment, verdict: str, text: str, user: Any) -> Appeal | None:
    """Answer the appeal that waits, if one does, with what was decided; inside the decision's transaction."""
    appeal = Appeal.objects.select_for_update().filter(assessment=assessment, state=State.WAITING).first()
    if appeal is None:
        return None
    is_granted = verdict != Verdict.DECLINE
    appeal.state = State.GRANTED if is_granted else State.REFUSED
    appeal.answer = text.strip() or _default_answer(appeal, verdict)
    appeal.answered_at, appeal.answered_by = timezone.now(), user
    appeal.save(update_fields=["state", "answer", "answered_at", "answered_by"])
    write_audit(
        action="answer_appeal", subject=assessment_subject(assessment.pk), user=user,
        details={"appeal": appeal.pk, "state": str(appeal.state)},
    )  # fmt: skip
    _announce(appeal)
    return appeal


def _default_answer(appeal: Appeal, verdict: str) -> str:
    with override(appeal.language or None):
        if verdict == Verdict.APPROVE:
            return _("We looked at it again, and you were right. We are sorry for the trouble.")
        if verdict == Verdict.STEP_UP:
            return _("We looked at it again. Please confirm it once, as the shop asks you to.")
        return _("We looked at it again, and our decision stands.")


def _announce(appeal: Appeal) -> None:
    transaction.on_commit(lambda: signals.appeal_changed.send_robust(sender=Appeal, appeal=appeal))


def mail_answer(appeal: Appeal) -> bool:
    """Have the shop mail its answer to the customer, once; whether it did.

    No address is kept here: the shop writes to that of the account, or to the one that came with a guest's
    order. A guest who appeals against something else than an order has none.
    """
    if appeal.state == State.WAITING or (target := _target(appeal.assessment)) is None:
        return False
    action, whom = target
    with override(appeal.language or None):
        subject = _("Our answer about %(id)s") % {"id": appeal.assessment.external_id}
    try:
        perform_action(
            action, key=f"risk.appeal:{appeal.pk}", storefront=appeal.storefront,
            actor_label="risk", subject=subject, body=appeal.answer, **whom,
        )  # fmt: skip
    except (UnsupportedActionError, ActionRefusedError):
        return False
    return True


def _target(assessment: Assessment) -> tuple[Action, dict[str, Any]] | None:
    if assessment.customer_external_id:
        return Action.SEND_MAIL, {"customer_id": assessment.customer_external_id}
    if assessment.kind == Kind.PAYMENT_FRAUD:
        return Action.MAIL_BUYER, {"order_id": assessment.external_id}
    return None
