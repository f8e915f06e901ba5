"""What a campaign's page says of a choice by expected gain: groups, what was measured, what it saved."""

from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ecomai.commerce.app_settings import app_settings as commerce_settings
from ecomai.commerce.money import format_money
from ecomai.registry.models import ModelVersion

from ..models import Campaign, Delivery
from ..services.effects import spent_within
from ..targeting.report import GroupReport, TargetingReport, targeting_report

Group = Delivery.Group


def targeting_context(campaign: Campaign) -> dict[str, Any] | None:
    """None for a campaign that goes to everybody."""
    report = targeting_report(campaign, spent_within(campaign)[0])
    if report is None:
        return None
    version = ModelVersion.objects.filter(pk=campaign.uplift_version or 0).first()
    return {
        "version": version,
        "groups": [_group(one) for one in report.groups],
        "figures": _figures(campaign, report),
        "dogs": _dogs(report),
    }


def _group(one: GroupReport) -> dict[str, Any]:
    what = {
        Group.PERSUADABLE: _("A message is expected to bring more than it costs."),
        Group.SURE_THING: _("They buy anyway; a message changes too little."),
        Group.LOST_CAUSE: _("They hardly buy, with a message or without."),
        Group.SLEEPING_DOG: _("A message is expected to keep them from buying."),
    }
    group = Group(one.group)
    return {
        "name": group.label, "what": what[group], "n": one.n, "n_treated": one.n_treated,
        "predicted": _money(one.predicted), "buyers": _points(one.buyers), "spent": _amounts(one.spent),
        "harms": one.harms,
    }  # fmt: skip


def _figures(campaign: Campaign, report: TargetingReport) -> list[tuple[str, str]]:
    rows = [
        (_("Left out"), number_format(report.n_left_out, force_grouping=True)),
        (_("Cost of a message"), _money(float(campaign.cost_per_message))),
        (_("Messages saved, at their cost"), _money(report.saved)),
    ]
    if report.n_offered:
        rows.insert(0, (_("With an offer"), number_format(report.n_offered, force_grouping=True)))
    if report.gained is not None:
        rows.append((_("Against a message to everybody, it left"), _amounts(report.gained)))
    return rows


def _dogs(report: TargetingReport) -> str:
    """What is known of those whom a message harms."""
    dogs = next((one for one in report.groups if one.group == Group.SLEEPING_DOG), None)
    if dogs is None:
        return _("Nobody is expected to be kept from buying by a message.")
    n = number_format(dogs.n, force_grouping=True)
    if dogs.harms:
        return _("%(n)s are expected to be kept from buying, and those who got a message did buy less.") % {
            "n": n
        }
    if dogs.spent is None:
        return _("%(n)s are expected to be kept from buying; too few got a message to tell.") % {"n": n}
    return _("%(n)s are expected to be kept from buying; what was measured does not prove it yet.") % {"n": n}


def _money(amount: float) -> str:
    return format_money(amount, commerce_settings.REPORTING_CURRENCY)


def _amounts(interval: Any) -> str:
    if interval is None:
        return _("too few to tell")
    words = {"value": _money(interval.value), "low": _money(interval.low), "high": _money(interval.high)}
    return _("%(value)s, between %(low)s and %(high)s") % words


def _points(interval: Any) -> str:
    """Differences of shares, in percentage points."""
    if interval is None:
        return _("too few to tell")
    value, low, high = (f"{100 * part:+.1f}" for part in (interval.value, interval.low, interval.high))
    return _("%(value)s points, between %(low)s and %(high)s") % {"value": value, "low": low, "high": high}
