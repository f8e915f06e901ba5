"""What customers are told of a decision about them: true, in their language, no help against the rules."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

MOST_SENTENCES = 2
PAYMENT = _("We could not be sure that the payment is your own.")
DETAILS = _("Some of the details did not match each other.")
UNUSUAL = _("It was unlike what you usually do here.")
ACTIVITY = _("There was more activity than usual in a short time.")
UNKNOWN = _("We know too little of you yet.")
OFFERS = _("Coupons or returns were used more often than we allow.")
CONTENT = _("The text or the picture does not keep to the rules of this shop.")
CHECK = _("It did not pass one of our checks.")

#: Code of a reason -> sentence. Several codes share one, so that a sentence does not say which check it was.
SENTENCES: dict[str, Any] = {
    **dict.fromkeys(("many_by_card", "new_card", "failed_payments", "card_accounts", "amount"), PAYMENT),
    **dict.fromkeys(("country_differs", "address_differs", "email", "address_accounts"), DETAILS),
    **dict.fromkeys(
        ("unusual_amount", "unusual_hour", "new_device", "new_address", "new_categories", "failed_logins"),
        UNUSUAL,
    ),
    **dict.fromkeys(
        ("many_by_device", "many_by_network", "many_by_address", "many_by_customer", "event_order"), ACTIVITY
    ),
    "new_account": UNKNOWN,
    **dict.fromkeys(("discounts", "returns"), OFFERS),
    **dict.fromkeys(("text_contacts", "text_style", "text_content", "picture_content", "reviews"), CONTENT),
}


def customer_sentences(reasons: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return at most two sentences for kept reasons. Rules, links and lists are “one of our checks”."""
    found = [str(SENTENCES.get(str(reason.get("code", "")), CHECK)) for reason in reasons]
    return list(dict.fromkeys(found))[:MOST_SENTENCES] or [str(CHECK)]
