"""By which ways a message reaches its customer: one strategy a channel, and the same rules for all."""

from typing import Any

from ..models import Campaign, Channel
from .base import ChannelStrategy, Ready
from .chat import ChatChannel
from .mail import MailChannel
from .onsite import OnsiteChannel
from .webhook import WebhookChannel

__all__ = ["STRATEGIES", "ChannelStrategy", "Ready", "open_channel", "what_is_missing"]

STRATEGIES: dict[str, type[ChannelStrategy]] = {
    Channel.EMAIL: MailChannel,
    Channel.WEBHOOK: WebhookChannel,
    Channel.ONSITE: OnsiteChannel,
    Channel.CHAT: ChatChannel,
}


def open_channel(campaign: Campaign) -> ChannelStrategy:
    """Return the strategy of a campaign's channel, for all batches of a job."""
    return STRATEGIES[campaign.channel](campaign)


def what_is_missing(messaging: Any) -> list[str]:
    """Why nothing could be sent so now, each as the end of a sentence.

    `messaging` is a campaign, or a step of a journey: it has `channel`, `endpoint` and `slot`.
    """
    return STRATEGIES[messaging.channel].what_is_missing(messaging)
