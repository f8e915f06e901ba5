"""Training runs: the list, and the page that moves while a training does."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.urls.resolvers import URLPattern
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.registry import selectors, services
from ecomai.registry.comparisons import version_rows
from ecomai.registry.models import Job, TrainingRun

from .base import ServiceAdmin, act, badge, may, tell_if_waiting
from .filters import JobStateFilter, ModelFilter, ScheduledFilter
from .models import permissions, verbose_name_of, verdict_of


@admin.register(TrainingRun)
class TrainingRunAdmin(ServiceAdmin):
    list_display = ("what", "state", "progress", "made", "created_at", "took")
    list_filter = (ModelFilter, JobStateFilter, ScheduledFilter)
    search_fields = ("model_name", "job__error_message", "job__progress_message")
    date_hierarchy = "created_at"
    ordering = ("-pk",)
    empty_text = gettext_lazy("No model was trained yet. Open the list of models and press “Retrain”.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[TrainingRun]:
        return super().get_queryset(request).select_related("job__created_by", "version")

    @admin.display(description=gettext_lazy("run"), ordering="pk")
    def what(self, run: TrainingRun) -> str:
        return f"#{run.pk} {verbose_name_of(run.model_name)}"

    @admin.display(description=gettext_lazy("state"), ordering="job__state")
    def state(self, run: TrainingRun) -> str:
        return badge(run.job.state, run.job.get_state_display())

    @admin.display(description=gettext_lazy("progress"), ordering="job__progress")
    def progress(self, run: TrainingRun) -> str:
        return progress_cell(run.job, run)

    @admin.display(description=gettext_lazy("version"), empty_value="–")
    def made(self, run: TrainingRun) -> str | None:
        if run.version is None:
            return None
        url = reverse("admin:ecomai_registry_modelversion_change", args=[run.version.pk])
        return format_html('<a href="{}">v{}</a>', url, run.version.number)

    @admin.display(description=gettext_lazy("took"), empty_value="–")
    def took(self, run: TrainingRun) -> str | None:
        return duration_text(run.job)

    # -- the page of a run --

    def own_urls(self) -> list[URLPattern]:
        return [
            self.address("<int:pk>/status/", self.status_view, "run_status"),
            self.address("<int:pk>/curve/", self.curve_view, "run_curve"),
            self.address("<int:pk>/cell/", self.cell_view, "run_cell"),
            self.address("<int:pk>/cancel/", self.cancel_view, "run_cancel"),
            self.address("<int:pk>/retry/", self.retry_view, "run_retry"),
        ]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        run = self.row(request, object_id)
        title = _("Training run %(number)s: %(model)s") % {
            "number": run.pk,
            "model": verbose_name_of(run.model_name),
        }
        curve = selectors.training_curve(run)
        return self.page(
            request,
            "run.html",
            title,
            curve=curve,
            n_points=len(curve),
            **self._status(request, run),
        )

    def _status(self, request: HttpRequest, run: TrainingRun) -> dict[str, Any]:
        return {
            "run": run,
            "job": run.job,
            "may": permissions(request),
            "may_see_traceback": may(request, "view_job_traceback"),
            "took": duration_text(run.job),
            "rows": version_rows(run.version) if run.version else [],
            "verdict": verdict_of(run.version) if run.version else None,
        }

    def status_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The part of the page that is asked for again while the training runs."""
        run = self.row(request, pk)
        return self.page(request, "run_status.html", "", **self._status(request, run))

    def curve_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The curves; 204, which leaves the page alone, while there is no new point."""
        run = self.row(request, pk)
        curve = selectors.training_curve(run)
        if request.GET.get("seen") == str(len(curve)) and not run.job.is_finished:
            return HttpResponse(status=204)
        return self.page(
            request, "run_curve.html", "", run=run, job=run.job, curve=curve, n_points=len(curve)
        )

    def cell_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        run = self.row(request, pk)
        return HttpResponse(progress_cell(run.job, run))

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        run = self.row(request, pk)
        back = reverse("admin:ecomai_registry_trainingrun_change", args=[pk])
        if request.method == "POST":
            done = _("The training stops; nothing of it is kept.")
            return act(
                request, lambda: services.cancel_training(run=run, user=request.user), done=done, back=back
            )
        question = _("What was learned in this run so far is lost. Cancel the training?")
        title = _("Cancel training run %(number)s") % {"number": pk}
        return self.page(
            request, "confirm.html", title, question=question, label=_("Cancel the training"), back=back
        )

    def retry_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        run = self.row(request, pk)
        started: list[TrainingRun] = []
        answer = act(
            request,
            lambda: started.append(services.retry_training(run=run, user=request.user)),
            done=_("The training is queued again, and goes on from where it stopped."),
            back=reverse("admin:ecomai_registry_trainingrun_change", args=[pk]),
        )
        if not started:
            return answer
        tell_if_waiting(request, started[0].job)
        return HttpResponseRedirect(reverse("admin:ecomai_registry_trainingrun_change", args=[started[0].pk]))


def progress_cell(job: Job, run: TrainingRun | None = None) -> str:
    """A progress bar that asks for itself again until the job, or the run's job, has ended."""
    return render_to_string("ecomai/registry/progress_cell.html", {"run": run, "job": job})


def duration_text(job: Job) -> str | None:
    """How long a job took, or has been running."""
    from django.utils import timezone

    if job.started_at is None:
        return None
    seconds = round(((job.finished_at or timezone.now()) - job.started_at).total_seconds())
    minutes, seconds = divmod(max(seconds, 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
