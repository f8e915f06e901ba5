"""The console and the data quality report as pages of whichever AdminSite the host uses."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from ecomai.exceptions import EcomaiError
from ecomai.registry.admin.base import act, badge
from ecomai.registry.selectors import ALL_SCENARIOS
from ecomai.registry.services import go_live, request_training, switch_scenario

from . import alerting, front, quality_page, services
from .forms import AlertRuleForm
from .measures import get_measure
from .models import AlertDelivery, AlertEpisode, AlertRule, Console, QualityReport

View = Callable[..., HttpResponse]


class PageAdmin(admin.ModelAdmin):
    """A page in place of a list of rows: nothing is added, changed or deleted here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def name_of(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"

    def address_of(self, page: str, *args: Any) -> str:
        return reverse(f"admin:{self.name_of(page)}", args=args, current_app=self.admin_site.name)

    def page(self, request: HttpRequest, template: str, title: Any, context: dict[str, Any]) -> HttpResponse:
        request.current_app = self.admin_site.name
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        return TemplateResponse(request, template, {**shared, **context})

    def part(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        """Answer a piece of a page, for htmx."""
        request.current_app = self.admin_site.name
        return TemplateResponse(request, template, context)

    def viewed(self, view: View) -> View:
        """Let only those in who may see the page."""

        @wraps(view)
        def checked(request: HttpRequest) -> HttpResponse:
            if not self.has_view_permission(request):
                raise PermissionDenied
            return view(request)

        return self.admin_site.admin_view(checked)

    def act(self, request: HttpRequest, do: Callable[[], Any], done: str) -> HttpResponse:
        """Do something a person pressed a button for, say how it went, and show the page again."""
        try:
            do()
        except EcomaiError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, done)
        return HttpResponseRedirect(self.address_of("changelist"))


@admin.register(Console)
class ConsoleAdmin(PageAdmin):
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("ecomai_console.view_console")

    def get_urls(self) -> list[URLPattern]:
        return [
            path("", self.viewed(self.front_view), name=self.name_of("changelist")),
            path("live/", self.viewed(self.live_view), name=self.name_of("live")),
            path("switch/", self.viewed(require_POST(self.switch_view)), name=self.name_of("switch")),
            path("train/", self.viewed(require_POST(self.train_view)), name=self.name_of("train")),
            path("go-live/", self.viewed(require_POST(self.go_live_view)), name=self.name_of("go_live")),
        ]

    def front_view(self, request: HttpRequest) -> HttpResponse:
        context = front.front_page(request)
        return self.page(request, "ecomai/console/front.html", _("Console"), context)

    def live_view(self, request: HttpRequest) -> HttpResponse:
        parts = front.live_parts()
        response = self.part(request, "ecomai/console/parts/live.html", parts)
        if "busy" in request.GET and not parts["jobs"]:
            response["HX-Refresh"] = "true"  # what ended changed the cards below: a version, a report
        return response

    def switch_view(self, request: HttpRequest) -> HttpResponse:
        name, is_on = request.POST.get("scenario", ALL_SCENARIOS), request.POST.get("is_on") == "1"
        done = _("It is switched on.") if is_on else _("It is switched off. Nothing of it answers any more.")
        return self.act(request, lambda: switch_scenario(name=name, is_on=is_on, user=request.user), done)

    def train_view(self, request: HttpRequest) -> HttpResponse:
        name = request.POST.get("model", "")
        done = _("The training is queued. Its progress is shown below.")
        return self.act(request, lambda: request_training(model_name=name, user=request.user), done)

    def go_live_view(self, request: HttpRequest) -> HttpResponse:
        name = request.POST.get("model", "")
        done = _("The model is live. Customers see its answers from now on.")
        return self.act(request, lambda: go_live(model_name=name, user=request.user), done)


@admin.register(QualityReport)
class QualityReportAdmin(PageAdmin):
    def get_urls(self) -> list[URLPattern]:
        return [
            path("", self.viewed(self.report_view), name=self.name_of("changelist")),
            path("progress/", self.viewed(self.progress_view), name=self.name_of("progress")),
            path("compute/", self.viewed(require_POST(self.compute_view)), name=self.name_of("compute")),
        ]

    def report_view(self, request: HttpRequest) -> HttpResponse:
        return self.page(request, "ecomai/console/quality.html", _("Data quality"), quality_page.context())

    def progress_view(self, request: HttpRequest) -> HttpResponse:
        job = services.quality_job_under_way()
        response = self.part(request, "ecomai/console/parts/quality_progress.html", {"job": job})
        if job is None:
            response["HX-Refresh"] = "true"
        return response

    def compute_view(self, request: HttpRequest) -> HttpResponse:
        done = _("The report is being computed. This page shows it when it is ready.")
        return self.act(request, lambda: services.request_quality_report(user=request.user), done)


@admin.register(AlertRule)
class AlertRuleAdmin(admin.ModelAdmin):
    form = AlertRuleForm
    list_display = ("name", "watches", "when", "severity", "is_on", "state", "evaluated_at")
    list_filter = ("is_on", "severity")
    search_fields = ("name", "measure", "dimension")
    readonly_fields = ("evaluated_at", "last_error")
    change_form_template = "ecomai/console/alert_rule.html"
    fieldsets = (
        (None, {"fields": ("name", "is_on", "severity")}),
        (
            gettext_lazy("When"),
            {"fields": ("measure", "dimension", "comparison", "bound", "for_minutes", "cool_down_minutes")},
        ),
        (gettext_lazy("Who hears of it"), {"fields": ("recipients", "webhook_url", "is_new_secret")}),
        (gettext_lazy("Last look"), {"fields": ("evaluated_at", "last_error")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertRule]:
        n_open = Count("episodes", filter=Q(episodes__resolved_at=None, episodes__opened_at__isnull=False))
        return super().get_queryset(request).annotate(n_open=n_open)

    @admin.display(description=gettext_lazy("measure"), ordering="measure")
    def watches(self, rule: AlertRule) -> str:
        try:
            name = str(get_measure(rule.measure).verbose_name)
        except EcomaiError:
            name = rule.measure
        return f"{name} ({rule.dimension})" if rule.dimension else name

    @admin.display(description=gettext_lazy("bound"))
    def when(self, rule: AlertRule) -> str:
        try:
            bound = get_measure(rule.measure).as_text(rule.bound)
        except EcomaiError:
            bound = str(rule.bound)
        return f"{rule.get_comparison_display()} {bound}"

    @admin.display(description=gettext_lazy("state"))
    def state(self, rule: Any) -> str:
        if rule.last_error:
            return _("could not be read")
        return _("open: %(n)s") % {"n": rule.n_open} if rule.n_open else _("quiet")

    def save_model(self, request: HttpRequest, obj: AlertRule, form: Any, change: bool) -> None:
        needs_secret = obj.webhook_url and (not obj.webhook_secret or form.cleaned_data["is_new_secret"])
        if needs_secret:
            obj.webhook_secret = alerting.new_secret()
        super().save_model(request, obj, form, change)
        if needs_secret:
            text = _("The webhook's secret is %(secret)s. Copy it now: it is not shown again.")
            messages.warning(request, text % {"secret": obj.webhook_secret})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        newest: list[AlertDelivery] = []
        if object_id.isdecimal():
            newest = list(AlertDelivery.objects.filter(rule=int(object_id)).order_by("-created_at")[:10])
        context = {"messages_of_rule": newest, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.test_view)
        return [path("<int:pk>/test/", view, name="ecomai_console_alertrule_test"), *super().get_urls()]

    def test_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        rule = get_object_or_404(AlertRule, pk=pk)
        done = _("The test is on its way. The list below says what came of it.")
        back = reverse("admin:ecomai_console_alertrule_change", args=[pk], current_app=self.admin_site.name)
        return act(request, lambda: alerting.send_test(rule=rule, user=request.user), done=done, back=back)


class DeliveryInline(admin.TabularInline):
    model = AlertDelivery
    fields = readonly_fields = (
        "created_at",
        "event",
        "channel",
        "where",
        "state",
        "n_attempts",
        "error",
        "sent_at",
    )
    extra = 0
    can_delete = False
    verbose_name_plural = gettext_lazy("Messages")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("ecomai_console.view_alertepisode"))


class AlertStateFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", _("open")), ("resolved", _("resolved"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AlertEpisode]) -> QuerySet[AlertEpisode]:
        if self.value() not in ("open", "resolved"):
            return queryset
        return queryset.filter(resolved_at__isnull=self.value() == "open")


@admin.register(AlertEpisode)
class AlertEpisodeAdmin(admin.ModelAdmin):
    list_display = ("opened_at", "rule", "label", "what", "state", "acknowledged_by", "resolved_at")
    list_filter = (AlertStateFilter, "rule__severity", "rule")
    list_select_related = ("rule", "acknowledged_by")
    date_hierarchy = "opened_at"
    ordering = ("-opened_at",)
    show_full_result_count = False
    actions = ("acknowledge_all",)
    inlines = (DeliveryInline,)
    fields = readonly_fields = (
        "rule", "what", "state", "began_at", "opened_at", "told_at", "resolved_at", "acknowledged_at",
        "acknowledged_by",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertEpisode]:
        return super().get_queryset(request).filter(opened_at__isnull=False)

    @admin.display(description=gettext_lazy("what it says"))
    def what(self, episode: AlertEpisode) -> str:
        return alerting.sentence_of(episode)

    @admin.display(description=gettext_lazy("state"))
    def state(self, episode: AlertEpisode) -> SafeString:
        if episode.resolved_at:
            return badge("done", _("resolved"))
        if episode.acknowledged_at:
            return badge("running", _("acknowledged"))
        return badge("failed", _("open"))

    @admin.action(description=gettext_lazy("Acknowledge"), permissions=["acknowledge"])
    def acknowledge_all(self, request: HttpRequest, queryset: QuerySet[AlertEpisode]) -> None:
        for episode in queryset:
            alerting.acknowledge(episode=episode, user=request.user)
        self.message_user(request, _("The front page shows these no more. They end by themselves."))

    def has_acknowledge_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("ecomai_console.acknowledge_alertepisode"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
