"""Ad groups whose budgets and prices are plain numbers."""

from decimal import Decimal
from typing import Any

from marketing.models import AdCreative, AdGroup


def make_group(name: str = "Spring", **fields: Any) -> AdGroup:
    """A running group at “home” that pays one euro a click."""
    usual = {
        "state": "running", "placements": ["home"], "currency": "EUR", "priced_by": "click",
        "price": Decimal(1), "frequency_cap": 0,
    }  # fmt: skip
    return AdGroup.objects.create(name=name, **usual | fields)


def make_creative(group: AdGroup, title: str = "Mugs", **fields: Any) -> AdCreative:
    usual = {"target_url": "/mugs/", "state": "approved"}
    return AdCreative.objects.create(group=group, title=title, **usual | fields)
