"""Addresses that bounce or complain: noted once, written to no more, and let in again by a person."""

import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ecomai.exceptions import PermissionDeniedError
from ecomai.fusion.services import record_consent
from ecomai.registry.services.access import write_audit

from ..app_settings import app_settings
from ..models import Delivery, MailProblem, Suppression

Kind = MailProblem.Kind
_SALT = b"ecomai.marketing.addresses"
#: Soft bounces count together that come within so long.
SOFT_WITHIN = timedelta(days=30)


def digest_of(email: str) -> UUID:
    """Return a keyed hash of an address: it is recognised, and nobody reads it back."""
    key = hmac.digest(_SALT, (app_settings.HASH_KEY or settings.SECRET_KEY).encode(), "sha256")
    return UUID(bytes=hmac.digest(key, email.strip().lower().encode(), "sha256")[:16])


def suppressed(emails: Iterable[str], *, storefront: str) -> set[str]:
    """Return those of some addresses that are not to be written to."""
    digests = {email: digest_of(email) for email in emails}
    rows = Suppression.objects.filter(
        storefront=storefront, address_digest__in=set(digests.values()), lifted_at=None
    )
    known = set(rows.values_list("address_digest", flat=True))
    return {email for email, digest in digests.items() if digest in known}


def note_problem(
    *, kind: str, key: str, email: str, delivery: Delivery | None = None, reason: str = "",
    storefront: str = "", occurred_at: datetime | None = None,
) -> bool:  # fmt: skip
    """Write down a bounce or a complaint, and what follows; False where its key is known already.

    A hard bounce and a complaint suppress the address at once, soft bounces after
    `MARKETING.SOFT_BOUNCES` of them within a month. A complaint withdraws the consent, too.
    """
    moment, digest = occurred_at or timezone.now(), digest_of(email)
    with transaction.atomic():
        problem, is_new = MailProblem.objects.get_or_create(
            storefront=storefront, key=key[:200],
            defaults={
                "kind": kind, "address_digest": digest, "delivery": delivery, "reason": reason[:200],
                "occurred_at": moment,
            },
        )  # fmt: skip
        if not is_new:
            return False
        if delivery is not None:
            _mark(delivery, kind, moment)
        if kind != Kind.SOFT_BOUNCE or _n_soft(problem) >= app_settings.SOFT_BOUNCES:
            _suppress(problem, delivery)
        if kind == Kind.COMPLAINT and delivery is not None:
            record_consent(
                customer=delivery.customer, purpose=app_settings.PURPOSE, is_granted=False,
                source="complaint", proof={"delivery": delivery.pk},
            )  # fmt: skip
    return True


def lift_suppression(suppression: Suppression, *, user: Any = None) -> None:
    """Let an address be written to again; a second time changes nothing. Consent stays as it is."""
    if user is not None and not user.has_perm("ecomai_marketing.lift_suppression"):
        raise PermissionDeniedError
    with transaction.atomic():
        rows = Suppression.objects.filter(pk=suppression.pk, lifted_at=None)
        if rows.update(lifted_at=timezone.now(), lifted_by=user):
            write_audit(action="suppression_lifted", subject=suppression, user=user)
    suppression.refresh_from_db()


def _mark(delivery: Delivery, kind: str, moment: datetime) -> None:
    field = "complained_at" if kind == Kind.COMPLAINT else "bounced_at"
    Delivery.objects.filter(pk=delivery.pk, **{field: None}).update(**{field: moment})


def _n_soft(problem: MailProblem) -> int:
    """How many soft bounces the address had since it was let in last."""
    rows = MailProblem.objects.filter(
        storefront=problem.storefront, address_digest=problem.address_digest, kind=Kind.SOFT_BOUNCE,
        occurred_at__gt=problem.occurred_at - SOFT_WITHIN,
    )  # fmt: skip
    lifted = Suppression.objects.filter(
        storefront=problem.storefront, address_digest=problem.address_digest, lifted_at__isnull=False
    ).order_by("-lifted_at")
    since = lifted.values_list("lifted_at", flat=True).first()
    return (rows.filter(occurred_at__gt=since) if since else rows).count()


def _suppress(problem: MailProblem, delivery: Delivery | None) -> None:
    Suppression.objects.get_or_create(
        storefront=problem.storefront, address_digest=problem.address_digest, lifted_at=None,
        defaults={
            "customer": delivery.customer if delivery else None, "kind": problem.kind,
            "reason": problem.reason,
        },
    )  # fmt: skip
