"""Guests prove that an order is theirs: by its number, and a code that is mailed to its buyer.

Nothing that is said or done here, nor how long it takes, tells whether an order of that number exists.
"""

import logging
import secrets
from datetime import timedelta
from enum import StrEnum

from django.db import transaction
from django.db.models import F
from django.utils import timezone, translation
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from ecomai.commerce.adapters import (
    Action,
    ActionRefusedError,
    UnsupportedActionError,
    get_adapter,
    perform_action,
)
from ecomai.commerce.models import Order
from ecomai.waking import wake_worker

from ..app_settings import app_settings
from ..models import OwnershipProof
from .contract import Actor

logger = logging.getLogger(__name__)
DIGITS = 6


class Checked(StrEnum):
    RIGHT = "right"
    WRONG = "wrong"
    #: Too old, or tried too often: it needs a new code.
    SPENT = "spent"


def can_prove() -> bool:
    return Action.MAIL_BUYER in get_adapter().supports()


def how_to_prove() -> str:
    """Return what a guest is told who has no order here yet: how one is shown to be theirs."""
    if not can_prove():
        return _("You are not logged in, so I see no orders of yours. Please log in, or talk to a person.")
    return _(
        "You are not logged in, so I see no orders of yours. Write the number of your order: I mail a code "
        "to the address that was given with it, and you write that code here. Or log in."
    )


def ask_for_proof(actor: Actor, number: str) -> OwnershipProof | None:
    """Have a code mailed to the buyer of an order, if there is one; None where too many were asked for."""
    number = number.strip().lstrip("#")
    digest = _digest(f"{actor.storefront}:{number.upper()}", of="number")
    since = timezone.now() - timedelta(days=1)
    recent = OwnershipProof.objects.filter(created_at__gte=since)
    most = app_settings.PROOF_CODES_PER_DAY
    if recent.filter(number_digest=digest).count() >= most:
        return None
    if recent.filter(conversation__visitor_digest=actor.conversation.visitor_digest).count() >= most:
        return None
    spelt = {number, number.upper(), number.lower()}  # by the index, whatever size the letters have
    order = Order.objects.filter(storefront=actor.storefront, external_id__in=spelt).first()
    with transaction.atomic():
        proof = OwnershipProof.objects.create(
            conversation=actor.conversation, order=order, number_digest=digest
        )
        transaction.on_commit(lambda: _wake(proof.pk))
    return proof


def _wake(pk: int) -> None:
    """A worker mails the code, so that the answer takes as long where there is nobody to mail to."""
    from ..tasks import mail_ownership_code

    wake_worker(mail_ownership_code, pk, otherwise="A code waits for beat")


def mail_code(pk: int) -> bool:
    """Make a code and mail it to the buyer; return whether it was. A second call mails nothing."""
    proof = (
        OwnershipProof.objects.select_related("conversation", "order").filter(pk=pk, code_digest="").first()
    )
    if proof is None:
        return False
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    is_mine = OwnershipProof.objects.filter(pk=pk, code_digest="").update(
        code_digest=_digest(f"{pk}:{code}", of="code")
    )
    if not is_mine or proof.order is None:
        return False
    with translation.override(proof.conversation.language or None):
        subject = _("Your code: %(code)s") % {"code": code}
        body = _(
            "Somebody asks about order %(number)s in our chat. If that is you, write this code there: "
            "%(code)s. It is good for %(minutes)s minutes. If it is not you, give it to nobody."
        ) % {"number": proof.order.external_id, "code": code, "minutes": app_settings.PROOF_CODE_MINUTES}
    try:
        perform_action(
            Action.MAIL_BUYER, key=f"chat-proof-{pk}", storefront=str(proof.order.storefront),
            actor_label=f"guest in chat {proof.conversation_id}", order_id=proof.order.external_id,
            subject=subject, body=body,
        )  # fmt: skip
    except (ActionRefusedError, UnsupportedActionError) as error:
        logger.info("A code was not mailed: %s", error)
        return False
    return True


def mail_forgotten_codes(*, most: int = 200) -> int:
    """Mail codes whose worker was never told; return how many."""
    since = timezone.now() - timedelta(minutes=app_settings.PROOF_CODE_MINUTES)
    old = timezone.now() - timedelta(seconds=30)
    waiting = OwnershipProof.objects.filter(code_digest="", created_at__gte=since, created_at__lt=old)
    return sum(mail_code(pk) for pk in waiting.values_list("pk", flat=True)[:most])


def check_code(actor: Actor, pk: int, code: str) -> Checked:
    """Compare a code with the one that was mailed. Each try counts, whoever makes it at once."""
    since = timezone.now() - timedelta(minutes=app_settings.PROOF_CODE_MINUTES)
    usable = OwnershipProof.objects.filter(
        pk=pk, conversation=actor.conversation, proven_at=None, created_at__gte=since,
        n_attempts__lt=app_settings.PROOF_ATTEMPTS,
    )  # fmt: skip
    if not usable.update(n_attempts=F("n_attempts") + 1):
        return Checked.SPENT
    proof = OwnershipProof.objects.get(pk=pk)
    expected = (
        proof.code_digest
        if proof.code_digest and proof.order_id
        else _digest(secrets.token_hex(8), of="code")
    )
    if not constant_time_compare(_digest(f"{pk}:{code.strip()}", of="code"), expected):
        return Checked.WRONG
    OwnershipProof.objects.filter(pk=pk).update(proven_at=timezone.now())
    return Checked.RIGHT


def _digest(text: str, *, of: str) -> str:
    return salted_hmac(f"ecomai.support_bot.proof.{of}", text, algorithm="sha256").hexdigest()
