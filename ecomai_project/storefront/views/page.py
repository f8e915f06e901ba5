"""What every page of the shop shows around its content."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import cached_property
from django.views.generic import TemplateView

from ecomai.commerce.models import Customer
from ecomai_project.storefront import consent, selectors
from ecomai_project.storefront.basket import Basket


class ShopPage(TemplateView):
    """A page with the shop's header: departments, basket, who is logged in, consent."""

    request: HttpRequest

    @cached_property
    def basket(self) -> Basket:
        return Basket(self.request.session)

    @cached_property
    def customer(self) -> Customer | None:
        return selectors.customer_of(self.request)

    @cached_property
    def tree(self) -> list[selectors.Category]:
        return selectors.category_tree()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            departments=self.tree,
            n_in_basket=self.basket.n_units,
            consent=consent.current_answer(self.request),
            has_privacy_signal=consent.has_privacy_signal(self.request),
            consent_wording=consent.wording(),
            **kwargs,
        )
