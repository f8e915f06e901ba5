"""A shop that knows how to reach its customers, and mail servers that misbehave."""

import smtplib
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from django.core.mail.backends.base import BaseEmailBackend

from ecomai.commerce.adapters import ActionRefusedError, Contact, ShopAdapter, VoucherResult


class MailingShop(ShopAdapter):
    """Every customer has an address, but for those whose id begins with “x”."""

    time_zone: ClassVar[str] = ""

    def contacts(self, *, customer_ids: Any, storefront: str) -> dict[str, Contact]:
        return {
            each: Contact(email=f"{each}@customers.example", name=each.title(), time_zone=self.time_zone)
            for each in customer_ids
            if not each.startswith("x")
        }


class VoucherShop(MailingShop):
    """Issues vouchers, but to nobody whose id begins with “g”; `issued` keeps what was asked for."""

    issued: ClassVar[list[tuple[str, Decimal, datetime | None]]] = []

    def issue_voucher(
        self, *, customer_id: str, percent: Decimal, valid_until: datetime | None = None
    ) -> VoucherResult:
        if customer_id.startswith("g"):
            raise ActionRefusedError(reason="guests get no voucher")
        self.issued.append((customer_id, percent, valid_until))
        return VoucherResult(reference=customer_id, code=f"V-{len(self.issued)}-{customer_id}")


class Server(BaseEmailBackend):
    """Keeps what it takes. `refuses` and `breaks_at` are addresses; `is_away` refuses the connection."""

    taken: ClassVar[list[Any]] = []
    refuses: ClassVar[set[str]] = set()
    code: ClassVar[int] = 550
    breaks_at: ClassVar[set[str]] = set()
    is_away: ClassVar[bool] = False

    def open(self) -> bool:
        if type(self).is_away:
            raise ConnectionRefusedError
        return True

    def send_messages(self, messages: Any) -> int:
        for message in messages:
            (to,) = message.to
            if to in self.refuses:
                raise smtplib.SMTPRecipientsRefused({to: (self.code, b"not now, or never")})
            if to in self.breaks_at:
                self.breaks_at.discard(to)
                raise smtplib.SMTPServerDisconnected("the line broke")
            message.message()  # a header that cannot be written fails here
            self.taken.append(message)
        return len(messages)


class KnowingServer(Server):
    """One that can say which messages it has got."""

    def find_message_ids(self, ids: Any) -> set[str]:
        return {message.extra_headers["Message-ID"] for message in self.taken} & set(ids)


def open_shop(settings: Any, *, adapter: type[MailingShop] = MailingShop, **marketing: Any) -> None:
    """Let everybody be addressed at any hour, by a server that takes all; more settings by their names."""
    commerce = settings.ECOMAI.get("COMMERCE", {}) | {"ADAPTER": f"{__name__}.{adapter.__name__}"}
    settings.ECOMAI = settings.ECOMAI | {
        "COMMERCE": commerce,
        "FUSION": settings.ECOMAI.get("FUSION", {}) | {"DEFAULT_CONSENT": {"marketing": True}},
        "MARKETING": {"BASE_URL": "https://shop.example", "QUIET_HOURS": (0, 0)} | marketing,
    }
    settings.EMAIL_BACKEND = f"{__name__}.Server"
    Server.taken.clear()
    Server.refuses, Server.breaks_at, Server.is_away, Server.code = set(), set(), False, 550
    VoucherShop.issued.clear()
    MailingShop.time_zone = ""
