"""The inbox: a live list, and one conversation that a person can take over with one click."""

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from ecomai.exceptions import EcomaiError, PermissionDeniedError
from ecomai.private_files import private_file
from ecomai.registry.admin.pages import OwnPages

from ..exceptions import EmptyMessageError
from ..models import Conversation
from ..pages import conversation as conversation_page
from ..pages import figures, inbox, replay, staffing
from ..services import assigning, colleagues
from ..services.conversations import end_conversation
from ..services.handing_over import ANSWER, give_back, pass_on, say_as_agent, take_over
from ..services.transcripts import export_transcript

TEMPLATES = "admin/ecomai_support_bot"
LIST = "admin:ecomai_support_bot_conversation_changelist"


@admin.register(Conversation)
class ConversationAdmin(OwnPages):
    """Conversations are read and answered here; nobody writes or deletes their rows by hand."""

    address_prefix = "ecomai_support_bot_conversation"

    def own_urls(self) -> list[URLPattern]:
        return [
            self.address("list/", self.list_view, "list"),
            self.address("figures/", self.figures_view, "figures"),
            self.address("staffing/", self.staffing_view, "staffing"),
            self.address("presence/", require_POST(self.presence_view), "presence"),
            self.address("<int:pk>/log/", self.log_view, "log"),
            self.address("<int:pk>/file/<uuid:public_id>/", self.file_view, "file"),
            self.address("<int:pk>/suggestions/", self.suggestions_view, "suggestions"),
            self.address("<int:pk>/replay/", self.replay_view, "replay"),
            self.address("<int:pk>/typing/", require_POST(self.typing_view), "typing"),
            self.address("<int:pk>/transcript/", require_POST(self.transcript_view), "transcript"),
            *(
                self.address(f"<int:pk>/{name}/", require_POST(self.act(function)), name)
                for name, function in _ACTS.items()
            ),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    # -- the list ---------------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.check_view(request)
        context = inbox.inbox_context(request.GET, request.user) | inbox.choices_context(request.user)
        return self.page(request, f"{TEMPLATES}/inbox.html", gettext("Inbox"), **context)

    def list_view(self, request: HttpRequest) -> HttpResponse:
        """The list alone, for the page that shows it to stay up to date."""
        self.check_view(request)
        context = inbox.inbox_context(request.GET, request.user)
        return self.page(request, f"{TEMPLATES}/inbox_list.html", "", **context)

    def presence_view(self, request: HttpRequest) -> HttpResponse:
        """Go away, or come back."""
        self.check_answer(request)
        assigning.set_away(request.user, is_away=request.POST.get("away") == "1")
        return HttpResponseRedirect(reverse(LIST))

    # -- how well it goes -------------------------------------------------------------------------

    def figures_view(self, request: HttpRequest) -> HttpResponse:
        self.check_view(request)
        title = gettext("How well conversations go")
        return self.page(request, f"{TEMPLATES}/figures.html", title, **figures.context(request.GET))

    def staffing_view(self, request: HttpRequest) -> HttpResponse:
        self.check_view(request)
        title = gettext("Contacts and staffing")
        return self.page(request, f"{TEMPLATES}/staffing.html", title, **staffing.context())

    # -- one conversation -------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.row(request, object_id)
        title = gettext("Conversation %(number)s") % {"number": row.pk}
        context = conversation_page.context(row, request.user)
        return self.page(request, f"{TEMPLATES}/conversation.html", title, key=uuid.uuid4().hex, **context)

    def log_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What was said alone; nothing while there is no news, so that nothing jumps or loses the focus."""
        row = self.row(request, pk)
        if request.GET.get("seen") == conversation_page.seen_of(row):
            return HttpResponse(status=204)
        context = conversation_page.log_context(row, request.user)
        return self.page(request, f"{TEMPLATES}/conversation_log.html", "", **context)

    def file_view(self, request: HttpRequest, pk: int, public_id: uuid.UUID) -> HttpResponse:
        """A picture of a conversation, for who may see the conversation."""
        found = self.row(request, pk).attachments.filter(public_id=public_id).first()
        if found is None:
            raise Http404
        return private_file(bytes(found.content), found.media_type)

    def suggestions_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Replies that the person may take over; asked for beside the page, as they take a moment."""
        row = self.row(request, pk)
        self.check_answer(request)
        context = conversation_page.suggestions_context(row, request.user)
        return self.page(request, f"{TEMPLATES}/suggestions.html", "", **context)

    def replay_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self.row(request, pk)
        title = gettext("Replay of conversation %(number)s") % {"number": row.pk}
        return self.page(request, f"{TEMPLATES}/replay.html", title, **replay.context(row))

    def typing_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self.row(request, pk)
        self.check_answer(request)
        colleagues.show_typing(row, user=request.user)
        return HttpResponse(status=204)

    def transcript_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self.row(request, pk)
        form = "json" if request.POST.get("form") == "json" else "text"
        try:
            text = export_transcript(row, user=request.user, form=form, is_masked="masked" in request.POST)
        except PermissionDeniedError as error:
            raise PermissionDenied from error
        kind, ending = ("application/json", "json") if form == "json" else ("text/plain", "txt")
        answer = HttpResponse(text, content_type=f"{kind}; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="conversation-{row.pk}.{ending}"'
        return answer

    def act(self, function: Callable[[Conversation, HttpRequest], None]) -> Callable[..., HttpResponse]:
        """Return a view that does something with a conversation, and shows it again."""

        def view(request: HttpRequest, pk: int) -> HttpResponse:
            row = self.row(request, pk)
            self.check_answer(request)
            try:
                function(row, request)
            except EcomaiError as error:
                messages.error(request, str(error))
            return HttpResponseRedirect(
                reverse("admin:ecomai_support_bot_conversation_change", args=[row.pk])
            )

        return view

    def check_answer(self, request: HttpRequest) -> None:
        if not request.user.has_perm(ANSWER):
            raise PermissionDenied


def _take(row: Conversation, request: HttpRequest) -> None:
    take_over(row, user=request.user)


def _say(row: Conversation, request: HttpRequest) -> None:
    text = request.POST.get("text", "").strip()
    if not text:
        raise EmptyMessageError()
    say_as_agent(row, text=text[:10_000], key=f"agent-{request.POST.get('key', '')[:50]}", user=request.user)


def _pass_on(row: Conversation, request: HttpRequest) -> None:
    pass_on(row, user=request.user)


def _give_back(row: Conversation, request: HttpRequest) -> None:
    give_back(row, user=request.user)


def _close(row: Conversation, request: HttpRequest) -> None:
    end_conversation(row)


def _note(row: Conversation, request: HttpRequest) -> None:
    colleagues.add_note(row, text=request.POST.get("text", ""), user=request.user)


def _tag(row: Conversation, request: HttpRequest) -> None:
    pks = [int(each) for each in request.POST.getlist("tags") if each.isdecimal()]
    colleagues.set_tags(row, pks=pks, user=request.user)


_ACTS = {
    "take": _take, "say": _say, "pass-on": _pass_on, "give-back": _give_back, "close": _close,
    "note": _note, "tag": _tag,
}  # fmt: skip
