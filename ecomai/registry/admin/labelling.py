"""The labelling queue: one case at a time, the least certain first, by mouse or keyboard."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.urls.resolvers import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.registry import selectors, services
from ecomai.registry.models import LabellingTask

from .base import ServiceAdmin, act, badge, may
from .filters import ModelFilter
from .models import verbose_name_of


@admin.register(LabellingTask)
class LabellingTaskAdmin(ServiceAdmin):
    list_display = ("text", "model_label", "state_badge", "predicted_label", "certainty", "label")
    list_filter = (ModelFilter, "state")
    search_fields = ("text", "subject_key")
    ordering = ("state", "confidence", "pk")
    change_list_template = "ecomai/registry/labelling_list.html"
    empty_text = gettext_lazy("No case waits. Classifiers put in what they are unsure about.")

    @admin.display(description=gettext_lazy("model"), ordering="model_name")
    def model_label(self, task: LabellingTask) -> str:
        return verbose_name_of(task.model_name)

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badge(self, task: LabellingTask) -> str:
        return badge(task.state, task.get_state_display())

    @admin.display(description=gettext_lazy("certainty"), ordering="confidence")
    def certainty(self, task: LabellingTask) -> str:
        return f"{task.confidence:.0%}"

    def own_urls(self) -> list[URLPattern]:
        return [self.address("work/", self.work_view, "labelling_work")]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._case_page(request, self.row(request, object_id))

    def work_view(self, request: HttpRequest) -> HttpResponse:
        """Show the next case on GET; settle one on POST."""
        if not may(request, "label_labellingtask"):
            raise PermissionDenied
        model_name = request.GET.get("model", "")
        if request.method == "POST":
            return self._settle(request, model_name)
        return self._case_page(request, selectors.next_case(model_name=model_name), model_name)

    def _settle(self, request: HttpRequest, model_name: str) -> HttpResponse:
        number = request.POST.get("case", "")
        task = get_object_or_404(LabellingTask, pk=number if number.isdigit() else 0)
        back = reverse("admin:ecomai_registry_labelling_work") + (
            f"?model={model_name}" if model_name else ""
        )
        label = request.POST.get("label", "")
        if "skip" in request.POST:
            done = _("The case is left out.")
            return act(
                request, lambda: services.skip_case(task=task, user=request.user), done=done, back=back
            )
        done = _("Labelled as “%(label)s”.") % {"label": label}
        return act(
            request,
            lambda: services.label_case(task=task, label=label, user=request.user),
            done=done,
            back=back,
        )

    def _case_page(
        self, request: HttpRequest, task: LabellingTask | None, model_name: str = ""
    ) -> HttpResponse:
        rows = (
            LabellingTask.objects.filter(model_name=model_name) if model_name else LabellingTask.objects.all()
        )
        counts = rows.aggregate(
            total=Count("pk"), waiting=Count("pk", filter=Q(state=LabellingTask.State.WAITING))
        )
        return self.page(
            request, "labelling.html", _("Labelling"), case=task, model_name=model_name,
            model=verbose_name_of(task.model_name) if task else "",
            may_label=may(request, "label_labellingtask"),
            n_done=counts["total"] - counts["waiting"], n_total=counts["total"],
        )  # fmt: skip
