"""Order lines, one per row of a file, put together to orders; memory is bounded, whatever the file's size."""

import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _

from ecomai.commerce.checking import Bounds, problem_of_order, rejected
from ecomai.commerce.models import Order
from ecomai.commerce.records import OrderIn, OrderLineIn, RowResult

from .mappings import Mapping, RowReader

REMEMBERED_ORDERS = 50_000
DUPLICATE_ROW = "exact_duplicate"


@dataclass(slots=True)
class BadRow:
    """A row set aside: what it would have been, why it was not taken, and where it stood."""

    payload: Any
    result: RowResult
    number: int


@dataclass(slots=True)
class PendingOrder:
    order: OrderIn
    numbers: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Memory:
    """What must be known of an order when its next row comes, which may be many rows later."""

    placed_at: Any
    n_rows: int = 0
    seen: set[int] = field(default_factory=set)


class LineRules:
    """What a mapping says of a row besides its columns, in the form that is quick to ask."""

    def __init__(self, mapping: Mapping) -> None:
        self._left_out = [
            (rule.code, [(name, re.compile(expression)) for name, expression in rule.when.items()])
            for rule in mapping.left_out
        ]
        self.is_no_product = _matcher(mapping.item_ids_of_no_product)
        self.is_credit_note = _matcher(mapping.order_ids_of_credit_notes)

    def left_out_code(self, fields: dict[str, Any]) -> str:
        for code, conditions in self._left_out:
            if all(expression.fullmatch(str(fields.get(name, ""))) for name, expression in conditions):
                return code
        return ""


class OrderAssembler:
    """Collects the rows of orders. Rows of one order need not follow each other directly, but should be near.

    A line without a column for its position stands where its row stands among the rows of its order, so that
    a second reading of the file finds the same lines.
    """

    def __init__(self, mapping: Mapping, reader: RowReader) -> None:
        self.mapping = mapping
        self.reader = reader
        self.rules = LineRules(mapping)
        self.bad_rows: list[BadRow] = []
        self._pending: dict[str, PendingOrder] = {}
        self._memory: OrderedDict[str, _Memory] = OrderedDict()
        self.n_orders = 0

    def add(self, number: int, cells: Sequence[Any]) -> str:
        """Take a row; return '' or the code of why it was left out or set aside."""
        fields = self.reader.fields(cells)
        order_id = str(fields.get("order_id", "")).strip()
        placed_at = self.reader.parse_date(fields.get("placed_at"))
        memory = self._remember(order_id, placed_at)
        position, memory.n_rows = memory.n_rows, memory.n_rows + 1
        if self.mapping.leave_out_exact_duplicates:
            digest = hash(tuple(cells))
            if digest in memory.seen:
                return DUPLICATE_ROW
            memory.seen.add(digest)
        if code := self.rules.left_out_code(fields):
            return code
        values = {**fields, "order_id": order_id, "placed_at": memory.placed_at}
        line = self._line(values, position)
        if isinstance(line, RowResult):
            self.bad_rows.append(BadRow(self._payload(values, position), line, number))
            return line.code
        pending = self._pending.get(order_id)
        if pending is None:
            pending = self._pending[order_id] = PendingOrder(self._order(values))
        pending.order.lines.append(line)
        pending.numbers.append(number)
        return ""

    def take(self, *, is_last: bool = False) -> list[PendingOrder]:
        """Return the orders that are complete; the one that the last row belongs to may go on."""
        held_back = None if is_last or not self._pending else next(reversed(self._pending))
        orders = [pending for order_id, pending in self._pending.items() if order_id != held_back]
        self._pending = {held_back: self._pending[held_back]} if held_back else {}
        return orders

    def first_pending_row(self) -> int | None:
        return min((pending.numbers[0] for pending in self._pending.values()), default=None)

    def _remember(self, order_id: str, placed_at: Any) -> _Memory:
        memory = self._memory.get(order_id)
        if memory is None:
            memory = self._memory[order_id] = _Memory(placed_at)
            self.n_orders += 1
            if len(self._memory) > REMEMBERED_ORDERS:
                self._memory.popitem(last=False)
        return memory

    def _line(self, values: dict[str, Any], position: int) -> OrderLineIn | RowResult:
        item_id = str(values.get("item_id", "")).strip()
        try:
            return OrderLineIn(
                position=int(values.get("position", position)),
                unit_price=Decimal(str(values["unit_price"])),
                item_id="" if self.rules.is_no_product(item_id) else item_id,
                description=self._description(values, item_id),
                quantity=int(values.get("quantity", 1)),
                returned_quantity=int(values.get("returned_quantity", 0)),
            )
        except KeyError:
            return rejected(
                "missing_field", _("The field “%(field)s” is missing or empty."), field="unit_price"
            )
        except (ValueError, InvalidOperation):
            reason = _("Quantity, position and price must be numbers, such as 2, 1 and 9.95.")
            return rejected("invalid_field", reason)

    def _description(self, values: dict[str, Any], item_id: str) -> str:
        text = str(values.get("description", "")).strip()
        return text or (item_id if self.rules.is_no_product(item_id) else "")

    def _order(self, values: dict[str, Any]) -> OrderIn:
        order_id, customer_id = values["order_id"], str(values.get("customer_id", "")).strip()
        session_id = str(values.get("session_id", ""))
        if self.mapping.guest_orders_are_sessions and not customer_id and not session_id:
            session_id = f"guest-{order_id}"
        is_credit_note = self.rules.is_credit_note(order_id)
        return OrderIn(
            external_id=order_id,
            currency=str(values.get("currency", "")),
            placed_at=values["placed_at"],
            customer_id=customer_id,
            session_id=session_id,
            channel=str(values.get("channel", "web")),
            status=Order.Status.RETURNED.value if is_credit_note else str(values.get("status", "placed")),
            changed_at=self.reader.parse_date(values.get("changed_at")),
            lines=[],
        )

    def _payload(self, values: dict[str, Any], position: int) -> dict[str, Any]:
        line_names = ("item_id", "description", "quantity", "returned_quantity", "unit_price")
        line = {"position": position} | {name: values[name] for name in line_names if name in values}
        order_names = ("currency", "placed_at", "customer_id", "session_id", "channel", "status")
        order = {name: values[name] for name in order_names if name in values}
        return {"external_id": values["order_id"], **order, "lines": [line]}


