"""The off switches."""

from typing import Any

from django.db import transaction

from ecomai import scenarios
from ecomai.registry import selectors
from ecomai.registry.models import ScenarioSwitch
from ecomai.registry.signals import scenario_switched

from .access import check_permission, write_audit


def switch_scenario(*, name: str, is_on: bool, user: Any = None, actor_label: str = "") -> ScenarioSwitch:
    """Switch a scenario, or all of them by the name "", on or off; every process follows within a second."""
    check_permission(user, "change_scenarioswitch")
    if name != selectors.ALL_SCENARIOS:
        scenarios.get_scenario(name)
    with transaction.atomic():
        switch, _created = ScenarioSwitch.objects.update_or_create(
            scenario_name=name, defaults={"is_on": is_on}
        )
        write_audit(
            action="switch_on" if is_on else "switch_off", subject=switch, user=user, actor_label=actor_label
        )
        transaction.on_commit(lambda: _announce(name, is_on))
    return switch


def _announce(name: str, is_on: bool) -> None:
    selectors.forget_switches()
    scenario_switched.send_robust(sender=ScenarioSwitch, name=name, is_on=is_on)
