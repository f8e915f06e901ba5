"""How fast messages go out, over all campaigns and workers."""

import time
from dataclasses import dataclass

from django.core.cache import cache

from ecomai.registry.jobs import RunningJob

from ..app_settings import app_settings
from ..models import Channel

_KEY, _MINUTE = "ecomai.marketing.messages.{}.{}", 60


@dataclass(frozen=True)
class Room:
    """Messages that may go out within a minute, which others then may not send."""

    n: int
    key: str = ""

    def give_back(self, n: int) -> None:
        """Let others use what was not needed, in the same minute."""
        if self.key and n and cache.get(self.key):
            cache.decr(self.key, n)


def take_room(job: RunningJob, wanted: int, *, channel: str = Channel.EMAIL) -> Room:
    """Return how many messages may go out now, `wanted` at most; waits for the next minute where none may.

    What waits on the site goes nowhere, and has no limit.
    """
    limits = {
        Channel.EMAIL: app_settings.MAILS_PER_MINUTE, Channel.ONSITE: 0,
    }  # fmt: skip
    limit = limits.get(Channel(channel), app_settings.MESSAGES_PER_MINUTE)
    while limit:
        key = _KEY.format(channel, int(time.time() // _MINUTE))
        cache.add(key, 0, 2 * _MINUTE)
        n_before = cache.incr(key, wanted) - wanted
        room = Room(max(min(limit - n_before, wanted), 0), key)
        room.give_back(wanted - room.n)
        if room.n:
            return room
        job.check_cancelled()
        time.sleep(1)
    return Room(wanted)
