"""What visitors say about items: not interested, already mine, less like this. The next answer honours it."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from ecomai.commerce.models import Customer, Item
from ecomai.commerce.visitors import Visitor

from ..exceptions import NoVisitorError, UnknownItemError
from ..models import Feedback


def give_feedback(visitor: Visitor, *, item_id: str, kind: str) -> Feedback:
    """Keep what a visitor says about an item; a later word about it replaces the one before.

    Raises NoVisitorError of a browser without session, and UnknownItemError.
    """
    item = Item.objects.filter(storefront=visitor.storefront, external_id=item_id).first()
    if item is None:
        raise UnknownItemError(item=item_id)
    feedback, _created = Feedback.objects.update_or_create(
        **_whose(visitor), item=item, defaults={"kind": kind, "said_at": timezone.now()}
    )
    return feedback


def withdraw_feedback(visitor: Visitor, *, item_id: str) -> bool:
    """Forget what a visitor said about an item; whether there was anything. Raises NoVisitorError."""
    return bool(given_feedback(visitor).filter(item__external_id=item_id).delete()[0])


def given_feedback(visitor: Visitor) -> QuerySet[Feedback]:
    """What a visitor said, newest first. Raises NoVisitorError."""
    rows = Feedback.objects.filter(**_whose(visitor)).select_related("item")
    return rows.order_by("-said_at", "-pk")


def adopt_feedback(*, customer: Customer, session_id: str, storefront: str) -> None:
    """What was said before a login is the customer's; what the customer said since about an item stands."""
    rows = Feedback.objects.filter(customer=None, session_id=session_id, storefront=storefront)
    with transaction.atomic():
        known = Feedback.objects.filter(customer=customer).values("item")
        rows.exclude(item__in=known).update(customer=customer, session_id="")
        rows.delete()


def feedback_of(
    *, customer_pk: int | None, session_ids: Sequence[str], storefront: str
) -> QuerySet[Feedback]:
    """What a person said, as a customer and in sessions; for erasure and export."""
    theirs = Q(customer=None, session_id__in=session_ids, storefront=storefront)
    if customer_pk:
        theirs |= Q(customer_id=customer_pk)
    return Feedback.objects.filter(theirs)


def _whose(visitor: Visitor) -> dict[str, Any]:
    if visitor.customer is not None:
        return {"customer": visitor.customer, "storefront": visitor.storefront}
    if not visitor.session_id:
        raise NoVisitorError()
    return {"customer": None, "session_id": visitor.session_id, "storefront": visitor.storefront}
