"""The audit log: who did what. It is read, never written, here."""

import json

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.registry.audit_texts import action_label, subject_label
from ecomai.registry.models import AuditEntry

from .base import ServiceAdmin
from .filters import ActionFilter

MAX_DETAILS = 60


@admin.register(AuditEntry)
class AuditEntryAdmin(ServiceAdmin):
    list_display = ("created_at", "actor_label", "act", "subject_name", "details_text")
    list_display_links = None
    list_filter = (ActionFilter,)
    search_fields = ("subject", "actor_label", "request_id")
    date_hierarchy = "created_at"
    ordering = ("-pk",)
    empty_text = gettext_lazy("Nobody has done anything yet that is written down here.")

    @admin.display(description=gettext_lazy("what"), ordering="action")
    def act(self, entry: AuditEntry) -> str:
        return action_label(entry.action)

    @admin.display(description=gettext_lazy("subject"), ordering="subject")
    def subject_name(self, entry: AuditEntry) -> str:
        return subject_label(entry.subject)

    @admin.display(description=gettext_lazy("details"))
    def details_text(self, entry: AuditEntry) -> str:
        """What fits on a line; what is longer folds open."""
        text = json.dumps(entry.details, ensure_ascii=False) if entry.details else ""
        if len(text) <= MAX_DETAILS:
            return format_html("<code>{}</code>", text) if text else ""
        whole = json.dumps(entry.details, ensure_ascii=False, indent=2)
        return format_html(
            '<details><summary>{}</summary><pre class="ecomai-pre">{}</pre></details>', _("Show"), whole
        )
