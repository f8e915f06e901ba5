"""What other scenarios may know of a profile: told once it changed, and again when it has expired."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any

from ecomai.fusion.selectors import read_facts
from ecomai.fusion.services import publish_facts

from ..models import CustomerProfile
from ..names import FAVOURITE_CATEGORY, LIFE_CYCLE, PRICE_LEVEL

#: By which what was told is read again: each of the facts serves it.
PURPOSE = "marketing"
NAMES = (LIFE_CYCLE, FAVOURITE_CATEGORY, PRICE_LEVEL)


def publish_profiles(customer_pks: Collection[int], *, now: datetime) -> int:
    """Publish what changed of the profiles of those who may be addressed; returns how many values."""
    rows = CustomerProfile.objects.filter(pk__in=list(customer_pks), has_consent=True)
    by_storefront: dict[str, dict[str, CustomerProfile]] = defaultdict(dict)
    for profile in rows.select_related("customer"):
        customer = profile.customer
        by_storefront[customer.storefront][customer.external_id] = profile
    return sum(_publish(profiles, storefront, now) for storefront, profiles in by_storefront.items())


def _publish(profiles: dict[str, CustomerProfile], storefront: str, now: datetime) -> int:
    known = read_facts(
        names=NAMES, entity_ids=list(profiles), purpose=PURPOSE, storefront=storefront, as_of=now
    )
    changed: dict[str, dict[str, Any]] = defaultdict(dict)
    for external_id, profile in profiles.items():
        for name, value in _facts_of(profile, now).items():
            if value != known[external_id][name]:
                changed[name][external_id] = value
    return sum(
        publish_facts(name=name, values=values, storefront=storefront, published_at=now)
        for name, values in changed.items()
    )


def _facts_of(profile: CustomerProfile, now: datetime) -> dict[str, Any]:
    found: dict[str, Any] = {
        LIFE_CYCLE: profile.stage_at(now).value, FAVOURITE_CATEGORY: profile.favourite_category,
    }  # fmt: skip
    if profile.price_level is not None:
        found[PRICE_LEVEL] = round(profile.price_level, 2)
    return found
