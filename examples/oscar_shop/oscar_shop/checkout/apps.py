from typing import Any

from django.urls import path
from oscar.apps.checkout.apps import CheckoutConfig as CoreConfig
from oscar.core.loading import get_class


class CheckoutConfig(CoreConfig):
    """Oscar's checkout, which asks for an assessment before an order is placed."""

    name = "oscar_shop.checkout"

    def get_urls(self) -> list[Any]:
        confirm = get_class("checkout.views", "ConfirmView").as_view()
        return [*super().get_urls(), *self.post_process_urls([path("confirm/", confirm, name="confirm")])]
