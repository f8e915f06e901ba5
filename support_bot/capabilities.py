"""What the support bot does for other scenarios: it says something to a customer in the chat."""

from typing import Any
from uuid import uuid4

from ecomai.capabilities import MessageReceipt
from ecomai.commerce.models import Customer

from .services.conversations import say_to_customer


class ChatMessageSender:
    """Of `context`, `key` makes a message happen once, `storefront` says where, and `url` is added to it."""

    def send(
        self, *, customer_id: str, channel: str, subject: str, body: str, purpose: str,
        context: dict[str, Any] | None = None,
    ) -> MessageReceipt:  # fmt: skip
        """Say it in the customer's open conversation; who never chatted here is not reached."""
        given = context or {}
        customer = Customer.objects.filter(
            storefront=given.get("storefront", ""), external_id=customer_id
        ).first()
        if customer is None:
            return MessageReceipt()
        text = "\n\n".join(filter(None, (subject, body, str(given.get("url", "")))))
        said = say_to_customer(customer, text=text, key=str(given.get("key") or uuid4().hex)[:64])
        return MessageReceipt(is_sent=said is not None)
