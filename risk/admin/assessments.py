"""Every assessment that was given, to be read."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.money import format_money
from ecomai.numbers import format_percent

from ..models import Assessment
from .base import ReadOnlyAdmin


@admin.register(Assessment)
class AssessmentAdmin(ReadOnlyAdmin):
    list_display = (
        "external_id", "kind", "customer_external_id", "shown_amount", "shown_probability", "decision",
        "wanted_decision", "is_shadow", "answered_by", "is_fraud", "received_at",
    )  # fmt: skip
    list_filter = ("kind", "decision", "is_shadow", "answered_by", "is_fraud", "received_at")
    search_fields = ("external_id", "customer_external_id")
    search_help_text = _("The shop's id of the order, login or review, or of the customer.")
    ordering = ("-received_at", "-id")
    list_select_related = ("model_version", "policy")
    show_full_result_count = False
    exclude = ("digest", "features", "request_id")

    @admin.display(description=_("amount"), ordering="amount_reporting")
    def shown_amount(self, row: Assessment) -> str:
        return format_money(row.amount, row.currency)

    @admin.display(description=_("probability"), ordering="probability")
    def shown_probability(self, row: Assessment) -> str:
        return format_percent(row.probability, 1, unknown="-")
