"""Bounces and complaints as mail servers tell them: a batch of rows, each taken once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.adapters.base import get_adapter
from ecomai.commerce.adapters.contacts import KnowsContacts
from ecomai.commerce.checking import aware, rejected
from ecomai.commerce.records import ACCEPTED, DUPLICATE, RowResult
from ecomai.commerce.services import keep_rejected

from ..mails import is_address
from ..models import Campaign, Delivery, MailProblem
from .bounce_addresses import find_delivery
from .stopping import check_shares
from .suppressing import note_problem

KIND = "mail_problem"
MAX_LENGTHS = {"key": 200, "message_id": 300, "recipient": 320, "address": 320, "reason": 2000}


class ProblemIn(msgspec.Struct, kw_only=True):
    """What became of a mail. One of `message_id`, `recipient` and `address` says which or whose it is."""

    key: str
    kind: str
    message_id: str = ""
    recipient: str = ""
    address: str = ""
    reason: str = ""
    occurred_at: datetime | None = None


def take_problems(
    rows: Sequence[Any], *, storefront: str = "", source: str = "services",
    row_numbers: Sequence[int] | None = None,
) -> list[RowResult]:  # fmt: skip
    """Take bounces and complaints; return one result per row, in order.

    `recipient` is the address that a bounce came to, which names the delivery (`MARKETING.BOUNCE_ADDRESS`).
    A row that cannot be taken is kept aside with its reason.
    """
    concerned: set[int] = set()
    results = [_take(row, storefront, concerned) for row in rows]
    if any(result.status == "rejected" for result in results):
        keep_rejected(
            kind=KIND, rows=rows, results=results, storefront=storefront, source=source,
            row_numbers=row_numbers,
        )  # fmt: skip
    for campaign in Campaign.objects.filter(pk__in=concerned):
        check_shares(campaign)
    return results


def _take(row: Any, storefront: str, concerned: set[int]) -> RowResult:
    problem = _parse(row)
    if isinstance(problem, RowResult):
        return problem
    delivery = find_delivery(message_id=problem.message_id, recipient=problem.recipient)
    if delivery is not None and delivery.campaign.storefront != storefront:
        delivery = None
    email = problem.address if is_address(problem.address) else _address_of(delivery)
    if not email:
        return rejected("unknown_mail", _("Neither a mail of ours nor an address is named."))
    is_new = note_problem(
        kind=problem.kind, key=problem.key, email=email, delivery=delivery, reason=problem.reason,
        storefront=storefront,
        occurred_at=aware(problem.occurred_at) if problem.occurred_at else timezone.now(),
    )  # fmt: skip
    if is_new and delivery is not None:
        concerned.add(delivery.campaign_id)
    return ACCEPTED if is_new else DUPLICATE


def _parse(row: Any) -> ProblemIn | RowResult:
    if not isinstance(row, Mapping):
        return rejected("invalid_row", _("The row is not an object with named fields."))
    known = ProblemIn.__struct_fields__
    if unknown := set(row) - set(known):
        reason = _("The field “%(field)s” is not known here. Known are: %(known)s.")
        return rejected(
            "unknown_field", reason, field=sorted(map(str, unknown))[0][:80], known=", ".join(known)
        )
    try:
        return _check(msgspec.convert(row, ProblemIn, strict=False))
    except (msgspec.ValidationError, RecursionError) as error:
        return rejected("invalid_field", _("A field is not valid: %(error)s."), error=str(error)[:300])


def _check(row: ProblemIn) -> ProblemIn | RowResult:
    if not row.key.strip():
        return rejected("missing_field", _("The problem has no key of its own."))
    if row.kind not in MailProblem.Kind.values:
        names = ", ".join(MailProblem.Kind.values)
        return rejected("invalid_field", _("The kind is one of: %(names)s."), names=names)
    for name, limit in MAX_LENGTHS.items():
        value = getattr(row, name)
        if len(value) > limit or "\0" in value:
            reason = _("“%(name)s” is longer than %(limit)s characters, or has what no text has.")
            return rejected("too_long", reason, name=name, limit=limit)
    return row


def _address_of(delivery: Delivery | None) -> str:
    """Ask the shop: no address is kept here."""
    adapter = get_adapter()
    if delivery is None or not isinstance(adapter, KnowsContacts):
        return ""
    external_id = delivery.customer.external_id
    contacts = adapter.contacts(customer_ids=[external_id], storefront=delivery.campaign.storefront)
    return contacts[external_id].email if external_id in contacts else ""
