"""The shop's own rules: what was paid by transfer is never cancelled by a machine."""

from oscar.apps.order import exceptions, processing


class EventHandler(processing.EventHandler):
    def handle_order_status_change(self, order, new_status, note_msg=None):
        if new_status == "Cancelled" and order.came_by == "transfer":
            raise exceptions.InvalidOrderStatus("Orders paid by transfer are cancelled by hand.")
        if order.came_by == "phone":
            note_msg = f"[{new_status}] {note_msg}"
        super().handle_order_status_change(order, new_status, note_msg=note_msg)
