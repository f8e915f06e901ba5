"""What a customer is said to like best: by likeness where that is new enough, else by counts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

#: A field of the profile, and where tastes have it.
KINDS = {"favourite_category": "categories", "favourite_brand": "brands"}


def favourites_of(
    *, tastes: Mapping[str, Any], smoothed: Mapping[str, Any], last_order_at: datetime | None
) -> dict[str, str]:
    """Return the fields of a profile that say it; segments, mails and texts for segments read these.

    Likeness is computed each night: an order since then says more than what was found before it.
    """
    found_at = parse_datetime(str(smoothed.get("at", "")))
    is_new = found_at is not None and (last_order_at is None or last_order_at <= found_at)
    return {
        field: _first(smoothed if is_new else {}, kind) or _first(tastes, kind)
        for field, kind in KINDS.items()
    }


def _first(tastes: Mapping[str, Any], kind: str) -> str:
    named = tastes.get(kind) or []
    return str(named[0]["name"]) if named else ""
