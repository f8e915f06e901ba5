"""Rows that could not be taken: what was wrong, and buttons to offer them again or set them aside."""

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ecomai.commerce.models import RejectedRow
from ecomai.commerce.services import dismiss_rejected, replay_rejected
from ecomai.exceptions import EcomaiError

from .base import EstimatingPaginator, ReadOnlyAdmin, StorefrontFilter

MAX_REASON = 90


class StateFilter(admin.SimpleListFilter):
    """Shows what waits for a decision, unless something else is asked for."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*RejectedRow.State.choices, ("all", gettext_lazy("all"))]

    def choices(self, changelist: Any) -> Any:
        for value, title in self.lookup_choices:
            yield {
                "selected": (self.value() or RejectedRow.State.WAITING) == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": title,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        state = self.value() or RejectedRow.State.WAITING
        return queryset if state == "all" else queryset.filter(state=state)


@admin.register(RejectedRow)
class RejectedRowAdmin(ReadOnlyAdmin):
    list_display = ("short_reason", "code", "kind", "source", "row_number", "state", "received_at")
    list_filter = (StateFilter, "kind", "code", StorefrontFilter)
    search_fields = ("source", "reason")
    search_help_text = gettext_lazy("A part of the file's name, the endpoint or the reason.")
    ordering = ("-received_at",)
    paginator = EstimatingPaginator
    actions = ("replay", "dismiss")
    fields = (
        "reason", "code", "kind", "source", "row_number", "storefront", "shown_payload", "state",
        "received_at", "resolved_at", "resolved_by",
    )  # fmt: skip

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("ecomai_commerce.change_rejectedrow")

    @admin.display(description=gettext_lazy("reason"), ordering="reason")
    def short_reason(self, row: RejectedRow) -> str:
        """As much as a column can hold; the row's own page has it all."""
        return Truncator(row.reason).chars(MAX_REASON)

    @admin.display(description=gettext_lazy("row as it came"))
    def shown_payload(self, row: RejectedRow) -> str:
        return format_html("<pre>{}</pre>", json.dumps(row.payload, indent=2, ensure_ascii=False))

    @admin.action(description=gettext_lazy("Offer the chosen rows again"), permissions=["resolve"])
    def replay(self, request: HttpRequest, queryset: QuerySet[RejectedRow]) -> None:
        try:
            counts = replay_rejected(rows=queryset, user=request.user)
        except EcomaiError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        text = _("Rows taken: %(replayed)s. Rows still not right: %(still_rejected)s.") % counts
        self.message_user(request, text, messages.WARNING if counts["still_rejected"] else messages.SUCCESS)

    @admin.action(description=gettext_lazy("Set the chosen rows aside for good"), permissions=["resolve"])
    def dismiss(self, request: HttpRequest, queryset: QuerySet[RejectedRow]) -> None:
        count = dismiss_rejected(rows=queryset, user=request.user)
        text = ngettext("%(count)s row was set aside.", "%(count)s rows were set aside.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS)
