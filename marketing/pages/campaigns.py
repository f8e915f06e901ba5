"""The page of a campaign: how far it is, what it says, and what it brought."""

from datetime import timedelta
from typing import Any

from django.db.models import Count
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ecomai.commerce.app_settings import app_settings as commerce_settings
from ecomai.commerce.money import format_money
from ecomai.experiments.statistics import Effect
from ecomai.numbers import format_percent

from ..mails import OF_CUSTOMER, fill, names_without_default
from ..models import (
    Campaign,
    CampaignVariant,
    Channel,
    CustomerProfile,
    Delivery,
    OnsiteMessage,
    SegmentMember,
)
from ..services import offers
from ..services.campaigns import problems_of
from ..services.effects import Amount, Arm, EffectReport, report_of
from ..services.stopping import shares_of
from ..summary import leaf_of
from .targeting import targeting_context

State = Delivery.State


def context(campaign: Campaign) -> dict[str, Any]:
    states = dict(_states(campaign))
    n_mails = sum(n for state, n in states.items() if state not in (State.HELD_OUT, State.NOT_WORTH))
    somebody = _somebody()
    n_open = states.get(State.WAITING, 0) + states.get(State.CLAIMED, 0)
    return {
        "campaign": campaign,
        "states": [(State(state).label, n) for state, n in sorted(states.items())],
        "reasons": _reasons(campaign),
        "missing": problems_of(campaign) if campaign.started_at is None else [],
        "vouchers": _vouchers(campaign) if campaign.started_at else None,
        "answers": _answers(campaign) if campaign.started_at else [],
        "onsite": _onsite(campaign) if campaign.channel == Channel.ONSITE else [],
        "n_mails": n_mails,
        "progress": 1 - n_open / n_mails if n_mails else None,
        "variants": [
            {"variant": variant, **_example(variant, somebody)}
            for variant in campaign.variants.order_by("pk")
        ],
        "targeting": targeting_context(campaign) if campaign.started_at else None,
        "report": report_context(report_of(campaign)) if campaign.started_at else None,
    }


def reasons(campaign: Campaign) -> list[str]:
    """What should be known before the start."""
    members = SegmentMember.objects.filter(segment=campaign.segment, customer__storefront=campaign.storefront)
    n_members = members.count()
    said = [_("The segment has %(n)s customers now.") % {"n": number_format(n_members, force_grouping=True)}]
    said += [
        _("The text “%(name)s” names %(names)s without a default: who has none reads nothing there.")
        % {"name": variant.name, "names": ", ".join(names)}
        for variant in campaign.variants.order_by("pk")
        if (names := names_without_default(f"{variant.subject} {variant.body}"))
    ]
    if not campaign.holdout_share:
        said.append(_("Without a holdout nothing will tell what it brought."))
    if campaign.is_targeted:
        said.append(_("Who is expected to bring less than a message costs gets none."))
    if campaign.is_targeted and not campaign.explored_share:
        said.append(_("Nobody of them gets one all the same, so nothing will tell whether that was right."))
    return said


def n_unsure(campaign: Campaign) -> int:
    return Delivery.objects.filter(campaign=campaign, state=State.UNSURE).count()


def _states(campaign: Campaign) -> list[tuple[str, int]]:
    rows = Delivery.objects.filter(campaign=campaign).order_by()
    return list(rows.values_list("state").annotate(n=Count("pk")))


def _reasons(campaign: Campaign) -> list[tuple[str, int]]:
    rows = Delivery.objects.filter(campaign=campaign).exclude(reason="").order_by()
    return list(rows.values_list("reason").annotate(n=Count("pk")).order_by("-n")[:10])


def _vouchers(campaign: Campaign) -> dict[str, Any] | None:
    """What became of what it offered."""
    n_sent, n_used = offers.count_vouchers(campaign)
    return (
        {"n_sent": n_sent, "n_used": n_used, "share": format_percent(n_used / n_sent, 1)} if n_sent else None
    )


