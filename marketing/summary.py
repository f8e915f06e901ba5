"""A profile as figures for programs, and as sentences that a person reads."""

import math
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ecomai.commerce.app_settings import app_settings as commerce_settings
from ecomai.commerce.money import format_money

from .models import CustomerProfile, Sentiment, Stage

FIGURES = (
    "has_consent", "n_orders", "spent", "average_order", "returned_share", "first_order_at", "last_order_at",
    "own_gap_days", "next_order_at", "at_risk_at", "lapsed_at", "recency_score", "frequency_score",
    "monetary_score", "favourite_category", "favourite_brand", "tastes", "smoothed_tastes",
    "price_level", "discount_share",
    "last_seen_at", "usual_channel", "usual_hour", "loyalty_tier", "n_referrals", "n_texts",
    "negative_share", "last_sentiment", "last_written_at", "computed",
    "expected_orders", "expected_value", "expected_value_low", "expected_value_high", "alive_probability",
    "repurchase_probability", "scored",
)  # fmt: skip
#: From which share of discounted pieces a customer waits for discounts, and price levels that stand out.
MANY_DISCOUNTS, CHEAP, DEAR = 0.5, 0.8, 1.25
MOST_SURE = 0.999


def figures_of(profile: CustomerProfile) -> dict[str, Any]:
    """Return the profile as JSON values, with its stage now."""
    return {"stage": profile.stage.value} | {name: _json(getattr(profile, name)) for name in FIGURES}


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def sentences_of(profile: CustomerProfile) -> list[str]:
    """Say in the active language who the customer is; nothing is said of what is not known."""
    if not profile.n_orders:
        return [_("Has not ordered yet."), *_of_visits(profile), *_of_texts(profile)]
    return [*_of_orders(profile), *_of_tastes(profile), *_of_visits(profile), *_of_texts(profile)]


def _of_orders(profile: CustomerProfile) -> list[str]:
    n_orders = profile.n_orders
    known = {
        "n": number_format(n_orders, force_grouping=True),
        "spent": format_money(profile.spent, commerce_settings.REPORTING_CURRENCY),
        "average": format_money(profile.average_order, commerce_settings.REPORTING_CURRENCY),
        "first": _day(profile.first_order_at),
        "last": _day(profile.last_order_at),
    }
    if n_orders == 1:
        said = [
            _("Ordered once, on %(last)s, for %(spent)s.")
            if known["spent"]
            else _("Ordered once, on %(last)s.")
        ]
    elif known["spent"]:
        said = [_("%(n)s orders since %(first)s for %(spent)s, %(average)s each; the last on %(last)s.")]
    else:
        said = [_("%(n)s orders since %(first)s; the last on %(last)s.")]
    said = [text % known for text in said]
    if profile.own_gap_days:
        days = round(profile.own_gap_days)
        said.append(
            ngettext("Usually orders every day.", "Usually orders every %(days)s days.", days)
            % {"days": days}
        )
    return [*said, *_of_stage(profile), *_of_forecast(profile), *_of_returns(profile)]


def _of_stage(profile: CustomerProfile) -> list[str]:
    stage, now = profile.stage, timezone.now()
    if stage == Stage.LAPSED:
        return [_("Has stayed away for so long that another order is not expected.")]
    if stage == Stage.AT_RISK:
        return [_("Is later than usual with the next order, and at risk to stay away.")]
    if profile.next_order_at and profile.next_order_at > now:
        return [_("The next order is expected about %(day)s.") % {"day": _day(profile.next_order_at)}]
    return [_("The next order is due.")] if profile.next_order_at else []


def next_order_of(profile: CustomerProfile) -> tuple[float, float] | None:
    """Return within how many days an order is as likely as not, and what it amounts to.

    None where the model has said nothing of the customer, or an order in twice its horizon is not likely.
    """
    buys, n_orders = profile.repurchase_probability, profile.expected_orders
    if not profile.scored or not buys or not n_orders:
        return None
    horizon = float(profile.scored["horizon_days"])
    # As if an order were as likely on each day: the model says how likely one is within its horizon.
    days = horizon * math.log(2) / -math.log1p(-min(buys, MOST_SURE))
    return (days, (profile.expected_value or 0.0) / n_orders) if days <= 2 * horizon else None


def _of_forecast(profile: CustomerProfile) -> list[str]:
    found = next_order_of(profile)
    if found is None:
        return []
    days, amount = max(round(found[0]), 1), format_money(found[1], commerce_settings.REPORTING_CURRENCY)
    text = ngettext(
        "By the model the next order is as likely as not within a day, for about %(amount)s.",
        "By the model the next order is as likely as not within %(days)s days, for about %(amount)s.",
        days,
    )
    return [text % {"days": days, "amount": amount}]


def _of_returns(profile: CustomerProfile) -> list[str]:
    if not profile.returned_share:
        return []
    return [_("Sent back %(share)s %% of the pieces.") % {"share": round(100 * profile.returned_share)}]


def _of_tastes(profile: CustomerProfile) -> list[str]:
    said = []
    if profile.tastes.get("categories"):
        said.append(_("Buys most of all: %(names)s.") % {"names": _names(profile.tastes, "categories")})
    if profile.tastes.get("brands"):
        said.append(_("Favourite brands: %(names)s.") % {"names": _names(profile.tastes, "brands")})
    if profile.discount_share is not None and profile.discount_share >= MANY_DISCOUNTS:
        said.append(_("Mostly buys what is reduced."))
    if profile.price_level is not None and profile.price_level <= CHEAP:
        said.append(_("Prefers the lower-priced pieces of a category."))
    if profile.price_level is not None and profile.price_level >= DEAR:
        said.append(_("Prefers the higher-priced pieces of a category."))
    return said


def _names(tastes: Mapping[str, Any], kind: str) -> str:
    return ", ".join(leaf_of(taste["name"]) for taste in tastes.get(kind, [])[:3])


def leaf_of(category_path: str) -> str:
    """Return the narrowest part of a category's path: what a person would call it."""
    return category_path.rsplit(" > ", 1)[-1]


def _of_visits(profile: CustomerProfile) -> list[str]:
    said = []
    if profile.last_seen_at:
        said.append(_("Was last seen on %(day)s.") % {"day": _day(profile.last_seen_at)})
    if profile.usual_hour is not None:
        hours = {"from": f"{profile.usual_hour}:00", "to": f"{(profile.usual_hour + 1) % 24}:00"}
        said.append(_("Mostly comes between %(from)s and %(to)s.") % hours)
    if profile.loyalty_tier:
        said.append(_("Loyalty tier: %(tier)s.") % {"tier": profile.loyalty_tier})
    if profile.n_referrals:
        n = profile.n_referrals
        said.append(ngettext("Brought one other customer.", "Brought %(n)s other customers.", n) % {"n": n})
    return said


def _of_texts(profile: CustomerProfile) -> list[str]:
    n = profile.n_texts
    if not n:
        return []
    said = [
        ngettext("Wrote one text, on %(day)s.", "Wrote %(n)s texts, the last on %(day)s.", n)
        % {"n": number_format(n, force_grouping=True), "day": _day(profile.last_written_at)}
    ]
    if n > 1 and profile.negative_share is not None:
        share = {"share": round(100 * profile.negative_share)}
        said.append(_("%(share)s %% of them are negative.") % share)
    if profile.last_sentiment == Sentiment.NEGATIVE:
        said.append(_("What was written last is negative."))
    return said


def _day(moment: datetime | None) -> str:
    return date_format(timezone.localtime(moment), "DATE_FORMAT") if moment else ""
