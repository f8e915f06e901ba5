"""The channel webhook: a signed JSON message to a program that passes it on, with the delivery as its key."""

from datetime import timedelta
from typing import Any, ClassVar

from django.utils.translation import gettext as _

from ecomai.console import webhooks
from ecomai.console.exceptions import WebhookAddressError, WebhookRefusedError
from ecomai.exceptions import UnavailableError

from ..mails import fill
from ..models import Delivery
from .base import ChannelStrategy, Ready, State, speaking

#: So many in a row that nobody answers, and the endpoint is away.
MOST_UNANSWERED = 3


class WebhookChannel(ChannelStrategy):
    """The endpoint takes a delivery's key once, so that what a dead worker held is simply sent again."""

    is_repeatable: ClassVar[bool] = True
    first_pause: ClassVar[timedelta] = timedelta(minutes=1)
    n_unanswered = 0

    @classmethod
    def what_is_missing(cls, messaging: Any) -> list[str]:
        endpoint = messaging.endpoint
        if endpoint is None:
            return [_("no webhook is chosen.")]
        return [] if endpoint.is_active else [_("its webhook is not in use.")]

    def _hand_over(self, one: Ready) -> None:
        row, endpoint = one.row, self.campaign.endpoint
        if endpoint is None or not endpoint.is_active:
            self.put_off(row, _("its webhook is not in use."))
            return
        try:
            webhooks.post(
                endpoint.url, self._payload(one), secret=endpoint.secret, key=delivery_key(row),
                user_agent="ecomai-campaigns",
            )  # fmt: skip
        except (WebhookRefusedError, WebhookAddressError) as error:
            self.refuse(row, str(error))
        except (UnavailableError, OSError) as error:
            self._unanswered(row, error)
        else:
            row.state, self.n_unanswered = State.SENT, 0

    def _unanswered(self, row: Delivery, error: Exception) -> None:
        self.put_off(row, type(error).__name__)
        self.n_unanswered += 1
        if self.n_unanswered >= MOST_UNANSWERED:
            self.n_unanswered = 0
            raise UnavailableError from error

    def _payload(self, one: Ready) -> dict[str, Any]:
        row, variant = one.row, one.variant
        with speaking(row.customer.language):
            return {
                "type": "campaign_message", "delivery": delivery_key(row), "campaign": self.campaign.pk,
                "storefront": self.campaign.storefront, "customer_id": row.customer.external_id,
                "language": row.customer.language, "variant": variant.name,
                "subject": " ".join(fill(variant.subject, one.values).split()),
                "body": fill(variant.body, one.values), "url": variant.target_url,
            }  # fmt: skip


def delivery_key(row: Delivery) -> str:
    """The same each time it is handed over."""
    return f"delivery-{row.pk}"
