"""Pages that Oscar does not have: home, consent, what is known of a customer, and the demo's customers."""

import json
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView, View
from oscar.core.loading import get_model

from ecomai.commerce.visitors import customer_id_of_login
from ecomai.exceptions import EcomaiError
from ecomai.fusion.selectors import current_consents
from ecomai.fusion.services import erase_customer, export_customer

from . import consent, personas

Category = get_model("catalogue", "Category")
Product = get_model("catalogue", "Product")
BACKEND = "django.contrib.auth.backends.ModelBackend"
N_NEWEST = 8


class HomeView(TemplateView):
    template_name = "oscar_shop/home.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        newest = Product.objects.browsable().base_queryset().order_by("-date_created")[:N_NEWEST]
        return super().get_context_data(
            newest=newest,
            departments=Category.get_root_nodes().filter(is_public=True),
            has_personas=personas.are_open(self.request),
            **kwargs,
        )


class ConsentView(View):
    def post(self, request: HttpRequest) -> HttpResponse:
        is_granted = request.POST.get("is_granted") == "yes" and not consent.has_privacy_signal(request)
        consent.answer(request, is_granted=is_granted)
        response = redirect(_page_before(request))
        if not is_granted:
            consent.forget_visit(response)
        return response


class MyDataView(LoginRequiredMixin, TemplateView):
    """What ecomai knows of the customer, as one of Oscar's account pages."""

    template_name = "oscar_shop/my_data.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        customer = consent.customer_of(self.request)
        return super().get_context_data(
            page_title=_("My data"),
            active_tab="my-data",
            customer=customer,
            n_orders=customer.orders.count() if customer else 0,
            n_events=customer.events.count() if customer else 0,
            latest=customer.events.select_related("item").order_by("-occurred_at")[:8] if customer else [],
            consents=list(current_consents(customer=customer)) if customer else [],
            **kwargs,
        )


class ExportView(LoginRequiredMixin, View):
    """Everything known of the customer who is logged in, as a file."""

    def post(self, request: HttpRequest) -> HttpResponse:
        content = export_customer(storefront="", external_id=_own_id(request), actor_label="customer")
        body = json.dumps(content, ensure_ascii=False, indent=2, default=str)
        response = HttpResponse(body, content_type="application/json; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="my-data.json"'
        return response


class EraseView(LoginRequiredMixin, View):
    """Forget the customer everywhere; the account goes too, as a later back-fill would bring it back."""

    def post(self, request: HttpRequest) -> HttpResponse:
        external_id, user = _own_id(request), request.user
        if request.POST.get("is_sure") != "yes":
            messages.error(request, _("Please tick that you are sure; an erasure cannot be undone."))
            return redirect("my-data")
        try:
            erase_customer(storefront="", external_id=external_id, actor_label="customer")
        except EcomaiError as error:
            messages.error(request, str(error))
            return redirect("my-data")
        logout(request)
        user.delete()
        personas.forget()
        messages.success(request, _("Everything we knew about you has been erased."))
        response = redirect("shop-home")
        consent.forget_visit(response)
        return response


class PersonasView(TemplateView):
    """Shop as one of the demo's customers."""

    template_name = "oscar_shop/personas.html"
    extra_context = {"page_title": gettext_lazy("Demo customers")}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not personas.are_open(request):
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(personas=personas.list_personas(), **kwargs)

    def post(self, request: HttpRequest) -> HttpResponse:
        user = personas.user_of(request.POST.get("user", ""))
        if user is None:
            raise Http404
        was_somebody_else = request.user.is_authenticated and request.user.pk != user.pk
        if was_somebody_else:
            logout(request)  # no basket and no visit changes hands
        login(request, user, backend=BACKEND)
        messages.success(request, _("Welcome back, %(name)s.") % {"name": user.first_name})
        response = redirect("shop-home")
        if was_somebody_else:
            consent.forget_visit(response)
        return response


def _own_id(request: HttpRequest) -> str:
    if external_id := customer_id_of_login(request):
        return external_id
    raise Http404


def _page_before(request: HttpRequest) -> str:
    address = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return address if is_ours else str(settings.OSCAR_HOMEPAGE)
