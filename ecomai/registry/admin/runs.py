"""Training runs: the list, and the page that moves while a training does."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.urls.resolvers import URLPattern
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.registry import selectors, services, training_logs
from ecomai.registry.comparisons import version_rows
from ecomai.registry.models import Job, RunTrial, TrainingRun
from ecomai.registry.runs import run_folder
from ecomai.registry.searches import best_trial

from .base import ServiceAdmin, act, badge, may, tell_if_waiting
from .filters import JobStateFilter, ModelFilter, ScheduledFilter
from .models import is_greater_better_of, permissions, primary_metric_of, verbose_name_of, verdict_of


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
            self.address("<int:pk>/trials/", self.trials_view, "run_trials"),
            self.address("<int:pk>/curves/", self.curves_view, "run_curves"),
            self.address("<int:pk>/logs/", self.logs_view, "run_logs"),
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
            others=selectors.comparable_runs(run),
            has_logs=training_logs.has_logs(run, run_folder(run)),
            **self._status(request, run),
            **self._trials(run),
        )

    def _trials(self, run: TrainingRun) -> dict[str, Any]:
        trials = list(run.trials.order_by("number"))
        n_ended = sum(trial.state != RunTrial.State.RUNNING for trial in trials)
        return {
            "trials": trials,
            "best": best_trial(run) if trials else None,
            "seen": f"{len(trials)}-{n_ended}",
            "metric": primary_metric_of(run.model_name),
            "is_greater_better": is_greater_better_of(run.model_name),
        }

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

    def trials_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The trials of the search; 204 while none began or ended."""
        run = self.row(request, pk)
        context = self._trials(run)
        if request.GET.get("seen") == context["seen"] and not run.job.is_finished:
            return HttpResponse(status=204)
        return self.page(request, "run_trials.html", "", run=run, job=run.job, **context)

    def curves_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The curves of this run and another one of the same model, in the same charts."""
        run = self.row(request, pk)
        number = request.GET.get("with", "")
        other = selectors.comparable_runs(run).filter(pk=number).first() if number.isdigit() else None
        if other is None:
            messages.error(request, _("Choose another training of the same model that has curves."))
            return HttpResponseRedirect(reverse("admin:ecomai_registry_trainingrun_change", args=[pk]))
        title = _("Curves of runs %(one)s and %(other)s: %(model)s") % {
            "one": run.pk, "other": other.pk, "model": verbose_name_of(run.model_name),
        }  # fmt: skip
        curves = {_run_label(each): selectors.training_curve(each) for each in (run, other)}
        return self.page(request, "run_curves.html", title, run=run, other=other, curves=curves)

    def logs_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The run's TensorBoard event files as a zip."""
        run = self.row(request, pk)
        content = training_logs.open_logs(run, run_folder(run))
        if content is None:
            raise Http404
        name = f"{run.model_name}-run-{run.pk}-tensorboard.zip"
        return HttpResponse(
            content,
            content_type="application/zip",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
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


def _run_label(run: TrainingRun) -> str:
    words = {"run": run.pk, "version": run.version.number if run.version else None}
    return (_("Run %(run)s (v%(version)s)") if run.version else _("Run %(run)s")) % words


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
