"""The admin's page of what the bot did for customers."""

from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from ecomai.registry.admin.base import ServiceAdmin, badge

from ..models import ToolCall

State = ToolCall.State
BADGES = {
    State.PROPOSED: "waiting", State.WITHDRAWN: "draft", State.RUNNING: "running", State.DONE: "succeeded",
    State.REFUSED: "stopped", State.UNCLEAR: "failed",
}  # fmt: skip


@admin.register(ToolCall)
class ToolCallAdmin(ServiceAdmin):
    """What was asked, what came of it, and for whom; nobody changes it here."""

    address_prefix = "ecomai_support_bot_toolcall"
    list_display = ("proposed_at", "tool", "conversation_number", "summary", "state_badge", "problem")
    list_filter = ("state", "tool")
    date_hierarchy = "proposed_at"
    ordering = ("-proposed_at",)
    list_select_related = ("conversation",)
    fields = (
        "tool", "conversation", "arguments", "summary", "state", "result", "problem", "proposed_at",
        "started_at", "ended_at",
    )  # fmt: skip
    empty_text = gettext_lazy("The bot has not been asked to change anything yet.")

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badge(self, call: ToolCall) -> SafeString:
        return badge(BADGES[State(call.state)], call.get_state_display())

    @admin.display(description=gettext_lazy("conversation"), ordering="conversation")
    def conversation_number(self, call: Any) -> int:
        return int(call.conversation_id)
