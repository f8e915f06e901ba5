"""Good customers who may leave: who they are, what tells so, and what to do about it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .models import CustomerProfile, Sentiment, Stage
from .selectors import stage_condition
from .summary import MANY_DISCOUNTS, leaf_of

#: In the best two fifths by what they spent.
GOOD = 4
#: Less likely still a customer than this is a warning; below the least, it comes too late.
ALIVE, LEAST_ALIVE = 0.6, 0.02
MANY_RETURNS = 0.3


@dataclass(frozen=True)
class Warned:
    """A customer with reasons and a suggestion, as sentences."""

    profile: CustomerProfile
    reasons: list[str]
    suggestion: str


def customers_at_risk(*, now: datetime) -> QuerySet[CustomerProfile]:
    """Good customers who may be addressed and may leave, those who spent most first.

    By the model where it has scored them, and by the life cycle where not.
    """
    by_model = Q(alive_probability__lt=ALIVE, alive_probability__gte=LEAST_ALIVE)
    by_stage = Q(alive_probability__isnull=True) & stage_condition(Stage.AT_RISK, now=now)
    good = CustomerProfile.objects.filter(has_consent=True, monetary_score__gte=GOOD)
    return good.filter(by_model | by_stage).select_related("customer").order_by("-spent", "pk")


def warn(profile: CustomerProfile, *, now: datetime) -> Warned:
    return Warned(profile, _reasons(profile, now), _suggestion(profile))


def _reasons(profile: CustomerProfile, now: datetime) -> list[str]:
    reasons = []
    if profile.alive_probability is not None:
        share = {"share": round(100 * profile.alive_probability)}
        reasons.append(_("Is still a customer with a probability of %(share)s %%.") % share)
    if profile.next_order_at and profile.next_order_at < now:
        days = (now - profile.next_order_at) // timedelta(days=1)
        text = ngettext("Is one day late.", "Is %(days)s days late.", days)
        reasons.append(text % {"days": days})
    if profile.last_seen_at and profile.last_order_at and profile.last_seen_at > profile.last_order_at:
        reasons.append(_("Has looked around since, without an order."))
    if (profile.returned_share or 0) >= MANY_RETURNS:
        share = {"share": round(100 * (profile.returned_share or 0))}
        reasons.append(_("Sent back %(share)s %% of the pieces.") % share)
    if profile.last_sentiment == Sentiment.NEGATIVE:
        reasons.append(_("What was written last is negative."))
    return reasons


def _suggestion(profile: CustomerProfile) -> str:
    if (profile.returned_share or 0) >= MANY_RETURNS:
        return _("Ask what was wrong: much of it came back.")
    if profile.last_sentiment == Sentiment.NEGATIVE:
        return _("Answer what was written, before anything is offered.")
    if (profile.discount_share or 0) >= MANY_DISCOUNTS and profile.favourite_category:
        return _("Offer a reduction in %(category)s.") % {"category": leaf_of(profile.favourite_category)}
    if profile.favourite_category:
        return _("Show what is new in %(category)s.") % {"category": leaf_of(profile.favourite_category)}
    return _("Write a personal word.")
