"""The audit log: who did what. It is read, never written, here."""

import json

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls.resolvers import URLPattern
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.registry.audit_chain import exported_lines, verify_audit_log
from ecomai.registry.audit_texts import action_label, subject_label
from ecomai.registry.models import AuditEntry

from .base import ServiceAdmin
from .filters import ActionFilter

MAX_DETAILS = 60
#: So many are compared while somebody waits for the page; the command compares all.
NEWEST_BLOCKS = 100


@admin.register(AuditEntry)
class AuditEntryAdmin(ServiceAdmin):
    change_list_template = "ecomai/registry/audit_list.html"
    list_display = ("created_at", "actor_label", "act", "subject_name", "details_text")
    list_display_links = None
    list_filter = (ActionFilter,)
    search_fields = ("subject", "actor_label", "request_id")
    date_hierarchy = "created_at"
    ordering = ("-pk",)
    empty_text = gettext_lazy("Nobody has done anything yet that is written down here.")

    def own_urls(self) -> list[URLPattern]:
        return [
            self.address("verify/", self.verify_view, "audit_verify"),
            self.address("log.jsonl", self.export_view, "audit_export"),
        ]

    def verify_view(self, request: HttpRequest) -> HttpResponse:
        self.check_view(request)
        return self.page(
            request,
            "audit_verify.html",
            _("Is the audit log whole?"),
            report=verify_audit_log(n_newest=NEWEST_BLOCKS),
            n_newest=NEWEST_BLOCKS,
        )

    def export_view(self, request: HttpRequest) -> HttpResponse:
        self.check_view(request)
        name = f"ecomai-audit-{timezone.localdate():%Y-%m-%d}.jsonl"
        return StreamingHttpResponse(  # type: ignore[return-value]
            exported_lines(), content_type="application/jsonl; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )  # fmt: skip

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
