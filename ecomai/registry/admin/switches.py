"""The off switches, one for each scenario and one for all."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import reverse
from django.urls.resolvers import URLPattern
from django.utils.translation import gettext as _

from ecomai import scenarios
from ecomai.registry import selectors, services
from ecomai.registry.models import ScenarioSwitch

from .base import ServiceAdmin, act, may

ALL = "all"


@admin.register(ScenarioSwitch)
class SwitchesAdmin(ServiceAdmin):
    def own_urls(self) -> list[URLPattern]:
        return [self.address("<str:name>/turn/<slug:state>/", self.turn_view, "switch_turn")]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.check_view(request)
        off = selectors.switched_off()
        switches = [
            {"name": each.name, "title": each.verbose_name, "is_on": each.name not in off}
            for each in scenarios.installed()
        ]
        return self.page(
            request, "switches.html", _("Switches"), switches=switches,
            is_all_on=selectors.ALL_SCENARIOS not in off, may_switch=may(request, "change_scenarioswitch"),
        )  # fmt: skip

    def turn_view(self, request: HttpRequest, name: str, state: str) -> HttpResponse:
        """Switching on is done at once; switching off is asked once more."""
        self.check_view(request)
        if not may(request, "change_scenarioswitch"):
            raise PermissionDenied
        is_on = state == "on"
        back = reverse("admin:ecomai_registry_scenarioswitch_changelist")
        scenario_name = selectors.ALL_SCENARIOS if name == ALL else name
        if request.method == "POST":
            done = _("It is on again.") if is_on else _("It is off. Every server follows within a second.")
            return act(
                request,
                lambda: services.switch_scenario(name=scenario_name, is_on=is_on, user=request.user),
                done=done,
                back=back,
            )
        if is_on:
            return HttpResponseNotAllowed(["POST"])
        question = _(
            "Its answers stop within a second, and the shop shows what it would show without it. Switch off?"
        )
        return self.page(
            request, "confirm.html", _("Switch off"), question=question, label=_("Switch off"), back=back
        )
