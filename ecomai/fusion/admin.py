"""The admin's pages of fusion: customer pictures, the consent ledger, facts, receipts of erasures."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.exceptions import EcomaiError

from . import selectors, services
from .models import ConsentRecord, CustomerPicture, ErasureRequest, Fact, RetrainMark, SessionLink
from .services.erasure import ERASE_PERMISSION
from .services.export import EXPORT_PERMISSION


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that only the services write."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Fact)
class FactAdmin(ReadOnlyAdmin):
    list_display = ["name", "entity", "entity_id", "value", "model_version", "published_at", "expires_at"]
    list_filter = ["name", "entity", "published_at"]
    search_fields = ["entity_id"]
    search_help_text = gettext_lazy("Search by the shop's own id of a customer or an item.")
    ordering = ["-pk"]


@admin.register(ConsentRecord)
class ConsentRecordAdmin(ReadOnlyAdmin):
    list_display = ["purpose", "channel", "is_granted", "whose", "source", "recorded_at"]
    list_filter = ["is_granted", "purpose", "channel", "source", "recorded_at"]
    list_select_related = ["customer"]
    search_fields = ["customer__external_id", "session_id"]
    search_help_text = gettext_lazy("Search by customer or session.")
    ordering = ["-pk"]

    @admin.display(description=gettext_lazy("whose"))
    def whose(self, record: ConsentRecord) -> str:
        return str(record.customer) if record.customer else _("session %(id)s") % {"id": record.session_id}


@admin.register(SessionLink)
class SessionLinkAdmin(ReadOnlyAdmin):
    list_display = ["session_id", "customer", "storefront", "linked_at"]
    list_select_related = ["customer"]
    search_fields = ["session_id", "customer__external_id"]
    ordering = ["-pk"]


@admin.register(ErasureRequest)
class ErasureRequestAdmin(ReadOnlyAdmin):
    list_display = ["short_digest", "state", "n_removed", "requested_by", "requested_at", "finished_at"]
    list_filter = ["state", "requested_at"]
    list_select_related = ["requested_by"]
    search_fields = ["subject_digest"]
    search_help_text = gettext_lazy("Search by the hash of the customer.")
    ordering = ["-pk"]

    fields = [
        "subject_digest", "storefront", "state", "removed", "requested_by", "requested_at", "finished_at",
        "error_message",
    ]  # fmt: skip
    readonly_fields = ["removed"]

    @admin.display(description=gettext_lazy("what was removed"))
    def removed(self, request: ErasureRequest) -> str:
        """The counts as lines; what held nothing is left out."""
        lines = [
            (place, kind.replace("_", " "), n)
            for place, counts in sorted(request.report.items())
            for kind, n in counts.items()
            if n
        ]
        return format_html_join("", "<div>{}: {} ({})</div>", lines) or _("Nothing was there.")

    @admin.display(description=gettext_lazy("customer, as a hash"), ordering="subject_digest")
    def short_digest(self, request: ErasureRequest) -> str:
        return request.subject_digest[:12]

    @admin.display(description=gettext_lazy("rows and files touched"))
    def n_removed(self, request: ErasureRequest) -> int:
        return sum(n for counts in request.report.values() for n in counts.values())


@admin.register(RetrainMark)
class RetrainMarkAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "n_customers", "first_marked_at", "last_marked_at"]
    list_select_related = ["version", "run"]
    ordering = ["-last_marked_at"]


@admin.register(CustomerPicture)
class CustomerPictureAdmin(ReadOnlyAdmin):
    """Everything known of one customer on one page, with export and erasure."""

    list_display = ["external_id", "storefront", "country", "language", "first_seen_at"]
    list_filter = ["storefront", "country", "first_seen_at"]
    search_fields = ["external_id"]
    search_help_text = gettext_lazy("Search by the shop's own id of the customer.")
    ordering = ["-pk"]

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/export/", wrap(self.export_view), name="ecomai_fusion_export"),
            path("<int:pk>/erase/", wrap(self.erase_view), name="ecomai_fusion_erase"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        customer = self.get_object(request, object_id)
        if customer is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined]
        if not self.has_view_permission(request, customer):
            raise PermissionDenied
        context = {
            **self._page_context(request, customer),
            "can_export": request.user.has_perm(EXPORT_PERMISSION),
            "can_erase": request.user.has_perm(ERASE_PERMISSION),
            **selectors.customer_picture(customer),
        }
        return TemplateResponse(request, "ecomai/fusion/customer_picture.html", context)

    def export_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Download the export; by POST, because each one is written to the audit log."""
        customer = get_object_or_404(CustomerPicture, pk=pk)
        if request.method != "POST" or not request.user.has_perm(EXPORT_PERMISSION):
            raise PermissionDenied
        known = services.export_customer(
            storefront=customer.storefront, external_id=customer.external_id, user=request.user
        )
        response = JsonResponse(known, json_dumps_params={"indent": 2, "ensure_ascii": False})
        response["Content-Disposition"] = f'attachment; filename="customer-{customer.pk}.json"'
        response["Cache-Control"] = "no-store"
        return response

    def erase_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for the customer's id as a confirmation, then erase."""
        customer = get_object_or_404(CustomerPicture, pk=pk)
        if not request.user.has_perm(ERASE_PERMISSION):
            raise PermissionDenied
        context = self._page_context(request, customer)
        if request.method == "POST":
            if request.POST.get("confirmation", "") == customer.external_id:
                return self._erase(request, customer)
            context["error"] = _("This is not the customer's id. Nothing was erased.")
        return TemplateResponse(request, "ecomai/fusion/confirm_erasure.html", context)

    def _erase(self, request: HttpRequest, customer: CustomerPicture) -> HttpResponse:
        try:
            receipt = services.erase_customer(
                storefront=customer.storefront, external_id=customer.external_id, user=request.user
            )
        except EcomaiError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:ecomai_fusion_erasurerequest_changelist"))
        text = _("The customer was erased. The receipt is %(digest)s.") % {
            "digest": receipt.subject_digest[:12]
        }
        self.message_user(request, format_html("{}", text), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:ecomai_fusion_erasurerequest_change", args=[receipt.pk]))

    def _page_context(self, request: HttpRequest, customer: CustomerPicture) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Customer %(id)s") % {"id": customer.external_id},
            "customer": customer,
        }
