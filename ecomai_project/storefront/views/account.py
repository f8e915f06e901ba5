"""Logging in, consent, and what a customer may see and take away."""

import json
from typing import Any

from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views import View

from ecomai.commerce.models import Customer
from ecomai.commerce.visitors import customer_id_of_login
from ecomai.exceptions import EcomaiError, NotFoundError
from ecomai.fusion.exceptions import SessionTakenError
from ecomai.fusion.selectors import current_consents
from ecomai.fusion.services import erase_customer, export_customer, link_session
from ecomai_project.storefront import consent, personas, selectors
from ecomai_project.storefront.forms import ConsentForm

from .basket import _safe_next
from .page import ShopPage

BACKEND = "django.contrib.auth.backends.ModelBackend"


class WelcomeView(ShopPage):
    """Shop as one of the demo's customers, or log in with a password."""

    template_name = "storefront/welcome.html"

    def post(self, request: HttpRequest) -> HttpResponse:
        form = AuthenticationForm(request, data=request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form), status=422)
        return enter(request, form.get_user())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kwargs.setdefault("form", AuthenticationForm(self.request))
        # The personas come first; a page must not begin in the middle.
        kwargs["form"].fields["username"].widget.attrs.pop("autofocus", None)
        return super().get_context_data(
            personas=personas.list_personas() if personas.is_open() else [], **kwargs
        )


class ShopAsView(View):
    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            user = personas.user_of_persona(request.POST.get("customer", ""))
        except NotFoundError:
            raise Http404 from None
        return enter(request, user)


def enter(request: HttpRequest, user: Any) -> HttpResponse:
    """Log in; what the session did before becomes the customer's, where that was allowed.

    Django empties the session first when somebody else was logged in, so no basket changes hands.
    """
    was_somebody_else = request.user.is_authenticated and request.user.pk != user.pk
    login(request, user, backend=BACKEND)
    name = user.first_name or user.get_username()
    messages.success(request, _("Welcome back, %(name)s.") % {"name": name})
    response = redirect("storefront:home")
    customer = selectors.customer_of(request)
    if was_somebody_else:
        consent.forget_visit(response)
    elif customer and consent.current_answer(request) == consent.GRANTED:
        _link_visit(request, response, customer)
    return response


def _link_visit(request: HttpRequest, response: HttpResponse, customer: Customer) -> None:
    try:
        for session_id in consent.visit_ids(request):
            link_session(session_id=session_id, customer=customer)
    except SessionTakenError:
        # The browser was another customer's before: this one begins a visit of their own.
        consent.forget_visit(response)


class LogOutView(View):
    def post(self, request: HttpRequest) -> HttpResponse:
        logout(request)
        response = redirect("storefront:home")
        consent.forget_visit(response)
        return response


class ConsentView(View):
    def post(self, request: HttpRequest) -> HttpResponse:
        form = ConsentForm(request.POST)
        if not form.is_valid():
            raise Http404
        is_granted = form.cleaned_data["is_granted"] and not consent.has_privacy_signal(request)
        consent.answer(request, is_granted=is_granted, customer=selectors.customer_of(request))
        response = redirect(_safe_next(request))
        if not is_granted:
            consent.forget_visit(response)
        return response


class MyDataView(ShopPage):
    template_name = "storefront/my_data.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        customer = self.customer
        return super().get_context_data(
            customer=customer,
            orders=list(selectors.orders_of(customer)) if customer else [],
            n_events=customer.events.count() if customer else 0,
            consents=list(current_consents(customer=customer)) if customer else [],
            **kwargs,
        )


class ExportView(View):
    """Everything known of the customer who is logged in, as a file."""

    def post(self, request: HttpRequest) -> HttpResponse:
        content = export_customer(storefront="", external_id=_own_id(request), actor_label="customer")
        body = json.dumps(content, ensure_ascii=False, indent=2, default=str)
        response = HttpResponse(body, content_type="application/json; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="my-data.json"'
        return response


class EraseView(View):
    def post(self, request: HttpRequest) -> HttpResponse:
        external_id = _own_id(request)
        if request.POST.get("is_sure") != "yes":
            messages.error(request, _("Please tick that you are sure; an erasure cannot be undone."))
            return redirect("storefront:my-data")
        user = request.user
        try:
            erase_customer(storefront="", external_id=external_id, actor_label="customer")
        except EcomaiError as error:
            messages.error(request, str(error))
            return redirect("storefront:my-data")
        logout(request)
        user.delete()
        personas.forget()
        messages.success(request, _("Everything we knew about you has been erased."))
        response = redirect("storefront:home")
        consent.forget_visit(response)
        return response


def _own_id(request: HttpRequest) -> str:
    if external_id := customer_id_of_login(request):
        return external_id
    raise PermissionDenied
