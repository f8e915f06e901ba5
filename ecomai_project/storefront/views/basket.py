"""Basket, checkout and thanks."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views import View

from ecomai.commerce.models import Item, Order
from ecomai.exceptions import EcomaiError
from ecomai_project.storefront import consent, selectors, services
from ecomai_project.storefront.basket import Basket
from ecomai_project.storefront.forms import QuantityForm

from .page import ShopPage

PLACED_ORDERS_KEY = "placed_orders"


class BasketView(ShopPage):
    template_name = "storefront/basket.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        lines = self.basket.lines()
        return super().get_context_data(
            lines=lines,
            item_ids=[line.item.external_id for line in lines],
            total=sum(line.total for line in lines),
            currency=lines[0].item.currency if lines else "",
            can_order=bool(lines) and all(line.is_available for line in lines),
            checkout_key=self.basket.checkout_key() if lines else "",
            **kwargs,
        )


class AddView(View):
    def post(self, request: HttpRequest) -> HttpResponse:
        form = QuantityForm(request.POST)
        if not form.is_valid():
            raise Http404
        item = get_object_or_404(selectors.items_on_sale(), external_id=form.cleaned_data["item"])
        if item.is_in_stock:
            Basket(request.session).add(item, form.cleaned_data["quantity"] or 1)
            messages.success(request, _("“%(title)s” is in your basket.") % {"title": item.title})
        else:
            messages.error(request, _("“%(title)s” is sold out at the moment.") % {"title": item.title})
        return redirect(_safe_next(request))


class ChangeView(View):
    def post(self, request: HttpRequest) -> HttpResponse:
        form = QuantityForm(request.POST)
        if form.is_valid() and form.cleaned_data["quantity"] is not None:
            Basket(request.session).set(form.cleaned_data["item"], form.cleaned_data["quantity"])
        return redirect("storefront:basket")


class CheckoutView(View):
    def post(self, request: HttpRequest) -> HttpResponse:
        basket = Basket(request.session)
        key = request.POST.get("checkout_key", "")
        placed = request.session.get(PLACED_ORDERS_KEY, [])
        if (order_id := services.order_id_of(key)) in placed:
            return redirect("storefront:thanks", order_id=order_id)
        if not key or key != basket.checkout_key():
            messages.error(request, _("Your basket has changed meanwhile. Please look at it once more."))
            return redirect("storefront:basket")
        try:
            order_id = services.place_order(
                lines=basket.lines(),
                checkout_key=key,
                customer=selectors.customer_of(request),
                session_id=consent.visitor_id(request),
            )
        except EcomaiError as error:
            messages.error(request, str(error))
            return redirect("storefront:basket")
        basket.empty()
        request.session[PLACED_ORDERS_KEY] = [*placed, order_id][-20:]
        return redirect("storefront:thanks", order_id=order_id)


class ThanksView(ShopPage):
    """An order that this visitor placed in this session; anybody else's does not exist here."""

    template_name = "storefront/thanks.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        if kwargs["order_id"] not in self.request.session.get(PLACED_ORDERS_KEY, []):
            raise Http404
        orders = Order.objects.filter(storefront="").prefetch_related("lines__item")
        order = get_object_or_404(orders, external_id=kwargs["order_id"])
        bought: list[Item] = [line.item for line in order.lines.all() if line.item]
        return super().get_context_data(
            order=order, item_ids=[item.external_id for item in bought], items=bought, **kwargs
        )


def _safe_next(request: HttpRequest) -> str:
    target = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        return target
    return "storefront:basket"
