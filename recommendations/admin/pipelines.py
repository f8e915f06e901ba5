"""The admin's pages of pipelines: the list, the form of a draft, the preview, and what is done with one."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.registry.admin.base import badge
from ecomai.registry.admin.confirming import ConfirmedAction, ask_then_act
from ecomai.registry.admin.pages import OwnPages

from .. import selectors
from ..models import Pipeline, PipelineSource, Rule
from ..pages import pipeline as previews
from ..pipeline import plans
from ..pipeline.rules import FACTS
from ..services import pipelines

APP = "ecomai_recommendations"
State = Pipeline.State
BADGES = {State.DRAFT: "draft", State.LIVE: "live", State.RETIRED: "stopped"}


ACTIONS = {
    "go-live": ConfirmedAction(
        label=gettext_lazy("Go live"),
        question=gettext_lazy(
            "All visitors of the placement see it within a second, and what is live there now is kept as "
            "retired. Put it live?"
        ),
        done=gettext_lazy("The pipeline is live."),
        perform=pipelines.put_pipeline_live,
    ),
    "roll-back": ConfirmedAction(
        label=gettext_lazy("Roll back to it"),
        question=gettext_lazy(
            "All visitors of the placement see it again within a second, as it was, and what is live there "
            "now is kept as retired. Roll back?"
        ),
        done=gettext_lazy("The pipeline is live again."),
        perform=pipelines.put_pipeline_live,
    ),
    "retire": ConfirmedAction(
        label=gettext_lazy("Take away"),
        question=gettext_lazy(
            "The placement is filled as without a pipeline, within a second. You may roll back to it. "
            "Take it away?"
        ),
        done=gettext_lazy("The pipeline is retired."),
        perform=pipelines.retire_pipeline,
    ),
}
#: What can be done with a pipeline in each state.
POSSIBLE = {State.DRAFT: ("go-live",), State.LIVE: ("retire",), State.RETIRED: ("roll-back",)}


class PartInline(admin.TabularInline):
    """Parts of a pipeline: who may change a draft may change them."""

    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(f"{APP}.view_pipeline"))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_draft = obj is not None and obj.is_draft
        return is_draft and bool(request.user.has_perm(f"{APP}.change_pipeline"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request, obj)


class SourceInline(PartInline):
    model = PipelineSource
    fields = ("kind", "n_items", "weight")


class RuleForm(forms.ModelForm):
    class Meta:
        model = Rule
        fields = ("name", "action", "item", "condition", "factor", "position", "is_on")
        widgets = {"condition": forms.Textarea(attrs={"rows": 2, "cols": 36, "spellcheck": "false"})}


class RuleInline(PartInline):
    model = Rule
    form = RuleForm
    autocomplete_fields = ("item",)


@admin.register(Pipeline)
class PipelineAdmin(OwnPages):
    address_prefix = f"{APP}_pipeline"
    list_display = ("what", "placement", "storefront", "state_badge", "parts", "live_since", "links")
    list_filter = ("state", "placement", "storefront")
    search_fields = ("name", "placement")
    ordering = ("placement", "storefront", "-pk")
    actions = None
    list_per_page = 50
    show_full_result_count = False
    change_list_template = "ecomai/registry/change_list.html"
    change_form_template = "ecomai/recommendations/pipeline_form.html"
    empty_text = gettext_lazy(
        "There is no pipeline yet, so each placement is filled by the model alone. Add one to choose where "
        "items come from, and to pin, boost or leave out some."
    )
    inlines = (SourceInline, RuleInline)
    first_fieldsets = ((None, {"fields": ("name", "placement", "storefront")}),)
    fieldsets = (
        (None, {"fields": (("name", "placement", "storefront"), "ranker")}),
        (
            gettext_lazy("What may stand beside each other"),
            {"fields": ("diversity", ("most_per_category", "most_per_brand"))},
        ),
        (
            gettext_lazy("What comes back"),
            {"fields": ("bought_policy", ("cap_shown", "cap_days"))},
        ),
        (gettext_lazy("What is hardly ever shown"), {"fields": ("tail_share",)}),
    )

    class Media:
        css = {"all": ["ecomai/registry/admin.css", "ecomai/recommendations/pipelines.css"]}

    # -- who may what --

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What has been live stays as it was, so that one can go back to it; the page says so."""
        return super().has_change_permission(request, obj) and (obj is None or obj.is_draft)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or not obj.is_live)

    # -- the list --

    def get_queryset(self, request: HttpRequest) -> QuerySet[Pipeline]:
        counts = {"n_sources": Count("sources", distinct=True), "n_rules": Count("rules", distinct=True)}
        return super().get_queryset(request).annotate(**counts)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    @admin.display(description=gettext_lazy("pipeline"), ordering="name")
    def what(self, pipeline: Pipeline) -> str:
        return pipeline.name

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badge(self, pipeline: Pipeline) -> SafeString:
        return badge(BADGES[State(pipeline.state)], pipeline.get_state_display())

    @admin.display(description=gettext_lazy("what it has"))
    def parts(self, pipeline: Any) -> str:
        return _("%(sources)s sources, %(rules)s rules") % {
            "sources": pipeline.n_sources, "rules": pipeline.n_rules
        }  # fmt: skip

    @admin.display(description=gettext_lazy("look at it"))
    def links(self, pipeline: Pipeline) -> SafeString:
        url = reverse(f"admin:{APP}_pipeline_preview", args=[pipeline.pk])
        return format_html('<a href="{}">{}</a>', url, _("Preview"))

    # -- the form --

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A new pipeline needs a name and a place; all else has a sensible beginning."""
        return self.first_fieldsets if obj is None else self.fieldsets

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return () if obj is None else self.inlines

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "placement" and field is not None:
            field.widget.attrs["list"] = "ecomai-placements"
        return field

    def render_change_form(
        self,
        request: HttpRequest,
        context: Any,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> Any:
        context |= {
            "placements": selectors.known_placements(),
            "facts": FACTS,
            "possible": _possible(request, obj),
        }
        if obj is not None:
            plan = plans.plan_of(obj.pk)
            context["problems"] = (
                [(rule.name, rule.problem) for rule in plan.rules if rule.problem] if plan else []
            )
            context["may_copy"] = request.user.has_perm(f"{APP}.add_pipeline")
        return super().render_change_form(request, context, add, change, form_url, obj)

    def save_model(self, request: HttpRequest, obj: Pipeline, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            pipelines.plant_usual_sources(obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """A change of a part is a change of the pipeline, which processes notice by its time."""
        super().save_related(request, form, formsets, change)
        Pipeline.objects.filter(pk=form.instance.pk).update(updated_at=timezone.now())
        transaction.on_commit(plans.forget_plans)

    def response_add(self, request: HttpRequest, obj: Pipeline, post_url_continue: Any = None) -> Any:
        """Go on with the form of the draft, which shows all that can be chosen."""
        self.message_user(
            request, _("The draft is kept, with the sources that suit most shops. Go on from here.")
        )
        return HttpResponseRedirect(reverse(f"admin:{APP}_pipeline_change", args=[obj.pk]))

    # -- pages --

    def own_urls(self) -> list[URLPattern]:
        return [
            self.address("<int:pk>/preview/", self.preview_view, "preview"),
            self.address("<int:pk>/copy/", self.copy_view, "copy"),
            self.address("<int:pk>/do/<slug:action>/", self.action_view, "action"),
        ]

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show a pipeline beside what is live, for whomever the page is asked about."""
        pipeline = self.row(request, pk)
        return self.page(
            request, "ecomai/recommendations/pipeline_preview.html",
            _("Preview of “%(name)s”") % {"name": pipeline.name},
            badges={str(state): name for state, name in BADGES.items()},
            possible=_possible(request, pipeline), **previews.preview_context(pipeline, request.GET),
        )  # fmt: skip

    def copy_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make a draft of it. A GET asks for its name."""
        pipeline = self.row(request, pk)
        if not request.user.has_perm(f"{APP}.add_pipeline"):
            raise PermissionDenied
        if request.method != "POST":
            return self.page(
                request, "ecomai/registry/confirm.html",
                _("Copy as a draft: %(name)s") % {"name": pipeline.name},
                question=_("A draft with the same sources and rules is made, to be changed and looked at."),
                label=_("Make the draft"), back=change_url(pipeline), reasons=[],
            )  # fmt: skip
        draft = pipelines.copy_pipeline(
            pipeline=pipeline, name=_("Copy of %(name)s") % {"name": pipeline.name}
        )
        messages.success(request, _("This is the draft."))
        return HttpResponseRedirect(change_url(draft))

    def action_view(self, request: HttpRequest, pk: int, action: str) -> HttpResponse:
        """Ask once more on GET, do it on POST."""
        pipeline = self.row(request, pk)
        if action not in ACTIONS:
            raise Http404
        if not request.user.has_perm(pipelines.PUT_LIVE):
            raise PermissionDenied
        return ask_then_act(
            self, request, ACTIONS[action], about=pipeline.name, back=change_url(pipeline),
            reasons=lambda: _reasons(pipeline), pipeline=pipeline, user=request.user,
        )  # fmt: skip


def change_url(pipeline: Pipeline) -> str:
    return reverse(f"admin:{APP}_pipeline_change", args=[pipeline.pk])


def _possible(request: HttpRequest, pipeline: Pipeline | None) -> list[tuple[str, Any]]:
    if pipeline is None or not request.user.has_perm(pipelines.PUT_LIVE):
        return []
    return [(action, ACTIONS[action].label) for action in POSSIBLE[State(pipeline.state)]]


def _reasons(pipeline: Pipeline) -> list[str]:
    """Name what is live at the placement now, for whoever is about to replace it."""
    live = Pipeline.objects.filter(
        storefront=pipeline.storefront, placement=pipeline.placement, state=State.LIVE
    ).exclude(pk=pipeline.pk)
    return [
        _("Live at %(placement)s now: “%(name)s”.") % {"placement": row.placement, "name": row.name}
        for row in live
    ]