def without_bad_lines(pending: PendingOrder, bounds: Bounds) -> tuple[OrderIn | None, list[BadRow]]:
    """Return the order without the lines that cannot be right, and those, each as an order of one line."""
    if (
        not isinstance(pending.order.placed_at, str | None)
        and problem_of_order(pending.order, bounds) is None
    ):
        return pending.order, []
    good, bad = [], []
    for line, number in zip(pending.order.lines, pending.numbers, strict=True):
        alone = _copy(pending.order, [line])
        problem = _problem_of_date_text(alone) or problem_of_order(alone, bounds)
        if problem:
            bad.append(BadRow(alone, problem, number))
        else:
            good.append(line)
    return (_copy(pending.order, good) if good else None), bad


def _problem_of_date_text(order: OrderIn) -> RowResult | None:
    if isinstance(order.placed_at, str | None):
        reason = _("“%(text)s” is no date; write it as 2026-01-31 14:05:00.")
        return rejected("invalid_date", reason, text=str(order.placed_at)[:40])
    return None


def _copy(order: OrderIn, lines: list[OrderLineIn]) -> OrderIn:
    values = {name: getattr(order, name) for name in order.__struct_fields__}
    return OrderIn(**{**values, "lines": lines})


def _matcher(expression: str) -> Any:
    if not expression:
        return lambda text: False
    pattern = re.compile(expression)
    return lru_cache(maxsize=65536)(lambda text: bool(pattern.fullmatch(text)))


def in_chunks(rows: Iterator[tuple[int, Any]], size: int) -> Iterator[list[tuple[int, Any]]]:
    chunk: list[tuple[int, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