def _somebody() -> dict[str, str]:
    """What texts may name of a customer such as there are."""
    values = dict.fromkeys(OF_CUSTOMER, "") | {"name": _("Mia")}
    profile = CustomerProfile.objects.exclude(favourite_category="").first()
    if profile is not None:
        values["favourite_category"] = leaf_of(profile.favourite_category)
        values["favourite_brand"] = profile.favourite_brand
    return values


def _example(variant: CampaignVariant, values: dict[str, str]) -> dict[str, str]:
    """The text as a customer might get it."""
    if variant.has_offer:
        until = timezone.now() + timedelta(days=variant.offer_days)
        values = values | offers.offer_values(variant, code="ABC-123-XYZ", until=until)
    return {
        "subject": fill(variant.subject, values), "body": fill(variant.body, values),
        "discount": offers.discount_of(variant) if variant.has_offer else "",
    }  # fmt: skip


def _answers(campaign: Campaign) -> list[tuple[str, str]]:
    """What is watched, each with its share."""
    labels = {
        "bounced": _("bounced"), "complained": _("complained"), "unsubscribed": _("unsubscribed"),
    }  # fmt: skip
    shares = shares_of(campaign)
    return [
        (label, f"{number_format(shares[name].n, force_grouping=True)} ({_percent(shares[name])})")
        for name, label in labels.items()
    ]


def _percent(share: Any) -> str:
    return format_percent(share.n / share.n_of if share.n_of else 0.0, 2)


def _onsite(campaign: Campaign) -> list[tuple[str, int]]:
    found = OnsiteMessage.objects.filter(delivery__campaign=campaign).aggregate(
        seen=Count("seen_at"), clicked=Count("clicked_at"), dismissed=Count("dismissed_at")
    )
    labels = {"seen": _("seen"), "clicked": _("clicked"), "dismissed": _("dismissed")}
    return [(label, found[name]) for name, label in labels.items()]


def report_context(report: EffectReport) -> dict[str, Any]:
    """A report as people read it."""
    currency = commerce_settings.REPORTING_CURRENCY
    return {
        "refusal": report.refusal,
        "is_over": report.is_over,
        "n_without_rate": report.n_without_rate,
        "arms": [_arm(_("Got it"), report.treated), _arm(_("Held out"), report.held_out)],
        "effects": [
            (_("Customers who bought"), _effect(report.buyers)),
            (_("Revenue a customer"), _effect(report.revenue)),
        ],
        "gained": _amount(report.incremental_revenue, currency),
        "gain": _gain(report, currency),
    }


def _gain(report: EffectReport, currency: str) -> dict[str, Any] | None:
    """What it cost and what is left, where anything is known to have cost something."""
    gain = report.gain
    if gain is None or not (gain.cost or gain.net):
        return None
    returned = gain.returned
    return {
        "cost": format_money(gain.cost, currency),
        "net": _amount(gain.net, currency),
        "returned": returned and _between(*(f"{100 * part:+.0f} %" for part in _parts(returned))),
    }


def _amount(amount: Amount | None, currency: str) -> str:
    return _between(*(format_money(part, currency) for part in _parts(amount))) if amount else ""


def _parts(amount: Amount) -> tuple[float, float, float]:
    return amount.value, amount.low, amount.high


def _between(value: str, low: str, high: str) -> str:
    return _("%(lift)s, between %(low)s and %(high)s") % {"lift": value, "low": low, "high": high}


def _arm(name: str, arm: Arm) -> dict[str, Any]:
    currency = commerce_settings.REPORTING_CURRENCY
    share = 100 * arm.n_buyers / arm.n if arm.n else 0.0
    return {
        "name": name, "n": arm.n, "n_buyers": arm.n_buyers, "share": f"{number_format(share, 1)} %",
        "revenue": format_money(arm.revenue, currency),
        "mean": format_money(arm.revenue / arm.n, currency) if arm.n else "",
    }  # fmt: skip


def _effect(effect: Effect | None) -> str:
    if effect is None:
        return _("Nothing can be said yet.")
    lift, low, high = (f"{100 * part:+.1f} %" for part in (effect.lift, effect.low, effect.high))
    return _between(lift, low, high)
