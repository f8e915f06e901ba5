"""When a campaign had better stop by itself: too many refuse it, or it is proven to do harm."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ecomai.console.alerts import Alert
from ecomai.registry.services.access import write_audit

from ..app_settings import app_settings
from ..exceptions import TooManyRefusedError
from ..models import Campaign, Delivery, Journey
from .effects import is_harm_proven, report_of, report_of_journey

State = Delivery.State


@dataclass(frozen=True)
class Share:
    """How many of a campaign's messages met a fate, of how many, and how much of that is too much."""

    name: str
    n: int
    n_of: int
    most: float

    @property
    def is_too_large(self) -> bool:
        return self.n_of >= app_settings.LEAST_JUDGED and self.n > self.most * self.n_of


def shares_of(campaign: Campaign) -> Mapping[str, Share]:
    """Return what is watched of a campaign; one query."""
    counts = Delivery.objects.filter(campaign=campaign).aggregate(
        failed=Count("pk", filter=Q(state=State.FAILED)),
        sent=Count("pk", filter=Q(state=State.SENT)),
        bounced=Count("pk", filter=Q(bounced_at__isnull=False)),
        complained=Count("pk", filter=Q(complained_at__isnull=False)),
        unsubscribed=Count("pk", filter=Q(unsubscribed_at__isnull=False)),
    )
    sent = counts["sent"]
    watched = (
        ("refused", counts["failed"], sent + counts["failed"], app_settings.MOST_REFUSED),
        ("bounced", counts["bounced"], sent, app_settings.MOST_BOUNCED),
        ("complained", counts["complained"], sent, app_settings.MOST_COMPLAINED),
        ("unsubscribed", counts["unsubscribed"], sent, app_settings.MOST_UNSUBSCRIBED),
    )
    return {name: Share(name, n, n_of, most) for name, n, n_of, most in watched}


def check_refused(campaign: Campaign) -> None:
    """Pause a campaign of which too many messages are refused, with its journey if it is of one.

    Raises TooManyRefusedError, which tells a person why.
    """
    share = shares_of(campaign)["refused"]
    if share.is_too_large:
        error = TooManyRefusedError(name=campaign.name, n_failed=share.n, n_done=share.n_of)
        halt(campaign, str(error), details={"refused": share.n})
        raise error


def check_shares(campaign: Campaign) -> bool:
    """Pause a campaign that is on its way where too many bounced, complained or unsubscribed."""
    if campaign.state != Campaign.State.SENDING:
        return False
    sentences = {
        "bounced": _("Of %(n_of)s messages %(n)s bounced."),
        "complained": _("Of %(n_of)s messages %(n)s brought a complaint."),
        "unsubscribed": _("Of %(n_of)s messages %(n)s made somebody unsubscribe."),
    }
    shares = shares_of(campaign)
    for name, sentence in sentences.items():
        if (share := shares[name]).is_too_large:
            numbers = {"n": number_format(share.n), "n_of": number_format(share.n_of)}
            return halt(campaign, sentence % numbers, details={name: share.n})
    return False


def watch_campaigns() -> int:
    """Look at all that is on its way, shares and measured harm; returns how many were halted."""
    under_way = Campaign.objects.filter(state=Campaign.State.SENDING)
    n_halted = 0
    for campaign in under_way.select_related("journey"):
        n_halted += check_shares(campaign) or _check_harm(campaign)
    for journey in Journey.objects.filter(state=Journey.State.RUNNING):
        n_halted += _check_journey(journey)
    return n_halted


def _check_harm(campaign: Campaign) -> bool:
    """Against the holdout, by a test that may be looked at as often as one likes."""
    is_judged = campaign.stops_at_harm and campaign.journey_id is None and campaign.holdout_share > 0
    return is_judged and is_harm_proven(report_of(campaign)) and halt(campaign, _harm(), details={"harm": 1})


def _check_journey(journey: Journey) -> bool:
    if not journey.holdout_share or not is_harm_proven(report_of_journey(journey)):
        return False
    first = journey.campaigns.order_by("pk").first()
    return first is not None and halt(first, _harm(), details={"harm": 1})


def _harm() -> str:
    return _("Customers who got it buy less than those who were held out, and that is no accident.")


def halt(campaign: Campaign, reason: str, *, details: Mapping[str, int]) -> bool:
    """Pause a campaign, with its journey if it is of one; False where it was not on its way any more."""
    with transaction.atomic():
        if campaign.journey_id is not None:
            running = Journey.objects.filter(pk=campaign.journey_id, state=Journey.State.RUNNING)
            running.update(state=Journey.State.PAUSED)
        of_it = Campaign.objects.filter(Q(pk=campaign.pk) | Q(journey=campaign.journey_id or 0))
        n = of_it.filter(state=Campaign.State.SENDING).update(state=Campaign.State.PAUSED)
        if n:
            told = Campaign.objects.filter(pk=campaign.pk)
            told.update(halted_at=timezone.now(), halted_reason=reason)
            write_audit(action="campaign_paused", subject=campaign, details=dict(details))
    return bool(n)


def front_page_alerts() -> list[Alert]:
    """What the console's front page says: campaigns that paused, or could not start, by themselves."""
    halted = Campaign.objects.filter(halted_at__isnull=False, state__in=(
        Campaign.State.PAUSED, Campaign.State.DRAFT,
    )).order_by("-halted_at")  # fmt: skip
    return [
        Alert(
            state="problem", key=f"marketing.campaign_halted:{campaign.pk}",
            title=_("“%(name)s” was halted") % {"name": campaign.name}, text=campaign.halted_reason,
            url_name="admin:ecomai_marketing_journey_change" if campaign.journey_id
            else "admin:ecomai_marketing_campaign_change",
            url_args=(campaign.journey_id or campaign.pk,),
        )
        for campaign in halted
    ]  # fmt: skip
