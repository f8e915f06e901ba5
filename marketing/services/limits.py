"""How fast mails go out, over all campaigns, and when a campaign had better stop by itself."""

import time
from dataclasses import dataclass

from django.core.cache import cache
from django.db import transaction
from django.db.models import Count, Q

from ecomai.registry.jobs import RunningJob
from ecomai.registry.services.access import write_audit

from ..app_settings import app_settings
from ..exceptions import TooManyRefusedError
from ..models import Campaign, Delivery, Journey

#: A share of fewer says little.
JUDGED_FROM = 50
_KEY, _MINUTE = "ecomai.marketing.mails.{}", 60


@dataclass(frozen=True)
class Room:
    """Mails that may go out within a minute, which others then may not send."""

    n: int
    key: str = ""

    def give_back(self, n: int) -> None:
        """Let others use what was not needed, in the same minute."""
        if self.key and n and cache.get(self.key):
            cache.decr(self.key, n)


def take_room(job: RunningJob, wanted: int) -> Room:
    """Return how many mails may go out now, `wanted` at most; waits for the next minute where none may."""
    limit = app_settings.MAILS_PER_MINUTE
    while limit:
        key = _KEY.format(int(time.time() // _MINUTE))
        cache.add(key, 0, 2 * _MINUTE)
        n_before = cache.incr(key, wanted) - wanted
        room = Room(max(min(limit - n_before, wanted), 0), key)
        room.give_back(wanted - room.n)
        if room.n:
            return room
        job.check_cancelled()
        time.sleep(1)
    return Room(wanted)


def check_refused(campaign: Campaign) -> None:
    """Pause a campaign of which servers refuse too many mails, with its journey if it is of one.

    Raises TooManyRefusedError, which tells a person why.
    """
    counts = Delivery.objects.filter(campaign=campaign).aggregate(
        n_failed=Count("pk", filter=Q(state=Delivery.State.FAILED)),
        n_done=Count("pk", filter=Q(state__in=(Delivery.State.FAILED, Delivery.State.SENT))),
    )
    n_failed, n_done = counts["n_failed"], counts["n_done"]
    if n_done < JUDGED_FROM or n_failed <= app_settings.MOST_REFUSED * n_done:
        return
    with transaction.atomic():
        if campaign.journey_id is not None:
            running = Journey.objects.filter(pk=campaign.journey_id, state=Journey.State.RUNNING)
            running.update(state=Journey.State.PAUSED)
        paused = Campaign.objects.filter(Q(pk=campaign.pk) | Q(journey=campaign.journey_id or 0))
        n = paused.filter(state=Campaign.State.SENDING).update(state=Campaign.State.PAUSED)
        if n:
            write_audit(action="campaign_paused", subject=campaign, details={"refused": n_failed})
    raise TooManyRefusedError(name=campaign.name, n_failed=n_failed, n_done=n_done)
