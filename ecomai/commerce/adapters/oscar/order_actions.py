"""What Oscar can do with an order: all of it through the shop's own `EventHandler` and status pipeline."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from ecomai.commerce.adapters.actions import Line, OrderResult, ReturnResult
from ecomai.commerce.adapters.exceptions import ActionRefusedError

from .orders import returned_quantity, status_of
from .products import item_id_of
from .words import CANCELLED, COMPLETED, ON_HOLD, PAID, PLACED, RETURNED, SHIPPED, OwnWords

#: Besides the fields of Oscar's own address, in the words of other shops.
ADDRESS_FIELDS = {"street": "line1", "city": "line4", "zip": "postcode", "country": "country_id"}
RETURN_REQUESTED, RETURN_NAME = "return-requested", "Return requested"


class OrderActions(OwnWords):
    """Hold, release and cancel an order, start a return of it, change where it goes."""

    def hold_order(self, *, order_id: str, reason: str) -> OrderResult:
        return self._move(find_order(order_id), (ON_HOLD,), reason)

    def release_order(self, *, order_id: str) -> OrderResult:
        """Back to what the order was before it was held, where the pipeline allows that."""
        order = find_order(order_id)
        if self.words.status(order.status) != ON_HOLD:
            raise ActionRefusedError(reason=_("the order is not on hold"))
        return self._move(order, (PLACED, PAID), "", preferred=_status_before(order))

    def cancel_order(self, *, order_id: str, reason: str) -> OrderResult:
        """Also gives back the stock that was kept for the order."""
        order = find_order(order_id)
        result = self._move(order, (CANCELLED,), reason)
        lines = [
            line for line in order.lines.all() if line.num_allocated and line.stockrecord and line.product
        ]
        if lines:
            handler().cancel_stock_allocations(order, lines, [line.num_allocated for line in lines])
        return result

    def start_return(self, *, order_id: str, lines: Sequence[Line], reason: str) -> ReturnResult:
        """Write a shipping event “Return requested”; that the goods are back is the shop's to say."""
        from oscar.core.loading import get_model

        order = find_order(order_id)
        if status_of(self.words, order) in {CANCELLED, RETURNED}:
            raise ActionRefusedError(reason=_("the order is %(status)s") % {"status": order.status})
        wanted = self._pieces_of(order, lines)
        types = get_model("order", "ShippingEventType")._default_manager
        requested, _created = types.get_or_create(code=RETURN_REQUESTED, defaults={"name": RETURN_NAME})
        with shops_refusals():
            event = handler().handle_shipping_event(
                order, requested, list(wanted), list(wanted.values()), reference=reason
            )
        return ReturnResult(reference=f"{order.number}-R{event.pk}")

    def change_address(self, *, order_id: str, address: Mapping[str, str]) -> OrderResult:
        """Take any of the fields of Oscar's address, and `street`, `city`, `zip`, `country` (two letters)."""
        order = find_order(order_id)
        status = status_of(self.words, order)
        if status in {SHIPPED, COMPLETED, CANCELLED, RETURNED}:
            raise ActionRefusedError(reason=_("the order is %(status)s") % {"status": order.status or status})
        if order.shipping_address is None:
            raise ActionRefusedError(reason=_("nothing of the order is sent anywhere"))
        _fill(order.shipping_address, address)
        order.shipping_address.save()
        handler().create_note(order, _("The address was changed."))
        return OrderResult(reference=order.number, status=status)

    # -- how -----------------------------------------------------------------------------------------

    def _move(
        self, order: Any, meanings: tuple[str, ...], reason: str, *, preferred: str | None = None
    ) -> OrderResult:
        """Set the first status that the pipeline allows and that has the meaning."""
        if self.words.status(order.status) in meanings:
            raise ActionRefusedError(reason=_("the order is %(status)s already") % {"status": order.status})
        allowed = [status for status in order.available_statuses() if self.words.status(status) in meanings]
        if not allowed:
            possible = ", ".join(order.available_statuses()) or "-"
            raise ActionRefusedError(
                reason=_("from “%(status)s” the order can only become: %(possible)s")
                % {"status": order.status, "possible": possible}
            )
        status = preferred if preferred in allowed else allowed[0]
        with shops_refusals():
            handler().handle_order_status_change(order, status, note_msg=reason or None)
        return OrderResult(reference=order.number, status=self.words.status(order.status) or PLACED)

    def _pieces_of(self, order: Any, wanted: Sequence[Line]) -> dict[Any, int]:
        """Spread the wanted pieces of items over the order's lines; several variants are one item."""
        pieces: dict[Any, int] = {}
        for line in wanted:
            missing = line.quantity
            for ordered in order.lines.select_related("product"):
                if missing > 0 and line.item_id in _ids_of(ordered):
                    left = ordered.quantity - returned_quantity(self.words, ordered) - pieces.get(ordered, 0)
                    taken = min(missing, max(left, 0))
                    if taken:
                        pieces[ordered] = pieces.get(ordered, 0) + taken
                        missing -= taken
            if missing or line.quantity < 1:
                raise ActionRefusedError(
                    reason=_("the order has not that many pieces of “%(item)s” to give back")
                    % {"item": line.item_id}
                )
        if not pieces:
            raise ActionRefusedError(reason=_("nothing was named that should come back"))
        return pieces


def handler() -> Any:
    from oscar.core.loading import get_class

    return get_class("order.processing", "EventHandler")()


@contextmanager
def shops_refusals() -> Iterator[None]:
    """What the shop's handler or pipeline refuses is a refusal and no fault."""
    from oscar.apps.order.exceptions import InvalidPaymentEvent, InvalidShippingEvent, InvalidStatus

    try:
        yield
    except (InvalidStatus, InvalidShippingEvent, InvalidPaymentEvent) as error:
        raise ActionRefusedError(reason=str(error)) from error


def find_order(number: str) -> Any:
    """The order, locked until the action ends."""
    from oscar.core.loading import get_model

    model = get_model("order", "Order")
    try:
        return model._default_manager.select_for_update().get(number=number)
    except model.DoesNotExist as error:
        raise ActionRefusedError(reason=_("there is no order “%(order)s”") % {"order": number}) from error


def _status_before(order: Any) -> str | None:
    """What the order was before its present status, as Oscar noted it."""
    changes = order.status_changes.filter(new_status=order.status).order_by("-date_created", "-pk")
    return changes.values_list("old_status", flat=True).first()


def _ids_of(line: Any) -> set[str]:
    return {item_id_of(line.product), str(line.product.pk)} if line.product else set()


def _fill(target: Any, address: Mapping[str, str]) -> None:
    known = {field.attname for field in target._meta.fields} - {target._meta.pk.attname, "search_text"}
    for name, value in address.items():
        field = ADDRESS_FIELDS.get(name, name)
        if field not in known:
            raise ActionRefusedError(reason=_("an address has no “%(field)s” here") % {"field": name})
        setattr(target, field, value)
    try:
        target.clean_fields(exclude=["search_text"])
        target.clean()  # which asks the country, so that has to exist
    except ValidationError as error:
        raise ActionRefusedError(reason=" ".join(error.messages)) from error
