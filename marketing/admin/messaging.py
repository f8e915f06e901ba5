"""The admin's pages of topics, webhooks of campaigns, and addresses that are not written to."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ecomai.console import webhooks
from ecomai.console.alerting import new_secret
from ecomai.console.exceptions import WebhookAddressError
from ecomai.registry.admin.confirming import ConfirmedAction, ask_then_act
from ecomai.registry.admin.pages import OwnPages
from ecomai.registry.services.access import write_audit

from ..mails import is_address
from ..models import Suppression, Topic, WebhookEndpoint
from ..services import suppressing

LIFT = ConfirmedAction(
    label=_("Write to it again"),
    question=_("Messages go to this address again, unless its customer refuses them. Do so?"),
    done=_("The address is written to again."),
    perform=suppressing.lift_suppression,
)


@admin.register(Topic)
class TopicAdmin(admin.ModelAdmin):
    list_display = ["name", "slug", "description", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    actions = None

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Answers of customers stand in the ledger under it."""
        return ["slug"] if obj else []

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        return {} if obj else dict(self.prepopulated_fields)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """One that is not in use any more is switched off."""
        return False


class EndpointForm(forms.ModelForm):
    is_new_secret = forms.BooleanField(
        label=_("Make a new secret"), required=False, help_text=_("Messages are signed with it from then on.")
    )

    class Meta:
        model = WebhookEndpoint
        fields = ("name", "url", "is_active")

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"].strip()
        try:
            webhooks.check_url(url)
        except WebhookAddressError as error:
            raise forms.ValidationError(str(error)) from error
        return url


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(admin.ModelAdmin):
    form = EndpointForm
    list_display = ["name", "host", "is_active", "created_at"]
    list_filter = ["is_active"]
    search_fields = ["name"]
    fields = ["name", "url", "is_active", "is_new_secret"]
    actions = None

    @admin.display(description=_("host"))
    def host(self, endpoint: WebhookEndpoint) -> str:
        """Its path may be a secret of its own."""
        return endpoint.url.partition("://")[2].partition("/")[0]

    def save_model(self, request: HttpRequest, obj: WebhookEndpoint, form: Any, change: bool) -> None:
        needs_secret = not obj.secret or form.cleaned_data["is_new_secret"]
        if needs_secret:
            obj.secret = new_secret()
        super().save_model(request, obj, form, change)
        write_audit(action="webhook_changed" if change else "webhook_created", subject=obj, user=request.user)
        if needs_secret:
            text = gettext("The webhook's secret is %(secret)s. Copy it now: it is not shown again.")
            messages.warning(request, text % {"secret": obj.secret})

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Campaigns that used it name it."""
        return False


@admin.register(Suppression)
class SuppressionAdmin(OwnPages):
    """Found by the customer's id, or by the whole address, of which a hash is kept."""

    address_prefix = "ecomai_marketing_suppression"
    list_display = ["kind", "customer", "reason", "created_at", "state"]
    list_display_links = None
    list_filter = ["kind", "created_at", ("lifted_at", admin.EmptyFieldListFilter)]
    list_select_related = ["customer"]
    search_fields = ["customer__external_id"]
    search_help_text = _("A customer's id, or a whole address")
    ordering = ["-pk"]
    actions = None
    fields = ["kind", "customer", "reason", "created_at", "lifted_at", "lifted_by"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Suppression], search_term: str
    ) -> tuple[QuerySet[Suppression], bool]:
        if "@" in search_term and is_address(search_term.strip()):
            return queryset.filter(address_digest=suppressing.digest_of(search_term)), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description=_("state"))
    def state(self, row: Suppression) -> str:
        if row.lifted_at:
            return gettext("lifted")
        return format_html(
            '<a href="{}">{}</a>',
            reverse("admin:ecomai_marketing_suppression_lift", args=[row.pk]),
            LIFT.label,
        )

    def own_urls(self) -> list[URLPattern]:
        return [self.address("<int:pk>/lift/", self.lift_view, "lift")]

    def lift_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        suppression = self.row(request, pk)
        if not request.user.has_perm("ecomai_marketing.lift_suppression"):
            raise PermissionDenied
        return ask_then_act(
            self, request, LIFT, about=suppression,
            back=reverse("admin:ecomai_marketing_suppression_changelist"),
            suppression=suppression, user=request.user,
        )  # fmt: skip
