"""Replies that a language model words: a worker writes them under a lease, and the customer reads along."""

import time
from datetime import datetime, timedelta

from django.utils import timezone

from ecomai.waking import wake_worker

from ..announcing import announce_frame
from ..app_settings import app_settings
from ..models import Conversation, Message
from ..protocol import delta_frame

#: So often the lease is made longer while words come.
RENEW_SECONDS = 1.0


class ReplyTakenError(Exception):
    """Somebody else replies by now, or a person took over: what is still being written is not said."""


def hand_to_worker(message: Message) -> bool:
    """Let a worker write the reply; False where the broker is away, so that nobody would."""
    from ..tasks import write_reply

    until = timezone.now() + timedelta(seconds=app_settings.WRITER_SECONDS)
    Message.objects.filter(pk=message.pk).update(reply_leased_until=until)
    return wake_worker(
        write_reply, message.pk, until.isoformat(), queue=app_settings.WRITER_QUEUE,
        otherwise="A reply is made of the articles' own words",
    )  # fmt: skip


class Writing:
    """A reply that a worker writes. `until` names the lease: who has another one has lost the message."""

    def __init__(self, message: Message, until: datetime) -> None:
        self.message = message
        self.until = until
        self.n_shown = 0
        self._renewed_at = time.monotonic()

    def begin(self) -> bool:
        """Take over what a web process left; False where somebody else replies by now."""
        # A model that is loaded first says nothing for a while.
        return self._renew(app_settings.REPLY_LEASE_SECONDS)

    def show(self, said: str) -> None:
        """Let the customer read a sentence; nothing said is a sign of life. Raises ReplyTakenError."""
        if said or time.monotonic() - self._renewed_at > RENEW_SECONDS:
            self._renewed_at = time.monotonic()
            if not self._renew(app_settings.WRITER_SECONDS):
                raise ReplyTakenError
        if said:
            frame = delta_frame(answers=self.message.sequence, at=self.n_shown, text=said)
            announce_frame(self.message.conversation, frame)
            self.n_shown += 1

    def _renew(self, seconds: float) -> bool:
        until = timezone.now() + timedelta(seconds=seconds)
        mine = Message.objects.filter(
            pk=self.message.pk, reply_state=Message.ReplyState.WAITING, reply_leased_until=self.until,
            conversation__state=Conversation.State.BOT,
        )  # fmt: skip
        self.until, is_mine = until, mine.update(reply_leased_until=until) == 1
        return is_mine
