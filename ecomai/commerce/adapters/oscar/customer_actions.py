"""What Oscar can do for a customer: fill the basket, issue a voucher, send a mail."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.adapters.actions import ActionResult, Line, VoucherResult
from ecomai.commerce.adapters.contacts import Contact
from ecomai.commerce.adapters.exceptions import ActionRefusedError

from .order_actions import find_order
from .vouchers import create_voucher

#: A shop can write a template of this name (in its dashboard, or `commtype_ecomai_message_body.html` and the
#: like): it is given `subject`, `body`, `user` and `site`. Without one the mail is the plain text.
MESSAGE_TYPE = "ECOMAI_MESSAGE"


class CustomerActions:
    """Put into a basket, issue a voucher, send a mail."""

    #: Oscar's vouchers must end some day; this is when one ends that was issued without an end.
    voucher_days = 365

    def add_to_basket(self, *, customer_id: str, lines: Sequence[Line]) -> ActionResult:
        """Put items into the customer's open basket; of a parent its only variant that can be bought."""
        from oscar.core.loading import get_class

        user = find_user(customer_id)
        basket = open_basket(user)
        basket.strategy = get_class("partner.strategy", "Selector")().strategy(user=user)
        for line in lines:
            put(basket, find_product(line.item_id, basket.strategy), line.quantity)
        return ActionResult(reference=str(basket.pk))

    def issue_voucher(
        self, *, customer_id: str, percent: Decimal, valid_until: datetime | None = None
    ) -> VoucherResult:
        """A voucher that only this customer can use, once."""
        user, now = find_user(customer_id), timezone.now()
        end = valid_until or now + timedelta(days=self.voucher_days)
        if timezone.is_naive(end):
            end = timezone.make_aware(end)
        if end <= now:
            raise ActionRefusedError(reason=_("the voucher would have ended already"))
        if not 0 < percent <= 100:
            raise ActionRefusedError(reason=_("a voucher takes off more than 0 and at most 100 percent"))
        voucher = create_voucher(user, Decimal(percent), now, end)
        return VoucherResult(reference=str(voucher.pk), code=voucher.code)

    def mail_buyer(self, *, order_id: str, subject: str, body: str) -> ActionResult:
        """Write to the account's address, or to the one that a guest gave."""
        order = find_order(order_id)
        if not order.email:
            raise ActionRefusedError(reason=_("the order has no e-mail address"))
        dispatcher, messages = _messages({"order": order, "user": order.user}, subject, body)
        if order.user:
            dispatcher.dispatch_user_messages(order.user, messages)
        else:
            dispatcher.dispatch_anonymous_messages(order.email, messages)
        return ActionResult()

    def contacts(self, *, customer_ids: Sequence[str], storefront: str) -> dict[str, Contact]:
        users = get_user_model()._default_manager.filter(is_active=True).exclude(email="")
        found = users.filter(pk__in=_primary_keys(users.model, customer_ids))
        return {str(user.pk): Contact(email=user.email, name=user.first_name) for user in found}

    def send_mail(self, *, customer_id: str, subject: str, body: str) -> ActionResult:
        user = find_user(customer_id)
        if not user.email:
            raise ActionRefusedError(reason=_("the customer has no e-mail address"))
        dispatcher, messages = _messages({"user": user}, subject, body)
        dispatcher.dispatch_user_messages(user, messages)
        return ActionResult()


def _messages(context: dict[str, Any], subject: str, body: str) -> tuple[Any, dict[str, str]]:
    """Return the shop's dispatcher, and a message in the shop's frame, if it has one."""
    from oscar.core.loading import get_class

    dispatcher = get_class("communication.utils", "Dispatcher")()
    messages = dispatcher.get_messages(MESSAGE_TYPE, {**context, "subject": subject, "body": body})
    if not (messages["subject"] and (messages["body"] or messages["html"])):
        messages = {"subject": " ".join(subject.split()), "body": body, "html": "", "sms": ""}
    return dispatcher, messages


def _primary_keys(model: Any, customer_ids: Sequence[str]) -> list[Any]:
    """The ids that have the form of a primary key here."""
    keys = []
    for customer_id in customer_ids:
        with suppress(ValidationError, ValueError):
            keys.append(model._meta.pk.to_python(customer_id))
    return keys


def find_user(customer_id: str) -> Any:
    users = get_user_model()._default_manager
    try:
        user = users.filter(pk=customer_id).first()
    except (ValueError, ValidationError):  # no form that a primary key here can have
        user = None
    if user is None or not user.is_active:
        raise ActionRefusedError(reason=_("there is no customer “%(customer)s”") % {"customer": customer_id})
    return user


def open_basket(user: Any) -> Any:
    """The basket that the customer sees; should there be several, Oscar merges them into the first."""
    from oscar.core.loading import get_model

    baskets = get_model("basket", "Basket").open
    return baskets.filter(owner=user).order_by("pk").first() or baskets.get_or_create(owner=user)[0]


def find_product(item_id: str, strategy: Any) -> Any:
    from oscar.core.loading import get_model

    products = get_model("catalogue", "Product").objects.filter(is_public=True)
    try:
        product = products.filter(pk=item_id).first()
    except (ValueError, ValidationError):
        product = None
    if product is None:
        raise ActionRefusedError(reason=_("there is no product “%(item)s”") % {"item": item_id})
    if not product.is_parent:
        return product
    variants = [
        variant
        for variant in product.get_public_children()
        if strategy.fetch_for_product(variant).availability.is_available_to_buy
    ]
    if len(variants) != 1:
        names = ", ".join(f"{variant.get_title()} ({variant.pk})" for variant in variants) or "-"
        raise ActionRefusedError(
            reason=_("“%(item)s” comes in variants; one has to be chosen: %(variants)s")
            % {"item": product.get_title(), "variants": names}
        )
    return variants[0]


def put(basket: Any, product: Any, quantity: int) -> None:
    availability = basket.strategy.fetch_for_product(product).availability
    permitted, reason = availability.is_purchase_permitted(basket.product_quantity(product) + quantity)
    if permitted:
        permitted, reason = basket.is_quantity_allowed(quantity)
    if quantity < 1:
        raise ActionRefusedError(reason=_("a basket takes one piece or more"))
    if not permitted:
        raise ActionRefusedError(reason=f"{product.get_title()}: {reason}")
    if any(option.required for option in product.options):
        raise ActionRefusedError(
            reason=_("“%(item)s” needs choices that only the customer can make")
            % {"item": product.get_title()}
        )
    try:
        basket.add_product(product, quantity)
    except ValueError as error:  # another currency than the rest of the basket, or no price
        raise ActionRefusedError(reason=str(error)) from error
