"""A shop's adapter that holds orders in memory, and refuses those that it does not have."""

from ecomai.commerce.adapters import ActionRefusedError, ActionResult, OrderResult, ShopAdapter

ORDERS: dict[str, str] = {}
MAILS: list[tuple[str, str]] = []
ACTS: list[tuple[str, str]] = []


class MailingShop(ShopAdapter):
    """Can mail, and do nothing with orders."""

    def send_mail(self, *, customer_id: str, subject: str, body: str) -> ActionResult:
        MAILS.append((customer_id, body))
        return ActionResult()


class GuestMailingShop(MailingShop):
    """Knows the addresses of orders, of guests too."""

    def mail_buyer(self, *, order_id: str, subject: str, body: str) -> ActionResult:
        MAILS.append((order_id, body))
        return ActionResult()


class HoldingShop(MailingShop):
    def hold_order(self, *, order_id: str, reason: str) -> OrderResult:
        return self._move(order_id, "on_hold")

    def release_order(self, *, order_id: str) -> OrderResult:
        return self._move(order_id, "placed")

    def cancel_order(self, *, order_id: str, reason: str) -> OrderResult:
        return self._move(order_id, "cancelled")

    def _move(self, order_id: str, status: str) -> OrderResult:
        if order_id not in ORDERS:
            raise ActionRefusedError(reason=f"there is no order {order_id}")
        ORDERS[order_id] = status
        ACTS.append((order_id, status))
        return OrderResult(status=status)
