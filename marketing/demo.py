"""What the demo shop shows of this scenario."""

from typing import Any

from django.utils.translation import gettext as _

from .models import ProfileReference, Segment
from .services.profiling import start_profiling
from .services.segments import create_segment


def seed_demo() -> None:
    """Have the profiles of all customers computed, and make five segments. Safe to run twice."""
    if not ProfileReference.objects.exists():
        start_profiling()
    for slug, name, description, condition in _segments():
        if not Segment.objects.filter(slug=slug).exists():
            create_segment(slug=slug, name=name, description=description, condition=condition)


def _segments() -> list[tuple[str, str, str, dict[str, Any]]]:
    buyers = {"field": "n_orders", "op": ">=", "value": 1}
    return [
        (
            "lookers", _("Looked lately, never bought"), _("Need a first reason to buy."),
            {"all": [{"event": "view", "days": 30}, {"not": buyers}]},
        ),
        (
            "best-customers", _("Best customers"), _("Bought often and much, and not long ago."),
            {"all": [
                {"field": "frequency_score", "op": ">=", "value": 4},
                {"field": "monetary_score", "op": ">=", "value": 4},
                {"field": "stage", "op": "in", "value": ["active"]},
            ]},
        ),
        (
            "good-at-risk", _("Good customers at risk"), _("Worth winning back before they are gone."),
            {"all": [
                {"field": "stage", "op": "in", "value": ["at_risk", "lapsed"]},
                {"field": "monetary_score", "op": ">=", "value": 3},
            ]},
        ),
        (
            "left-basket", _("Left a basket behind"),
            _("Put something in the basket this week, and bought nothing."),
            {"all": [{"event": "cart", "days": 7}, {"not": {"event": "purchase", "days": 7}}]},
        ),
        (
            "due", _("Next order is due"), _("Expected to order within a week, by their own rhythm."),
            {"field": "next_order_at", "op": "next", "value": 7},
        ),
    ]  # fmt: skip
