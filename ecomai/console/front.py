"""What the console's front page shows, gathered with a bounded number of queries."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from ecomai import scenarios
from ecomai.commerce.models import Item
from ecomai.registry.selectors import ALL_SCENARIOS, acts_of_people, switched_off
from ecomai.scenarios import Scenario

from . import alerts, checklist, overview, selectors
from .cards import Card, cards_of

N_AUDIT_ENTRIES = 8


@dataclass
class Panel:
    """A scenario with its switch and its cards."""

    scenario: Scenario
    is_on: bool
    cards: list[Card]


def front_page(request: HttpRequest) -> dict[str, Any]:
    """Return the page's context."""
    live = live_parts()
    off, newest = live["off"], live["newest_event_at"]
    has_items = live["newest_has_item"] or Item.objects.exists()
    states = checklist.model_states()
    steps = checklist.first_day(states, newest_event_at=newest, has_items=has_items)
    panels = [
        Panel(scenario, scenario.name not in off, cards_of(scenario, request))
        for scenario in scenarios.installed()
    ]
    return {
        **live,
        "steps": steps,
        "n_steps_done": sum(step.is_done for step in steps),
        "models": overview.model_cards(states, request),
        "data": overview.shop_data(request, newest_event_at=newest) if newest or has_items else None,
        "panels": panels,
        "is_everything_on": ALL_SCENARIOS not in off,
        "audit": acts_of_people().select_related("actor")[:N_AUDIT_ENTRIES],
    }


def live_parts() -> dict[str, Any]:
    """Return what the page asks for again and again: jobs under way and alerts."""
    jobs = selectors.active_jobs()
    newest, has_item = selectors.newest_event()
    off = switched_off()
    return {
        "jobs": jobs,
        "newest_event_at": newest,
        "newest_has_item": has_item,
        "off": off,
        "alerts": alerts.alerts(jobs=jobs, newest_event_at=newest, off=off),
    }
