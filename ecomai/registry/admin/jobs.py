"""Jobs: all background work, with what went wrong and a way to stop or repeat it."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import reverse
from django.urls.resolvers import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.registry import services
from ecomai.registry.models import Job

from .base import ServiceAdmin, act, badge, may, tell_if_waiting
from .runs import duration_text, progress_cell

N_PARTS_SHOWN = 200


class TopLevelFilter(admin.SimpleListFilter):
    """Parts of a larger job are hidden unless they are asked for."""

    title = gettext_lazy("parts")
    parameter_name = "parts"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", gettext_lazy("with the parts of larger jobs"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset if self.value() else queryset.filter(parent__isnull=True)


@admin.register(Job)
class JobAdmin(ServiceAdmin):
    list_display = ("what", "state_badge", "bar", "parts", "took", "created_at")
    list_filter = ("state", "kind", "queue", TopLevelFilter)
    search_fields = ("label", "kind", "error_message", "request_id")
    date_hierarchy = "created_at"
    ordering = ("-pk",)
    empty_text = gettext_lazy("Nothing was asked of the workers yet.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        return (
            super()
            .get_queryset(request)
            .annotate(n_parts=Count("shards"))
            .select_related("parent", "created_by")
        )

    @admin.display(description=gettext_lazy("what"), ordering="label")
    def what(self, job: Job) -> str:
        return str(job)

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badge(self, job: Job) -> str:
        return badge(job.state, job.get_state_display())

    @admin.display(description=gettext_lazy("progress"), ordering="progress")
    def bar(self, job: Job) -> str:
        return progress_cell(job)

    @admin.display(description=gettext_lazy("parts"))
    def parts(self, job: Any) -> str:
        return job.n_parts or ""

    @admin.display(description=gettext_lazy("took"), empty_value="–")
    def took(self, job: Job) -> str | None:
        return duration_text(job)

    def own_urls(self) -> list[URLPattern]:
        return [
            self.address("<int:pk>/cancel/", self.cancel_view, "job_cancel"),
            self.address("<int:pk>/retry/", self.retry_view, "job_retry"),
            self.address("<int:pk>/status/", self.status_view, "job_status"),
            self.address("<int:pk>/cell/", self.cell_view, "job_cell"),
        ]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        job = self.row(request, object_id)
        shards = job.shards.order_by("pk")[:N_PARTS_SHOWN]
        return self.page(request, "job.html", str(job), shards=shards, **self._status(request, job))

    def _status(self, request: HttpRequest, job: Job) -> dict[str, Any]:
        run = getattr(job, "training_run", None)
        return {
            "job": job,
            "run": run,
            "took": duration_text(job),
            "may_act": may(request, "cancel_job") or bool(run and may(request, "request_training")),
            "may_see_traceback": may(request, "view_job_traceback"),
        }

    def status_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The part of the page that is asked for again until the job has ended."""
        return self.page(request, "job_status.html", "", **self._status(request, self.row(request, pk)))

    def cell_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return HttpResponse(progress_cell(self.row(request, pk)))

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        job = self.row(request, pk)
        back = reverse("admin:ecomai_registry_job_change", args=[pk])
        if request.method == "POST":
            done = _("The job stops.")
            return act(request, lambda: services.cancel_job(job=job, user=request.user), done=done, back=back)
        return self.page(
            request, "confirm.html", _("Cancel: %(job)s") % {"job": job},
            label=_("Cancel the job"), back=back,
            question=_("What it has done so far may be lost. Cancel this job?"),
        )  # fmt: skip

    def retry_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        job = self.row(request, pk)
        back = reverse("admin:ecomai_registry_job_change", args=[pk])
        done = _("The job is queued again.")
        answer = act(request, lambda: services.retry_job(job=job, user=request.user), done=done, back=back)
        tell_if_waiting(request, job)
        return answer
