"""Model versions: the list, one against live and baseline, several side by side."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.urls.resolvers import URLPattern
from django.utils import formats
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.registry import selectors, services
from ecomai.registry.comparisons import (
    group_columns,
    group_rows,
    metric_rows,
    trade_off_table,
    version_rows,
)
from ecomai.registry.metric_texts import gain_text, metric_title
from ecomai.registry.models import ModelVersion

from .base import ServiceAdmin, act, badge
from .filters import ModelFilter
from .models import permissions, primary_metric_of, verbose_name_of, verdict_of

MAX_COMPARED = 5


@admin.register(ModelVersion)
class ModelVersionAdmin(ServiceAdmin):
    list_display = ("what", "state_badge", "quality", "gain", "window_end", "size")
    list_filter = (ModelFilter, "state", "is_artifact_deleted")
    search_fields = ("model_name", "data_fingerprint", "artifact_digest")
    date_hierarchy = "created_at"
    ordering = ("-pk",)
    actions = ("compare",)
    empty_text = gettext_lazy("There is no version yet. Each successful training makes one.")

    @admin.display(description=gettext_lazy("version"), ordering="pk")
    def what(self, version: ModelVersion) -> str:
        return f"v{version.number} {verbose_name_of(version.model_name)}"

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badge(self, version: ModelVersion) -> str:
        return badge(version.state, version.get_state_display())

    @admin.display(description=gettext_lazy("quality"), empty_value="–")
    def quality(self, version: ModelVersion) -> str | None:
        metric = primary_metric_of(version.model_name) or next(iter(version.metrics), "")
        value = version.metrics.get(metric)
        return (
            None
            if value is None
            else format_html('{} <small title="{}">{}</small>', f"{value:.4g}", metric, metric_title(metric))
        )

    @admin.display(description=gettext_lazy("against the baseline"), empty_value="–")
    def gain(self, version: ModelVersion) -> str | None:
        gains = [row.cells[2].gain for row in version_rows(version) if row.is_primary]
        return gain_text(gains[0]) if gains and gains[0] is not None else None

    @admin.display(description=gettext_lazy("size"), ordering="artifact_bytes")
    def size(self, version: ModelVersion) -> str:
        from django.template.defaultfilters import filesizeformat

        return _("removed") if version.is_artifact_deleted else filesizeformat(version.artifact_bytes)

    @admin.action(description=gettext_lazy("Compare the selected versions"), permissions=["view"])
    def compare(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> HttpResponse | None:
        names = set(queryset.order_by().values_list("model_name", flat=True).distinct())
        if len(names) > 1 or not 2 <= queryset.count() <= MAX_COMPARED:
            text = _("Choose two to %(most)s versions of the same model.") % {"most": MAX_COMPARED}
            messages.error(request, text)
            return None
        numbers = ",".join(str(pk) for pk in queryset.values_list("pk", flat=True))
        return HttpResponseRedirect(f"{reverse('admin:ecomai_registry_compare')}?versions={numbers}")

    # -- pages --

    def own_urls(self) -> list[URLPattern]:
        return [
            self.address("compare/", self.compare_view, "compare"),
            self.address("<int:pk>/promote/", self.promote_view, "version_promote"),
        ]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        version = self.row(request, object_id)
        return self.page(
            request,
            "version.html",
            _("%(model)s, version %(number)s")
            % {"model": verbose_name_of(version.model_name), "number": version.number},
            version=version,
            run=getattr(version, "run", None),
            rows=version_rows(version),
            group_columns=group_columns(version),
            group_rows=group_rows(version),
            verdict=verdict_of(version),
            card=card_rows(version),
            trade_offs=trade_off_table(version.card),
            may=permissions(request),
        )

    def compare_view(self, request: HttpRequest) -> HttpResponse:
        self.check_view(request)
        numbers = [int(text) for text in request.GET.get("versions", "").split(",") if text.isdigit()]
        versions = list(ModelVersion.objects.filter(pk__in=numbers[:MAX_COMPARED]).order_by("-number"))
        if not versions or len({version.model_name for version in versions}) > 1:
            messages.error(request, _("Choose at least two versions of the same model to compare."))
            return HttpResponseRedirect(reverse("admin:ecomai_registry_modelversion_changelist"))
        return self.page(
            request,
            "compare.html",
            _("Versions of %(model)s side by side") % {"model": verbose_name_of(versions[0].model_name)},
            versions=versions,
            rows=metric_rows(versions),
            is_same_data=len({version.data_fingerprint for version in versions}) == 1,
            may=permissions(request),
        )

    def promote_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        version = self.row(request, pk)
        back = reverse("admin:ecomai_registry_modelversion_change", args=[pk])
        if request.method == "POST":
            done = _("Version %(number)s serves from now on.") % {"number": version.number}
            return act(
                request,
                lambda: services.promote_version(version=version, user=request.user),
                done=done,
                back=back,
            )
        verdict = verdict_of(version)
        question = _(
            "This version will answer within a second, in place of the one that serves now. Promote it?"
        )
        return self.page(
            request, "confirm.html", _("Promote %(version)s") % {"version": version}, question=question,
            label=_("Promote"), back=back, reasons=verdict.reasons if verdict else [],
            is_warning=bool(verdict and not verdict.is_passed),
        )  # fmt: skip


CARD_LABELS = {
    "model": gettext_lazy("Model"),
    "version": gettext_lazy("Version"),
    "state": gettext_lazy("State"),
    "created_at": gettext_lazy("Trained"),
    "data_from": gettext_lazy("Data from"),
    "data_until": gettext_lazy("Data until"),
    "data_fingerprint": gettext_lazy("Data fingerprint"),
    "metrics": gettext_lazy("Metrics"),
    "baseline_metrics": gettext_lazy("Metrics of the baseline"),
    "group_metrics": gettext_lazy("Metrics by group"),
    "hyperparameters": gettext_lazy("Settings of the training"),
    "random_state": gettext_lazy("Seed"),
    "code_version": gettext_lazy("ecomai's version"),
    "artifact_sha256": gettext_lazy("SHA-256 of the files"),
    "base_model": gettext_lazy("Base model"),
    "base_model_licence": gettext_lazy("Licence of the base model"),
    "encoder_key": gettext_lazy("Reads texts with"),
    "encoder_adaptation": gettext_lazy("Adaptation of the text encoder"),
    "encoder_precision": gettext_lazy("Numbers of the text encoder"),
    "unknown_script_share": gettext_lazy("Share of texts in a script it does not read"),
    "data": gettext_lazy("Data that it learned from"),
    "split": gettext_lazy("How the data was split"),
    "learned_from": gettext_lazy("Learned from"),
    "learned_until": gettext_lazy("Learned from what was done until"),
    "update": gettext_lazy("Update"),
    "search": gettext_lazy("Search of hyperparameters"),
    "peers": gettext_lazy("Others tried on the same test"),
    "forgetting": gettext_lazy("What it forgot, on cases from before"),
    "drift_reference": gettext_lazy("How its events were spread"),
    "differential_privacy": gettext_lazy("Differential privacy"),
    "licence": gettext_lazy("Licence"),
    "intended_use": gettext_lazy("Meant for"),
    "limitations": gettext_lazy("Not meant for"),
}


def card_rows(version: ModelVersion) -> list[tuple[Any, Any]]:
    """The model card with headings for people; what has no heading keeps its key."""
    card: dict[str, Any] = selectors.model_card(version)
    for name in ("created_at", "data_from", "data_until", "learned_until"):
        if card.get(name):
            card[name] = formats.date_format(localtime(parse_datetime(card[name])), "SHORT_DATETIME_FORMAT")
    return [
        (CARD_LABELS.get(name, name.replace("_", " ")), value)
        for name, value in card.items()
        if value not in (None, "", {}) and name != "trade_offs"
    ]
