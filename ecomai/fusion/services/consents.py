"""Adding to the consent ledger."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.models import Customer
from ecomai.exceptions import InvalidInputError
from ecomai.fusion import selectors, signals
from ecomai.fusion.models import ConsentRecord


def record_consent(
    *,
    purpose: str,
    is_granted: bool,
    source: str,
    channel: str = "",
    customer: Customer | None = None,
    session_id: str = "",
    storefront: str = "",
    proof: Mapping[str, Any] | None = None,
    recorded_at: datetime | None = None,
) -> ConsentRecord:
    """Add an answer of a customer or an anonymous session; sends `consent_recorded` on commit.

    `proof` says what the person saw: the wording, its version, its language. The answer of a session
    that is a customer's already is that customer's.
    """
    if customer is None and not session_id:
        raise InvalidInputError(reason=_("a consent needs a customer or a session"))
    if not purpose.strip():
        raise InvalidInputError(reason=_("a consent needs a purpose"))
    if customer is None:
        customer = selectors.customer_of_session(session_id=session_id, storefront=storefront)
    record = ConsentRecord.objects.create(
        storefront=customer.storefront if customer else storefront,
        customer=customer, session_id=session_id, purpose=purpose, channel=channel, is_granted=is_granted,
        source=source, proof=dict(proof or {}), recorded_at=recorded_at or timezone.now(),
    )  # fmt: skip
    transaction.on_commit(partial(signals.consent_recorded.send, sender=ConsentRecord, record=record))
    return record
