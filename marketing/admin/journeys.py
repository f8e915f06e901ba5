"""The admin's pages of journeys: the builder, the flow with its customers, start, pause and stop."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from ecomai.commerce.models import EventType
from ecomai.exceptions import EcomaiError, PermissionDeniedError
from ecomai.registry.admin.confirming import ConfirmedAction, ask_then_act
from ecomai.registry.admin.pages import OwnPages

from ..models import Journey, Segment
from ..pages import journeys as pages
from ..services import journeys as services

APP = "ecomai_marketing"
TEMPLATES = "admin/ecomai_marketing/journey"
State = Journey.State

ACTIONS = {
    "start": ConfirmedAction(
        label=gettext_lazy("Start"),
        question=gettext_lazy("Customers begin from now on, but for the holdout. Start the journey?"),
        done=gettext_lazy("The journey is running."),
        perform=services.start_journey,
    ),
    "pause": ConfirmedAction(
        label=gettext_lazy("Pause"),
        question=gettext_lazy(
            "Nobody begins or goes on, and no messages go out, until somebody starts it again. Pause it?"
        ),
        done=gettext_lazy("The journey is paused."),
        perform=services.pause_journey,
    ),
    "stop": ConfirmedAction(
        label=gettext_lazy("Stop"),
        question=gettext_lazy("Who is on the way goes no further, and that cannot be undone. Stop it?"),
        done=gettext_lazy("The journey is stopped."),
        perform=services.stop_journey,
    ),
}
#: What can be done in which state.
POSSIBLE = {
    State.DRAFT: ["start"],
    State.RUNNING: ["pause", "stop"],
    State.PAUSED: ["start", "stop"],
    State.STOPPED: [],
}


class JourneyForm(forms.ModelForm):
    """All of a journey but its steps."""

    event = forms.ChoiceField(label=gettext_lazy("or with an event"), required=False)
    goal = forms.ChoiceField(
        label=gettext_lazy("Goal"), required=False, initial=EventType.PURCHASE,
        help_text=gettext_lazy("Who does this leaves the journey at once."),
    )  # fmt: skip

    class Meta:
        model = Journey
        fields = (
            "name", "segment", "takes_members", "event", "goal", "reentry_days", "holdout_share",
            "effect_days", "cost_per_message", "fixed_cost", "margin_share", "storefront",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["segment"].queryset = Segment.objects.filter(is_archived=False).order_by("name")
        fields["segment"].label = gettext_lazy("Begins when a customer joins the segment")
        events = [("", _("– nothing –")), *EventType.choices]
        for name in ("event", "goal"):
            fields[name].choices = events


@admin.register(Journey)
class JourneyAdmin(OwnPages):
    address_prefix = f"{APP}_journey"
    list_display = ["name", "state", "segment", "event", "holdout_share", "started_at", "stopped_at"]
    list_filter = ["state", "started_at"]
    list_select_related = ["segment"]
    search_fields = ["name"]
    ordering = ["-pk"]
    actions = None

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was sent stays on record."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing of a journey changes once it has begun: customers are at its steps."""
        has_begun = obj is not None and obj.state != State.DRAFT
        return not has_begun and super().has_change_permission(request, obj)

    def own_urls(self) -> list[URLPattern]:
        return [
            self.address("preview/", require_POST(self.preview_view), "preview"),
            self.address("<int:pk>/edit/", self.edit_view, "edit"),
            self.address("<int:pk>/copy/", require_POST(self.copy_view), "copy"),
            self.address("<int:pk>/customers/", self.customers_view, "customers"),
            self.address("<int:pk>/do/<slug:action>/", self.action_view, "action"),
        ]

    # -- the builder --

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._build(request, None)

    def edit_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        journey = self.row(request, pk)
        if not self.has_change_permission(request, journey):
            raise PermissionDenied
        return self._build(request, journey)

    def _build(self, request: HttpRequest, journey: Journey | None) -> HttpResponse:
        form = JourneyForm(request.POST or None, instance=journey)
        steps = pages.read_steps(request.POST["steps"]) if "steps" in request.POST else None
        if request.method == "POST" and form.is_valid():
            try:
                saved = _save(request, journey, form.cleaned_data | {"steps": steps})
            except PermissionDeniedError as error:
                raise PermissionDenied from error
            except EcomaiError as error:
                messages.error(request, str(error))
            else:
                messages.success(request, _("The journey is saved. It begins when you start it."))
                return HttpResponseRedirect(journey_url(saved))
        title = _("Change “%(name)s”") % {"name": journey.name} if journey else _("New journey")
        given = steps if isinstance(steps, list) else (journey.steps if journey else [])
        context = pages.builder_context(journey) | {"form": form, "given": given}
        return self.page(request, f"{TEMPLATES}_builder.html", title, **context)

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        self.check_view(request)
        context = pages.preview_context(request.POST.get("steps", ""))
        return TemplateResponse(request, f"{TEMPLATES}_preview.html", context | {"preview": context})

    # -- one journey --

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        journey = self.row(request, object_id)
        may_run = request.user.has_perm(f"{APP}.run_journey")
        context = pages.context(journey) | {
            "may_change": self.has_change_permission(request, journey),
            "may_copy": self.has_add_permission(request),
            "may_see_customers": self._may_see_customers(request),
            "possible": [(name, ACTIONS[name].label) for name in POSSIBLE[State(journey.state)] if may_run],
        }
        return self.page(request, f"{TEMPLATES}.html", journey.name, **context)

    def customers_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        journey = self.row(request, pk)
        if not self._may_see_customers(request):
            raise PermissionDenied
        title = _("Customers on “%(name)s”") % {"name": journey.name}
        context = pages.runs_context(journey, request.GET)
        return self.page(request, f"{TEMPLATES}_customers.html", title, **context)

    def copy_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        journey = self.row(request, pk)
        try:
            copy = services.copy_journey(journey, user=request.user)
        except PermissionDeniedError as error:
            raise PermissionDenied from error
        except EcomaiError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(journey_url(journey))
        messages.success(request, _("This is a copy. Change it as you like, and start it."))
        return HttpResponseRedirect(journey_url(copy))

    def action_view(self, request: HttpRequest, pk: int, action: str) -> HttpResponse:
        """Ask once more on GET, do it on POST."""
        journey = self.row(request, pk)
        if not request.user.has_perm(f"{APP}.run_journey"):
            raise PermissionDenied
        if action not in ACTIONS:
            raise Http404
        return ask_then_act(
            self, request, ACTIONS[action], about=journey, back=journey_url(journey),
            reasons=lambda: pages.reasons(journey) if action == "start" else (),
            journey=journey, user=request.user,
        )  # fmt: skip

    def _may_see_customers(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"{APP}.view_journeyrun")


def journey_url(journey: Journey) -> str:
    return reverse(f"admin:{APP}_journey_change", args=[journey.pk])


def _save(request: HttpRequest, journey: Journey | None, fields: dict[str, Any]) -> Journey:
    if journey is None:
        return services.create_journey(user=request.user, **fields)
    return services.change_journey(journey, user=request.user, **fields)
