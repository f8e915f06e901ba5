"""Who chats: a proven customer, or a browser that keeps a secret we gave it."""

import secrets
from dataclasses import dataclass

from django.db.models import Q
from django.utils.crypto import salted_hmac

from ecomai.commerce.models import Customer
from ecomai.commerce.visitors import SESSION_ID

SECRET_LENGTH = 32


@dataclass(frozen=True)
class ChatVisitor:
    """`secret` is new where the browser brought none; only its digest is stored."""

    secret: str
    storefront: str = ""
    customer: Customer | None = None
    session_id: str = ""
    language: str = ""

    @property
    def digest(self) -> str:
        return salted_hmac("ecomai.support_bot.visitor", self.secret, algorithm="sha256").hexdigest()

    @property
    def owns(self) -> Q:
        """Which conversations are the visitor's own: knowing an id is not enough."""
        mine = Q(customer=self.customer) if self.customer else Q(customer=None, visitor_digest=self.digest)
        return mine & Q(storefront=self.storefront)


def chat_visitor(
    *, secret: str = "", storefront: str = "", customer: Customer | None = None, session_id: str = "",
    language: str = "",
) -> ChatVisitor:  # fmt: skip
    """Return who chats; a secret that cannot be ours is replaced."""
    is_ours = len(secret) == SECRET_LENGTH and secret.isascii()
    return ChatVisitor(
        secret=secret if is_ours else secrets.token_urlsafe(SECRET_LENGTH * 3 // 4),
        storefront=storefront,
        customer=customer,
        session_id=session_id if SESSION_ID.fullmatch(session_id) else "",
        language=language,
    )
