"""What assessments turned out to be, and who said so."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from ..models import Label
from .base import ReadOnlyAdmin


@admin.register(Label)
class LabelAdmin(ReadOnlyAdmin):
    list_display = (
        "assessment",
        "is_fraud",
        "source",
        "known_at",
        "recorded_at",
        "superseded_at",
        "created_by",
    )
    list_filter = ("is_fraud", "source", "known_at")
    search_fields = ("assessment__external_id", "reference")
    search_help_text = _("The shop's id of what was assessed, or the bank's of the chargeback.")
    ordering = ("-recorded_at", "-id")
    list_select_related = ("assessment", "created_by")
    show_full_result_count = False
