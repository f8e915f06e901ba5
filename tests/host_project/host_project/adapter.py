"""All that this shop had to write for ecomai."""

from django.core.mail import send_mail

from ecomai.commerce import adapters as ecomai

from .accounts.models import User
from .catalogue.models import Product
from .orders.models import Basket, Order, Voucher

STATES = {"new": "placed", "stopped": "on_hold", "sent": "shipped", "void": "cancelled"}


class Adapter(ecomai.ShopAdapter):
    customers = [ecomai.CustomerMapping(
        model="accounts.User", country="country_code", first_seen_at="signed_up", filter={"is_staff": False},
        traits=lambda user: {"tier": user.tier},
    )]  # fmt: skip
    items = [ecomai.ItemMapping(
        model="catalogue.Product", external_id="sku", title="name", description="summary", brand="maker",
        category_path="category.path", attributes="label_names", price="unit_price", url="get_absolute_url",
        stock="stock_level.on_hand", currency=ecomai.Constant("EUR"), is_active="is_visible",
        listed_at="released", select_related=["category__parent", "stock_level"], m2m=["labels"],
        prefetch_related=["labels"], touched_by={"catalogue.StockLevel": "product_id"},
    )]  # fmt: skip
    orders = [ecomai.OrderMapping(
        model="orders.Order", external_id="number", customer_id="buyer_id", status="state", statuses=STATES,
        currency="currency", placed_at="bought", touched_by={"orders.Position": "order_id"},
        lines=ecomai.LineMapping("positions", item_id="product.sku", unit_price="price", quantity="pieces"),
        prefetch_related=["positions__product"],
    )]  # fmt: skip

    def _move(self, order_id, state):
        order = Order.objects.select_for_update().get(number=order_id)
        try:
            order.move_to(state)
        except ValueError as error:
            raise ecomai.ActionRefusedError(reason=str(error)) from error
        return ecomai.OrderResult(reference=order.number, status=STATES[order.state])

    def hold_order(self, *, order_id, reason):
        return self._move(order_id, "stopped")

    def release_order(self, *, order_id):
        return self._move(order_id, "new")

    def cancel_order(self, *, order_id, reason):
        return self._move(order_id, "void")

    def start_return(self, *, order_id, lines, reason):
        wanted = [[line.item_id, line.quantity] for line in lines]
        case = Order.objects.get(number=order_id).returncase_set.create(reason=reason, wanted=wanted)
        return ecomai.ReturnResult(reference=f"R{case.pk}")

    def change_address(self, *, order_id, address):
        Order.objects.filter(number=order_id).update(city=address["city"], street=address["street"])
        return self._move(order_id, Order.objects.get(number=order_id).state)

    def add_to_basket(self, *, customer_id, lines):
        basket, _ = Basket.objects.get_or_create(owner_id=customer_id)
        for line in lines:
            basket.put(Product.objects.get(sku=line.item_id), line.quantity)
        return ecomai.ActionResult(reference=str(basket.pk))

    def issue_voucher(self, *, customer_id, percent, valid_until=None):
        code = f"V{Voucher.objects.count() + 1}"
        voucher = Voucher.objects.create(owner_id=customer_id, percent=percent, code=code)
        return ecomai.VoucherResult(reference=str(voucher.pk), code=voucher.code)

    def mail_buyer(self, *, order_id, **message):
        return self.send_mail(customer_id=Order.objects.get(number=order_id).buyer_id, **message)

    def send_mail(self, *, customer_id, subject, body):
        send_mail(subject, body, None, [User.objects.get(pk=customer_id).email])
        return ecomai.ActionResult()
