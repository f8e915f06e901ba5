"""API keys: made with a form, shown once, rotated and revoked."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.commerce.models import ApiKey
from ecomai.commerce.services import create_api_key, revoke_api_key, rotate_api_key
from ecomai.commerce.services.keys import PUBLISHABLE_SCOPES, SCOPES, clean_origin, is_valid
from ecomai.exceptions import EcomaiError

SCOPE_LABELS: dict[str, Any] = {
    "events:write": gettext_lazy("report what visitors do"),
    "items:write": gettext_lazy("add and change items"),
    "customers:write": gettext_lazy("add and change customers"),
    "orders:write": gettext_lazy("add and change orders"),
    "recommendations:read": gettext_lazy("ask for recommendations"),
    "ads:read": gettext_lazy("ask for advertisements"),
    "chat:write": gettext_lazy("let customers chat"),
    "fusion:write": gettext_lazy("record consent, export and erase customers"),
    "registry:read": gettext_lazy("read models and trainings"),
    "experiments:read": gettext_lazy("read results of experiments"),
    "registry:train": gettext_lazy("ask for trainings"),
    "registry:promote": gettext_lazy("change which version serves"),
    "risk:assess": gettext_lazy("ask whom to trust"),
    "risk:label": gettext_lazy("say what turned out to be fraud"),
    "risk:lists": gettext_lazy("put cards, e-mails and addresses on lists"),
    "marketing:read": gettext_lazy("read the profiles of customers"),
    "feedback:write": gettext_lazy("send what customers write"),
    "bounces:write": gettext_lazy("tell of mails that bounced or brought a complaint"),
    "ads:write": gettext_lazy("write ad groups, start and pause them, and set their budgets"),
    "knowledge:write": gettext_lazy("read, write and remove articles of the support bot"),
}


def scope_choices() -> list[tuple[str, str]]:
    """Each scope in words, with its name for those who write the program."""
    return [(scope, f"{SCOPE_LABELS[scope]} ({scope})") for scope in SCOPES]


class ApiKeyForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("What it may do"),
        choices=scope_choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("A publishable key may only send events and read recommendations."),
    )
    origins = forms.CharField(
        label=gettext_lazy("Addresses of pages"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("For publishable keys: one address a line, such as https://shop.example."),
    )

    class Meta:
        model = ApiKey
        fields = ("name", "kind", "storefront", "scopes", "origins")

    def clean_origins(self) -> list[str]:
        try:
            return [clean_origin(line) for line in self.cleaned_data["origins"].splitlines() if line.strip()]
        except EcomaiError as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        is_publishable = values.get("kind") == ApiKey.Kind.PUBLISHABLE
        if is_publishable and not set(values.get("scopes", ())) <= set(PUBLISHABLE_SCOPES):
            self.add_error("scopes", _("A publishable key may only send events and read recommendations."))
        return values


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):
    form = ApiKeyForm
    list_display = (
        "name",
        "kind",
        "prefix",
        "storefront",
        "shown_state",
        "created_at",
        "expires_at",
        "last_used_at",
    )
    list_filter = ("kind", "storefront")
    search_fields = ("name", "prefix")
    search_help_text = gettext_lazy("The key's name, or how it begins.")
    ordering = ("-created_at",)
    actions = ("rotate", "revoke")

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        if obj is None:
            return ApiKeyForm.Meta.fields
        return (
            "name", "kind", "prefix", "storefront", "shown_scopes", "shown_origins", "shown_state",
            "created_at", "expires_at", "revoked_at", "last_used_at", "replaces",
        )  # fmt: skip

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A key is rotated or revoked, by the actions; it is never edited."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_end_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("ecomai_commerce.change_apikey")

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        values = form.cleaned_data
        key, plaintext = create_api_key(
            name=values["name"],
            kind=values["kind"],
            scopes=values["scopes"],
            origins=values["origins"],
            storefront=values["storefront"],
        )
        obj.pk = key.pk
        self._show_once(request, plaintext)

    @admin.action(
        description=gettext_lazy("Rotate: make a new key, the old one ends later"), permissions=["end"]
    )
    def rotate(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            try:
                _new, plaintext = rotate_api_key(key=key)
            except EcomaiError as error:
                self.message_user(request, str(error), messages.ERROR)
            else:
                self._show_once(request, plaintext)

    @admin.action(description=gettext_lazy("Revoke at once"), permissions=["end"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            revoke_api_key(key=key)
        self.message_user(request, _("The chosen keys do not work any more."), messages.SUCCESS)

    @admin.display(description=gettext_lazy("state"))
    def shown_state(self, key: ApiKey) -> str:
        if key.revoked_at:
            return _("revoked")
        if not is_valid(key):
            return _("ended")
        return _("ends soon") if key.expires_at else _("valid")

    @admin.display(description=gettext_lazy("scopes"))
    def shown_scopes(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(description=gettext_lazy("origins"))
    def shown_origins(self, key: ApiKey) -> str:
        return ", ".join(key.origins) or _("this site alone")

    def _show_once(self, request: HttpRequest, plaintext: str) -> None:
        text = _("Copy the key now; it is not shown again:")
        self.message_user(request, format_html("{} <code>{}</code>", text, plaintext), messages.WARNING)
