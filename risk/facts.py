"""What the condition of a rule may name: facts of one assessment, the same online and of years ago."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.conditions import FactKind, Language

from .features import ENTITIES, FEATURE_NAMES
from .models import Assessment, ListEntry

#: Features that are a yes or a no.
TRUTHS = frozenset({
    "has_coupon", "is_guest", "has_device", "has_card", "is_new_credential", "country_ip_differs",
    "country_card_differs", "country_shipping_differs", "address_differs", "email_has_tag",
    "email_name_differs", "address_is_box", "is_verified_purchase", "own_new_card", "own_new_device",
    "own_new_address", "own_new_country",
})  # fmt: skip
#: Facts of lists: what is known of each entity; empty where it is on none.
LIST_FACTS = {f"{kind}_list": kind for kind in ListEntry.Kind.values}
SHOWN = ("email_domain", "card_country", "ip_country", "billing_country", "shipping_country")
TEXTS = ("kind", "currency", "country", *SHOWN, "customer_id", "action", "item_id", "title", "text")
KINDS: dict[str, FactKind] = {
    "probability": "number",
    **{name: "truth" if name in TRUTHS else "number" for name in FEATURE_NAMES},
    **dict.fromkeys(TEXTS, "text"),
    **dict.fromkeys(LIST_FACTS, "text"),
    **dict.fromkeys(("categories", "items", "coupons", "lists"), "texts"),
    "properties": "mapping",
}
LANGUAGE = Language(KINDS, example="amount > 500 and card_payments_1h >= 3")
_PLACES = {name: place for place, name in enumerate(FEATURE_NAMES)}
_LINE_FACTS = {"categories": "category", "items": "item_id"}


def facts_of(
    row: Assessment,
    *,
    features: Sequence[float | None],
    probability: float | None,
    lists: Mapping[str, str],
) -> dict[str, Any]:
    """Return what a rule may ask of an assessment; what is not known is None, and makes a condition not hold.

    `features` are in the order of `FEATURE_NAMES`, or empty; `lists` maps kinds of entities to their list.
    """
    facts: dict[str, Any] = {
        name: feature_fact(name, value) for name, value in zip(FEATURE_NAMES, features, strict=False)
    }
    facts["probability"] = probability
    facts |= {name: text_fact(row, name) for name in TEXTS}
    facts |= {name: lists.get(kind, "") for name, kind in LIST_FACTS.items()}
    facts |= {name: texts_fact(row, name) for name in ("categories", "items", "coupons")}
    facts["lists"] = tuple(sorted(set(lists.values())))
    facts["properties"] = properties_of(row)
    return facts


def feature_fact(name: str, value: float | None) -> float | bool | None:
    if value is None or math.isnan(value):
        return None
    return bool(value) if name in TRUTHS else float(value)


def feature_place(name: str) -> int | None:
    """Where a fact stands in a feature vector; None for one that is no feature."""
    return _PLACES.get(name)


def text_fact(row: Assessment, name: str) -> str | None:
    """Return a text; None where the shop did not say it."""
    if name in ("kind", "currency"):
        return str(getattr(row, name)) or None
    if name == "customer_id":
        return row.customer_external_id or None
    if name == "country":
        shown = row.shown
        return shown.get("shipping_country") or shown.get("billing_country") or shown.get("ip_country")
    return (row.shown if name in SHOWN else row.payload).get(name) or None


def texts_fact(row: Assessment, name: str) -> tuple[str, ...]:
    """Return several texts, in one order; of lines the first ones that are kept."""
    if name == "coupons":
        return tuple(map(str, row.payload.get("coupons", ())))
    key = _LINE_FACTS[name]
    found = (line.get(key) for line in row.payload.get("lines", ()))
    return tuple(sorted({str(each) for each in found if each}))


def properties_of(row: Assessment) -> dict[str, str]:
    given = row.payload.get("properties", {})
    return {str(name): value if isinstance(value, str) else str(value) for name, value in given.items()}


# -- words for those who write ------------------------------------------------------------------

_ENTITY_WORDS = {
    "customer": gettext_lazy("the customer"), "card": gettext_lazy("the card"),
    "device": gettext_lazy("the device"), "address": gettext_lazy("the address"),
    "email": gettext_lazy("the e-mail"), "ip": gettext_lazy("the IP address"),
    "network": gettext_lazy("the network of the IP address"),
    "email_domain": gettext_lazy("the domain of the e-mail"),
}  # fmt: skip
_WINDOW_WORDS = {
    "1h": gettext_lazy("1 hour"), "24h": gettext_lazy("24 hours"), "7d": gettext_lazy("7 days"),
    "30d": gettext_lazy("30 days"), "90d": gettext_lazy("90 days"),
}  # fmt: skip
_COUNTED_WORDS = {
    "payments": gettext_lazy("payments with %(entity)s within %(window)s"),
    "others": gettext_lazy("logins, returns and the like with %(entity)s within %(window)s"),
    "amount": gettext_lazy("what was paid with %(entity)s within %(window)s, in the reporting currency"),
    "fraud": gettext_lazy("known frauds of %(entity)s within %(window)s"),
}
_KNOWN_WORDS = {
    "age_days": gettext_lazy("days since %(entity)s was first seen"),
    "idle_days": gettext_lazy("days since %(entity)s was last seen"),
    "accounts": gettext_lazy("accounts seen with %(entity)s"),
    "fraud_ever": gettext_lazy("known frauds of %(entity)s"),
    "fraud_share": gettext_lazy("share of known frauds of %(entity)s, smoothed"),
}
_WORDS = {
    "probability": gettext_lazy("what the model says: the probability of fraud, from 0 to 1"),
    "amount": gettext_lazy("the amount in the reporting currency"),
    "currency": gettext_lazy("the currency that is paid in"),
    "kind": gettext_lazy('what is assessed, such as "payment_fraud"'),
    "country": gettext_lazy("where it is sent, else billed, else asked from; two letters"),
    "hour": gettext_lazy("the hour of the day in the shop's zone, 0 to 23"),
    "weekday": gettext_lazy("0 is Monday, 6 is Sunday"),
    "n_lines": gettext_lazy("lines of the order"),
    "quantity": gettext_lazy("pieces in the order"),
    "dearest_unit": gettext_lazy("the price of the dearest piece"),
    "n_categories": gettext_lazy("different categories in the order"),
    "discount_share": gettext_lazy("the part of the price that is taken off, from 0 to 1"),
    "has_coupon": gettext_lazy("whether a coupon is used"),
    "is_guest": gettext_lazy("whether it is no account"),
    "account_age_days": gettext_lazy("days since the account was made"),
    "failed_payments": gettext_lazy("payments that failed just before"),
    "failed_logins": gettext_lazy("logins that failed just before"),
    "country_ip_differs": gettext_lazy("whether the IP address is in another country than the bill"),
    "country_card_differs": gettext_lazy("whether the card is of another country than the bill"),
    "country_shipping_differs": gettext_lazy("whether it is sent to another country than the bill"),
    "address_differs": gettext_lazy("whether it is sent elsewhere than billed"),
    "clock_gap_minutes": gettext_lazy("minutes that the shop's clock is ahead of ours"),
    "own_amount_ratio": gettext_lazy("the amount, divided by the customer's usual one"),
    "own_amount_z": gettext_lazy("how many deviations the amount is above the customer's usual one"),
    "own_new_card": gettext_lazy("whether the customer never used this card"),
    "own_new_device": gettext_lazy("whether the customer never used this device"),
    "own_new_address": gettext_lazy("whether the customer never had anything sent there"),
    "own_new_country": gettext_lazy("whether the customer never had to do with this country"),
    "own_orders": gettext_lazy("orders of the customer before"),
    "fraud_distance": gettext_lazy("steps to the nearest known fraud; 3: none in reach"),
    "circle_size": gettext_lazy("accounts that share cards, devices or addresses with it, up to 32"),
    "categories": gettext_lazy('categories of the order\'s lines: "Coffee" in categories'),
    "items": gettext_lazy('the shop\'s ids of its items: "mug-1" in items'),
    "coupons": gettext_lazy('codes that are used: "WELCOME" in coupons'),
    "lists": gettext_lazy('lists that anything of it is on: "block" in lists'),
    "properties": gettext_lazy('what the shop says besides: properties["channel"] == "app"'),
    "title": gettext_lazy("the title of a review or listing"),
    "text": gettext_lazy('the text of a review or listing: "casino" in text.as_lower'),
    "rating": gettext_lazy("the stars of a review"),
    "text_links": gettext_lazy("links in the text"),
    "text_contacts": gettext_lazy("e-mails, telephone numbers and messengers in the text"),
    "days_since_order": gettext_lazy("days between the order and the return"),
    "returned_share": gettext_lazy("the part of the order that comes back, from 0 to 1"),
}


def describe_fact(name: str) -> str:
    """Return what a fact is, in words."""
    if name in _WORDS:
        return str(_WORDS[name])
    if name in LIST_FACTS:
        label = ListEntry.Kind(LIST_FACTS[name]).label
        return _('the list that its %(kind)s is on: "allow", "block", "watch", or ""') % {"kind": label}
    # Longer kinds first: email_domain_… is not of the e-mail.
    for entity in sorted(ENTITIES, key=len, reverse=True):
        if name.startswith(f"{entity}_") and (text := _of_entity(entity, name.removeprefix(f"{entity}_"))):
            return text
    return name.replace("_", " ")


def _of_entity(entity: str, rest: str) -> str:
    words = {"entity": _ENTITY_WORDS[entity]}
    if rest in _KNOWN_WORDS:
        return str(_KNOWN_WORDS[rest]) % words
    counted, _underscore, window = rest.rpartition("_")
    if counted in _COUNTED_WORDS and window in _WINDOW_WORDS:
        return str(_COUNTED_WORDS[counted]) % {**words, "window": _WINDOW_WORDS[window]}
    return ""


def described_facts() -> Iterable[dict[str, str]]:
    """Every fact with its kind and its words, for completion."""
    return [{"name": name, "kind": kind, "text": describe_fact(name)} for name, kind in KINDS.items()]
