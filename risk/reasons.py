"""Why: codes for programs, sentences for people, and the features that each stands for.

A reason is kept as its code and numbers, so that every reader gets the sentence in the own language.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from .features import FEATURE_NAMES

_PLACES = {name: place for place, name in enumerate(FEATURE_NAMES)}
MOST_REASONS = 4
#: What adds less than so much to the log odds is no reason.
LEAST = 0.1


@dataclass(frozen=True)
class ReasonKind:
    """Features whose contributions are one reason together; the sentence says the value of `shown`."""

    code: str
    sentence: Any
    features: tuple[str, ...]
    shown: str = ""

    def number(self, values: Sequence[float | None]) -> float | None:
        value = values[_PLACES[self.shown]] if self.shown else None
        return None if value is None or math.isnan(value) else round(value, 2)


def _velocity(entity: str) -> tuple[str, ...]:
    return tuple(name for name in FEATURE_NAMES if name.startswith((f"{entity}_payments", f"{entity}_amount",
                                                                   f"{entity}_others")))  # fmt: skip


REASONS = {
    kind.code: kind
    for kind in (
        ReasonKind("fraud_nearby", _("Known fraud is linked to it by an account, a card or a device."),
                   ("fraud_distance", "customer_fraud_30d", "customer_fraud_ever", "card_fraud_30d",
                    "card_fraud_ever", "device_fraud_30d", "device_fraud_ever", "address_fraud_30d",
                    "address_fraud_ever", "email_fraud_30d", "email_fraud_ever")),
        ReasonKind("device_accounts", _("Other accounts that used this device before: %(number)s."),
                   ("device_accounts",), "device_accounts"),
        ReasonKind("card_accounts", _("Other accounts that paid with this card before: %(number)s."),
                   ("card_accounts",), "card_accounts"),
        ReasonKind("address_accounts", _("Other accounts that ordered to this address before: %(number)s."),
                   ("address_accounts", "email_accounts"), "address_accounts"),
        ReasonKind("ring", _("Accounts linked by devices, cards and addresses: %(number)s."),
                   ("circle_size",), "circle_size"),
        ReasonKind("many_by_card", _("Payments with this card within an hour: %(number)s."),
                   _velocity("card"), "card_payments_1h"),
        ReasonKind("many_by_device", _("Payments from this device within an hour: %(number)s."),
                   _velocity("device"), "device_payments_1h"),
        ReasonKind("many_by_network", _("Payments from this network within an hour: %(number)s."),
                   (*_velocity("ip"), *_velocity("network")), "network_payments_1h"),
        ReasonKind("many_by_address", _("Orders to this address within a day: %(number)s."),
                   (*_velocity("address"), *_velocity("email")), "address_payments_24h"),
        ReasonKind("many_by_customer", _("Orders of this customer within a day: %(number)s."),
                   _velocity("customer"), "customer_payments_24h"),
        ReasonKind("unusual_amount", _("The amount is %(number)s times what is usual for the customer."),
                   ("own_amount_ratio", "own_amount_z"), "own_amount_ratio"),
        ReasonKind("amount", _("Amounts like this one (%(number)s) are often fraud here."),
                   ("amount", "dearest_unit", "n_lines", "quantity", "n_categories"), "amount"),
        ReasonKind("unusual_hour", _("The customer is not usually active at this hour."),
                   ("own_hour_share", "hour", "weekday")),
        ReasonKind("new_device", _("The customer never used this device before."), ("own_new_device",)),
        ReasonKind("new_card", _("The customer never paid with this card before."), ("own_new_card",)),
        ReasonKind("new_address", _("The customer never used this address before."),
                   ("own_new_address", "own_new_country")),
        ReasonKind("new_categories", _("The customer never bought things of this kind before."),
                   ("own_new_categories",)),
        ReasonKind("new_account", _("The account is new, or little is known of it."),
                   ("account_age_days", "customer_age_days", "customer_idle_days", "own_orders", "is_guest",
                    "card_age_days", "device_age_days", "address_age_days", "email_age_days")),
        ReasonKind("country_differs", _("The countries of card, address and network differ."),
                   ("country_ip_differs", "country_card_differs", "country_shipping_differs")),
        ReasonKind("address_differs", _("It goes to another address than the bill."), ("address_differs",)),
        ReasonKind("failed_payments", _("Failed payments before this one: %(number)s."),
                   ("failed_payments",), "failed_payments"),
        ReasonKind("failed_logins", _("Failed logins before this one: %(number)s."),
                   ("failed_logins", "is_new_credential"), "failed_logins"),
        ReasonKind("email", _("The e-mail address looks made up."),
                   ("email_digits", "email_length", "email_has_tag", "email_name_differs")),
        ReasonKind("network_fraud", _("There was fraud from this network or domain of e-mails before."),
                   ("network_fraud_30d", "network_fraud_share", "email_domain_fraud_30d",
                    "email_domain_fraud_share", "ip_fraud_30d", "ip_fraud_share")),
        ReasonKind("discounts", _("A large part of the price is taken off by coupons."),
                   ("discount_share", "has_coupon", "own_promotions_share")),
        ReasonKind("returns", _("The customer returns much of what is ordered."),
                   ("own_returns_share", "returned_share", "days_since_order")),
        ReasonKind("text_contacts", _("The text holds links or contacts."), ("text_links", "text_contacts")),
        ReasonKind("text_style", _("The text reads like advertising: capitals, repeats, exclamations."),
                   ("text_length", "text_capitals", "text_exclamations", "text_repeats")),
        ReasonKind("text_content", _("The text resembles others that were refused."), ()),
        ReasonKind("picture_content", _("The picture resembles others that were refused."), ()),
        ReasonKind("reviews", _("The customer reviews more than was bought."),
                   ("own_reviews_share", "is_verified_purchase", "rating")),
        # What the transformer adds, as `ecomai.serving.predictors.event_ensemble` names it.
        ReasonKind("event_order", _("What happened shortly before, and in which order, is as before fraud."),
                   ()),
    )
}  # fmt: skip
#: Of other parts than the model.
OTHER_SENTENCES: dict[str, Any] = {
    "default": _("It could not be assessed in time, so the shop's own default counts."),
    "switched_off": _("Assessments are switched off."),
}
_REASON_OF = {feature: kind.code for kind in REASONS.values() for feature in kind.features}


def reasons_of(contributions: Mapping[str, float], values: Sequence[float | None]) -> list[dict[str, Any]]:
    """Return the weightiest reasons for fraud from what each feature, or reason, adds to the log odds."""
    weights: dict[str, float] = {}
    for feature, weight in contributions.items():
        if code := feature if feature in REASONS else _REASON_OF.get(feature):
            weights[code] = weights.get(code, 0.0) + weight
    best = sorted((code for code in weights if weights[code] >= LEAST), key=lambda code: -weights[code])
    return [
        {"code": code, "weight": round(weights[code], 3), "number": REASONS[code].number(values)}
        for code in best[:MOST_REASONS]
    ]


def sentences(reasons: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return kept reasons as sentences in the active language."""
    return [sentence for reason in reasons if (sentence := _sentence(reason))]


def _sentence(reason: Mapping[str, Any]) -> str:
    """A rule brings its own sentence along; a code that nobody knows any more is shown as it is."""
    code = str(reason.get("code", ""))
    if text := reason.get("text"):
        return str(text)
    kind = REASONS.get(code)
    if kind is None:
        return str(OTHER_SENTENCES.get(code, code))
    number = reason.get("number")
    shown = "-" if number is None else f"{number:g}"
    return str(kind.sentence) % {"number": shown}
