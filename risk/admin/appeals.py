"""What customers say against decisions; they are answered on the page of the case."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..models import Appeal
from .base import ReadOnlyAdmin


@admin.register(Appeal)
class AppealAdmin(ReadOnlyAdmin):
    list_display = ("assessment", "state", "created_at", "answered_at", "answered_by", "case_link")
    list_filter = ("state", "assessment__kind", "created_at")
    search_fields = ("assessment__external_id", "assessment__customer_external_id")
    search_help_text = _("The shop's id of what was decided, or of the customer.")
    ordering = ("-created_at",)
    list_select_related = ("assessment__case", "answered_by")
    show_full_result_count = False

    @admin.display(description=_("case"))
    def case_link(self, appeal: Appeal) -> SafeString | str:
        case = getattr(appeal.assessment, "case", None)
        if case is None:
            return "–"
        address = reverse("admin:ecomai_risk_case_change", args=[case.pk])
        return format_html('<a href="{}">{}</a>', address, _("Open the case"))
