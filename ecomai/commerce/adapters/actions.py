"""What a scenario may ask the shop to do: names, typed methods of adapters, typed results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable


class Action(StrEnum):
    """The value is the name of the adapter's method."""

    HOLD_ORDER = "hold_order"
    RELEASE_ORDER = "release_order"
    CANCEL_ORDER = "cancel_order"
    START_RETURN = "start_return"
    CHANGE_ADDRESS = "change_address"
    ADD_TO_BASKET = "add_to_basket"
    ISSUE_VOUCHER = "issue_voucher"
    SEND_MAIL = "send_mail"
    MAIL_BUYER = "mail_buyer"


@dataclass(frozen=True, kw_only=True)
class ActionResult:
    """What the shop did; `reference` is its own id of it, `message` a sentence for people."""

    reference: str = ""
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class OrderResult(ActionResult):
    """An order's state afterwards, as one of `Order.Status`."""

    status: str


@dataclass(frozen=True, kw_only=True)
class ReturnResult(ActionResult):
    """A return that was started; `reference` is its number."""

    label_url: str = ""


@dataclass(frozen=True, kw_only=True)
class VoucherResult(ActionResult):
    code: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """A number of pieces of one item."""

    item_id: str
    quantity: int = 1


@runtime_checkable
class HoldsOrders(Protocol):
    def hold_order(self, *, order_id: str, reason: str) -> OrderResult: ...


@runtime_checkable
class ReleasesOrders(Protocol):
    def release_order(self, *, order_id: str) -> OrderResult: ...


@runtime_checkable
class CancelsOrders(Protocol):
    def cancel_order(self, *, order_id: str, reason: str) -> OrderResult: ...


@runtime_checkable
class StartsReturns(Protocol):
    def start_return(self, *, order_id: str, lines: Sequence[Line], reason: str) -> ReturnResult: ...


@runtime_checkable
class ChangesAddresses(Protocol):
    def change_address(self, *, order_id: str, address: Mapping[str, str]) -> OrderResult: ...


@runtime_checkable
class AddsToBasket(Protocol):
    def add_to_basket(self, *, customer_id: str, lines: Sequence[Line]) -> ActionResult: ...


@runtime_checkable
class IssuesVouchers(Protocol):
    def issue_voucher(
        self, *, customer_id: str, percent: Decimal, valid_until: datetime | None = None
    ) -> VoucherResult: ...


@runtime_checkable
class SendsMail(Protocol):
    def send_mail(self, *, customer_id: str, subject: str, body: str) -> ActionResult: ...


@runtime_checkable
class MailsBuyers(Protocol):
    def mail_buyer(self, *, order_id: str, subject: str, body: str) -> ActionResult:
        """Write to the address that was given with an order, also by a guest."""
        ...


PROTOCOLS: dict[Action, Any] = {
    Action.HOLD_ORDER: HoldsOrders,
    Action.RELEASE_ORDER: ReleasesOrders,
    Action.CANCEL_ORDER: CancelsOrders,
    Action.START_RETURN: StartsReturns,
    Action.CHANGE_ADDRESS: ChangesAddresses,
    Action.ADD_TO_BASKET: AddsToBasket,
    Action.ISSUE_VOUCHER: IssuesVouchers,
    Action.SEND_MAIL: SendsMail,
    Action.MAIL_BUYER: MailsBuyers,
}

RESULTS: dict[Action, type[ActionResult]] = {
    Action.HOLD_ORDER: OrderResult,
    Action.RELEASE_ORDER: OrderResult,
    Action.CANCEL_ORDER: OrderResult,
    Action.START_RETURN: ReturnResult,
    Action.CHANGE_ADDRESS: OrderResult,
    Action.ADD_TO_BASKET: ActionResult,
    Action.ISSUE_VOUCHER: VoucherResult,
    Action.SEND_MAIL: ActionResult,
    Action.MAIL_BUYER: ActionResult,
}
