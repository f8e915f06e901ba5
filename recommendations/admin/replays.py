"""Back-tests: start one, follow it, read what it found."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from ecomai.console.admin import PageAdmin
from ecomai.registry.admin.base import act
from ecomai.registry.models import Job
from ecomai.registry.services import cancel_job

from ..models import Replay
from ..pages import replay as replay_page
from .forms import ReplayForm

FOLDER = "admin/ecomai_recommendations"
PER_PAGE = 25


@admin.register(Replay)
class ReplayAdmin(PageAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("ecomai_recommendations.add_replay"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("", self.viewed(self.list_view), name=self.name_of("changelist")),
            path("add/", self.viewed(self.list_view), name=self.name_of("add")),
            path("<int:pk>/", view(self.report_view), name=self.name_of("change")),
            path("<int:pk>/progress/", view(self.progress_view), name=self.name_of("progress")),
            path("<int:pk>/cancel/", view(self.cancel_view), name=self.name_of("cancel")),
        ]

    def list_view(self, request: HttpRequest) -> HttpResponse:
        may_add = self.has_add_permission(request)
        form = ReplayForm(request.POST if request.method == "POST" and may_add else None)
        if request.method == "POST":
            if not may_add:
                raise PermissionDenied
            if form.is_valid():
                return self._start(request, form)
        rows = Replay.objects.select_related("job", "created_by").order_by("-created_at")
        found = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
        context = {
            "form": form if may_add else None,
            "found": found,
            "rows": [(row, replay_page.described(row.configuration)) for row in found],
            "shadows": replay_page.shadows(),
        }
        return self.page(request, f"{FOLDER}/replays.html", _("Back-tests"), context)

    def _start(self, request: HttpRequest, form: ReplayForm) -> HttpResponse:
        from ..replaying.jobs import start_replay

        return act(
            request, lambda: start_replay(user=request.user, **form.arguments()),
            done=_("The back-test waits for a worker. Its page shows how far it is."),
            back=self.address_of("changelist"),
        )  # fmt: skip

    def _row(self, request: HttpRequest, pk: int) -> Replay:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(Replay.objects.select_related("job"), pk=pk)

    def report_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        replay = self._row(request, pk)
        context = {**replay_page.report_context(replay), "job": _under_way(replay)}
        return self.page(
            request, f"{FOLDER}/replay.html", _("Back-test %(name)s") % {"name": replay}, context
        )

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        replay = self._row(request, pk)
        job = _under_way(replay)
        response = self.part(request, f"{FOLDER}/replay_progress.html", {"replay": replay, "job": job})
        if job is None:
            response["HX-Refresh"] = "true"
        return response

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        replay = self._row(request, pk)
        back = reverse(f"admin:{self.name_of('change')}", args=[pk], current_app=self.admin_site.name)
        job = replay.job
        if request.method != "POST" or job is None:
            return HttpResponseRedirect(back)
        done = _("The back-test is stopped at its next step.")
        return act(request, lambda: cancel_job(job=job, user=request.user), done=done, back=back)


def _under_way(replay: Replay) -> Job | None:
    job = replay.job
    return job if job is not None and job.state not in Job.FINISHED_STATES else None
