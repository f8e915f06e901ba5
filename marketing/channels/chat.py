"""The channel chat: whoever offers the capability `MessageSender` says it to the customer."""

from datetime import timedelta
from typing import Any, ClassVar

from django.utils.translation import gettext as _

from ecomai import capabilities

from ..app_settings import app_settings
from ..mails import fill
from .base import ChannelStrategy, Ready, State, speaking
from .webhook import delivery_key


class ChatChannel(ChannelStrategy):
    """The receiver knows a message by `context["key"]`, so that the same one is said once."""

    is_repeatable: ClassVar[bool] = True
    first_pause: ClassVar[timedelta] = timedelta(minutes=1)

    @classmethod
    def what_is_missing(cls, messaging: Any) -> list[str]:
        why = getattr(_sender(), "unavailable", None)
        if why is None:
            return []
        if why.reason == "switched_off":
            return [_("the chat is switched off.")]
        return [_("no chat is installed.")]

    def _hand_over(self, one: Ready) -> None:
        row, variant = one.row, one.variant
        with speaking(row.customer.language):
            subject, body = fill(variant.subject, one.values), fill(variant.body, one.values)
        receipt = _sender().send(
            customer_id=row.customer.external_id, channel="chat", subject=" ".join(subject.split()),
            body=body, purpose=app_settings.PURPOSE,
            context={
                "key": delivery_key(row), "storefront": self.campaign.storefront,
                "campaign": self.campaign.pk, "url": variant.target_url,
            },
        )  # fmt: skip
        if receipt.is_sent:
            row.state = State.SENT
        elif receipt.unavailable is not None:
            self.put_off(row, receipt.unavailable.reason)
        else:
            row.state, row.reason = State.SKIPPED, _("cannot be reached by chat")


def _sender() -> capabilities.MessageSender:
    return capabilities.get(capabilities.MessageSender)  # type: ignore[type-abstract]
