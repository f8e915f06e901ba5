"""Customers are users of whatever model the shop has; of their addresses only the country is read."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Prefetch, QuerySet

from ecomai.commerce.adapters.mapping import CustomerMapping


def customer_id(user: Any) -> str:
    """Return the customer's id of a logged-in user, for `COMMERCE.CUSTOMER_ID`."""
    return str(user.pk)


def customer_mapping() -> CustomerMapping:
    return CustomerMapping(
        model=settings.AUTH_USER_MODEL,
        filter=not_staff(),
        country=country_of,
        first_seen_at="date_joined" if has_field(get_user_model(), "date_joined") else None,
        touched_by={"address.UserAddress": "user_id"},
        adjust=with_addresses,
    )


def with_addresses(users: QuerySet[Any]) -> QuerySet[Any]:
    from oscar.core.loading import get_model

    addresses = get_model("address", "UserAddress")._default_manager.order_by(
        "-is_default_for_shipping", "-is_default_for_billing", "pk"
    )
    fields = ("user_id", "country_id", "is_default_for_shipping", "is_default_for_billing")
    return users.prefetch_related(Prefetch("addresses", addresses.only(*fields)))


def country_of(user: Any) -> str:
    """The country's code of the address that the customer uses first."""
    return next((address.country_id for address in user.addresses.all()), "")


def not_staff(path: str = "") -> dict[str, bool]:
    """Lookups that leave staff out, where the shop's user model knows it: what they look at is their work."""
    return {f"{path}is_staff": False} if has_field(get_user_model(), "is_staff") else {}


def has_field(model: Any, name: str) -> bool:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True
