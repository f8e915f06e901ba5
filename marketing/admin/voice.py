"""The admin's pages of the voice of the customer."""

import tempfile
from pathlib import Path
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from ecomai.exceptions import EcomaiError, InvalidInputError, PermissionDeniedError
from ecomai.registry.admin.pages import OwnPages

from ..exceptions import FeedError
from ..models import Aspect, Feedback, FeedSource, VoiceAlarm
from ..pages import voice as pages
from ..services import alarms, feeds, listening

TEMPLATES = "admin/ecomai_marketing/voice"
MOST_BYTES = 20_000_000
LIST = "admin:ecomai_marketing_feedback_changelist"


@admin.register(Feedback)
class FeedbackAdmin(OwnPages):
    """One page of all texts together, and one for each."""

    address_prefix = "ecomai_marketing_voice"

    def own_urls(self) -> list[URLPattern]:
        return [
            self.address("import/", require_POST(self.import_view), "import"),
            self.address("read/", require_POST(self.read_view), "read"),
        ]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.check_view(request)
        context = pages.context(request.GET) | {
            "may_import": request.user.has_perm("ecomai_marketing.import_feedback"),
            "may_see_items": request.user.has_perm("ecomai_commerce.view_item"),
        }
        return self.page(request, f"{TEMPLATES}.html", gettext("Voice of the customer"), **context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.row(request, object_id)
        return self.page(request, f"{TEMPLATES}_text.html", str(row), **pages.text_context(row))

    def import_view(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("ecomai_marketing.import_feedback"):
            raise PermissionDenied
        try:
            counts = _import(request)
        except EcomaiError as error:
            messages.error(request, str(error))
        else:
            text = gettext(
                "%(accepted)s texts were taken, %(duplicate)s were there before, %(rejected)s were set aside."
            )
            messages.success(request, text % counts)
        return HttpResponseRedirect(reverse(LIST))

    def read_view(self, request: HttpRequest) -> HttpResponse:
        try:
            job = listening.start_reading(user=request.user)
        except PermissionDeniedError as error:
            raise PermissionDenied from error
        text = gettext("A worker reads them now.") if job else gettext("It is under way already.")
        messages.success(request, text)
        return HttpResponseRedirect(reverse(LIST))


@admin.register(Aspect)
class AspectAdmin(admin.ModelAdmin):
    list_display = ["name", "slug", "n_words", "is_active"]
    prepopulated_fields = {"slug": ["name"]}
    ordering = ["name"]

    @admin.display(description=_("words"))
    def n_words(self, row: Aspect) -> int:
        return len(row.phrases)


@admin.register(FeedSource)
class FeedSourceAdmin(admin.ModelAdmin):
    list_display = ["name", "url", "is_active", "fetched_at", "n_taken", "problem"]
    readonly_fields = ["fetched_at", "n_taken", "problem"]
    ordering = ["name"]
    actions = ["read_now"]

    @admin.action(description=_("Read the chosen feeds now"), permissions=["change"])
    def read_now(self, request: HttpRequest, queryset: Any) -> None:
        for feed in queryset:
            try:
                n = feeds.read_feed(feed)
            except FeedError as error:
                messages.error(request, str(error))
            else:
                text = gettext("“%(name)s”: %(n)s new texts.")
                messages.success(request, text % {"name": feed.name, "n": n})


@admin.register(VoiceAlarm)
class VoiceAlarmAdmin(OwnPages):
    address_prefix = "ecomai_marketing_voicealarm"
    list_display = ["aspect", "kind", "state", "began_on", "until", "n_negative", "n_expected", "detected_at"]
    list_filter = ["state", "kind", "aspect"]
    list_select_related = ["aspect"]
    ordering = ["-detected_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """They are found, not made."""
        return False

    def own_urls(self) -> list[URLPattern]:
        return [self.address("<int:pk>/mark/<slug:state>/", require_POST(self.mark_view), "mark")]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        alarm = self.row(request, object_id)
        context = pages.alarm_context(alarm) | {
            "may_close": request.user.has_perm("ecomai_marketing.close_voicealarm")
        }
        title = gettext("Customers complain more: %(aspect)s") % {"aspect": alarm.aspect}
        return self.page(request, f"{TEMPLATES}_alarm.html", title, **context)

    def mark_view(self, request: HttpRequest, pk: int, state: str) -> HttpResponse:
        alarm = self.row(request, pk)
        if state not in (VoiceAlarm.State.SEEN, VoiceAlarm.State.CLOSED):
            raise Http404
        try:
            alarms.mark_alarm(alarm=alarm, state=state, user=request.user)
        except PermissionDeniedError as error:
            raise PermissionDenied from error
        return HttpResponseRedirect(reverse("admin:ecomai_marketing_voicealarm_change", args=[pk]))


def _import(request: HttpRequest) -> dict[str, int]:
    """Take the file that was sent with the form."""
    file: Any = request.FILES.get("file")
    source = request.POST.get("source", "")
    if file is None or not file.name.lower().endswith((".csv", ".csv.gz")):
        raise InvalidInputError(reason=gettext("choose a CSV file, gzipped or not."))
    if file.size > MOST_BYTES:
        raise InvalidInputError(
            reason=gettext("the file is larger than %(n)s MB.") % {"n": MOST_BYTES // 1_000_000}
        )
    if source not in Feedback.Source.values:
        raise InvalidInputError(reason=gettext("choose where the texts come from."))
    with tempfile.TemporaryDirectory(prefix="ecomai-feedback-") as folder:
        path = Path(folder) / ("texts.csv.gz" if file.name.lower().endswith(".gz") else "texts.csv")
        with path.open("wb") as target:
            for chunk in file.chunks():
                target.write(chunk)
        return feeds.import_file(path, source=source, name=f"file {Path(file.name).name}")
