"""Vouchers that one customer alone can use; Oscar itself ties a voucher to nobody."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.utils.translation import gettext as _

RANGE_NAME = "ecomai: all products"
#: How a voucher says whose it is: its name is unique, and what the shop's staff see.
NAME = "{percent} % (ecomai, customer {customer_id}, {code})"
OWNER = re.compile(r"\(ecomai, customer (?P<customer_id>\S+), [A-Z0-9-]+\)$")


def create_voucher(user: Any, percent: Decimal, start: datetime, end: datetime) -> Any:
    """A percentage off everything in one order, through an offer of its own."""
    from oscar.core.loading import get_class, get_model

    code = get_class("voucher.utils", "get_unused_code")()
    name = NAME.format(percent=f"{percent.normalize():f}", customer_id=user.pk, code=code)
    offers = get_model("offer", "ConditionalOffer")
    condition, benefit = _condition_and_benefit(percent)
    offer = offers._default_manager.create(
        name=name, offer_type=offers.VOUCHER, condition=condition, benefit=benefit
    )
    vouchers = get_model("voucher", "Voucher")
    voucher = vouchers._default_manager.create(
        name=name, code=code, usage=vouchers.SINGLE_USE, start_datetime=start, end_datetime=end
    )
    voucher.offers.add(offer)
    return voucher


def _condition_and_benefit(percent: Decimal) -> tuple[Any, Any]:
    from oscar.core.loading import get_model

    ranges = get_model("offer", "Range")._default_manager
    everything, _created = ranges.get_or_create(name=RANGE_NAME, defaults={"includes_all_products": True})
    conditions, benefits = get_model("offer", "Condition"), get_model("offer", "Benefit")
    anything = {"range": everything, "type": conditions.COUNT, "value": 1}
    share = {"range": everything, "type": benefits.PERCENTAGE, "value": percent}
    condition = conditions._default_manager.filter(**anything).first()
    benefit = benefits._default_manager.filter(**share, max_affected_items=None).first()
    return (
        condition or conditions._default_manager.create(**anything),
        benefit or benefits._default_manager.create(**share),
    )


def owner_of(voucher: Any) -> str:
    """The id of the customer whom a voucher was issued to; '' for the shop's own vouchers."""
    found = OWNER.search(voucher.name)
    return found["customer_id"] if found else ""


def keep_to_its_customer(sender: Any, basket: Any, voucher: Any, **kwargs: Any) -> None:
    """Take a voucher out of a basket again that is not its customer's."""
    owner = owner_of(voucher)
    if not owner or owner == str(basket.owner_id):
        return
    basket.vouchers.remove(voucher)
    request = getattr(sender, "request", None)
    if request is not None:
        text = _("This voucher is another customer's. If it is yours, log in first.")
        messages.error(request, text, fail_silently=True)
