"""The channel of places on the site: the message waits there until its customer comes by."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext as _

from ..exceptions import TemplateError
from ..mails import fill
from ..models import OnsiteMessage
from .base import ChannelStrategy, Ready, State, speaking


class OnsiteChannel(ChannelStrategy):
    """A delivery has one message, whoever writes it and however often."""

    is_pushed: ClassVar[bool] = False
    is_repeatable: ClassVar[bool] = True

    @classmethod
    def what_is_missing(cls, messaging: Any) -> list[str]:
        return [] if messaging.slot else [_("it names no place on the site.")]

    def hand_over(self, ready: Sequence[Ready], *, check: Callable[[], object] = bool) -> None:
        """All at once."""
        check()
        made = []
        for one in ready:
            try:
                made.append(self._message(one))
            except TemplateError as error:
                self.refuse(one.row, str(error))
            else:
                self._hand_over(one)
        OnsiteMessage.objects.bulk_create(made, ignore_conflicts=True)

    def _hand_over(self, one: Ready) -> None:
        one.row.state = State.SENT

    def _message(self, one: Ready) -> OnsiteMessage:
        with speaking(one.row.customer.language):
            subject, body = fill(one.variant.subject, one.values), fill(one.variant.body, one.values)
        return OnsiteMessage(
            delivery=one.row, customer_id=one.row.customer_id, slot=self.campaign.slot,
            subject=" ".join(subject.split())[:500], body=body, target_url=one.variant.target_url,
            expires_at=self._expires_at(),
        )  # fmt: skip

    def _expires_at(self) -> Any:
        """With the campaign; on a journey so many days after the customer came to the step."""
        span = timedelta(days=self.campaign.effect_days)
        now = timezone.now()
        begun = None if self.campaign.journey_id else self.campaign.started_at
        return (begun or now) + span
