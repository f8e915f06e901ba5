"""Oscar's last step of the checkout: an order is assessed, and goes on, waits for a proof, or not at all.

An order that people should look at is placed; ecomai holds it through the adapter until they decided.
"""

import secrets
from typing import Any

from django.contrib import messages
from django.core.mail import send_mail
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.generic import TemplateView
from oscar.apps.checkout import views
from oscar.apps.checkout.mixins import OrderPlacementMixin
from oscar.apps.payment.exceptions import RedirectRequired, UnableToTakePayment

from .asking import assess_order

#: In the visit: how often a basket was not let through, the mailed code, and the basket it was right for.
ATTEMPTS, CODE, CONFIRMED = "checkout_attempts", "checkout_code", "checkout_confirmed"
MOST_TRIES = 5


class PaymentDetailsView(views.PaymentDetailsView):
    def generate_order_number(self, basket: Any) -> str:
        """An order that was changed after a refusal is another question, so it has another number."""
        number = str(super().generate_order_number(basket))
        n_before = self.request.session.get(ATTEMPTS, {}).get(str(basket.pk), 0)
        return f"{number}-{n_before + 1}" if n_before else number

    def handle_payment(self, order_number: str, total: Any, **kwargs: Any) -> None:
        """Before any money is taken."""
        basket = self.get_submitted_basket()
        basket.strategy = self.request.strategy
        answer = assess_order(
            self.request, order_number=order_number, amount=total.incl_tax, basket=basket,
            email=email_of(self), address=self.get_shipping_address(basket),
        )  # fmt: skip
        if answer.decision == "decline":
            self._count(basket)
            raise UnableToTakePayment(_("We cannot accept this order. Please write to us if we are wrong."))
        if answer.decision == "step_up" and self.request.session.get(CONFIRMED) != basket.pk:
            self._count(basket)
            mail_code(self, basket)
            raise RedirectRequired(reverse("checkout:confirm"))
        super().handle_payment(order_number, total, **kwargs)

    def _count(self, basket: Any) -> None:
        attempts = self.request.session.get(ATTEMPTS, {})
        attempts[str(basket.pk)] = attempts.get(str(basket.pk), 0) + 1
        self.request.session[ATTEMPTS] = attempts


class ConfirmView(OrderPlacementMixin, TemplateView):
    """Whoever can read the mail of the order is the one who orders."""

    template_name = "oscar/checkout/confirm.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if CODE not in request.session:
            return redirect("checkout:index")
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest) -> HttpResponse:
        expected = request.session[CODE]
        if constant_time_compare(request.POST.get("code", "").strip(), expected["code"]):
            request.session[CONFIRMED] = expected["basket"]
            messages.success(request, _("Thank you. Place the order now."))
            return self._back("checkout:preview")
        expected["n_tries"] += 1
        request.session[CODE] = expected
        if expected["n_tries"] >= MOST_TRIES:
            messages.error(request, _("That was not the code. We sent you nothing more; please begin again."))
            return self._back("basket:summary")
        messages.error(request, _("That was not the code. Please look at the mail again."))
        return redirect("checkout:confirm")

    def _back(self, page: str) -> HttpResponse:
        """Open the basket again, so that it can be ordered or changed."""
        del self.request.session[CODE]
        self.restore_frozen_basket()
        return redirect(page)


def email_of(view: Any) -> str:
    user = view.request.user
    return user.email if user.is_authenticated else (view.checkout_session.get_guest_email() or "")


def mail_code(view: Any, basket: Any) -> None:
    code = f"{secrets.randbelow(10**6):06d}"
    view.request.session[CODE] = {"code": code, "basket": basket.pk, "n_tries": 0}
    send_mail(
        _("Please confirm your order"),
        _("Somebody ordered with this e-mail address. If it was you, enter this code: %(code)s")
        % {"code": code},
        None,
        [email_of(view)],
    )
