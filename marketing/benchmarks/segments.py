"""`segments`: how long a person waits for a count, and a customer for being in the right segment."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from django.db import connection
from django.utils import timezone

from ecomai.benchmarking import Report
from ecomai.benchmarking.processes import load_average
from ecomai.benchmarking.scratch import scratch_shop
from ecomai.commerce.services import ingest_events
from ecomai.registry.jobs import execute_job

from ..models import CustomerProfile, Segment, SegmentMember
from ..segments.conditions import parse_condition
from ..segments.counting import count_profiles
from ..services.memberships import follow_time, start_evaluation
from ..services.requests import work_requests
from .segments_shop import plant_shop

N_CUSTOMERS, N_EVENTS = 1_000_000, 20_000_000
#: Events whose way into a segment is measured.
N_UPDATES = 40
LONGEST_COUNT_SECONDS = 120

_WITHIN_30 = {"event": "view", "days": 30}
#: New segments of five conditions, as people build them: what they look at, buy, leave and stop to do.
SEGMENTS: dict[str, dict[str, Any]] = {
    "viewed, never bought": {"all": [
        {"field": "n_orders", "op": "=", "value": 0}, _WITHIN_30, {"event": "cart", "days": 60},
        {"not": {"event": "purchase"}}, {"field": "country", "op": "in", "value": ["DE", "AT"]},
    ]},
    "good customers at risk": {"all": [
        {"field": "stage", "op": "in", "value": ["at_risk", "lapsed"]},
        {"field": "spent", "op": ">=", "value": 100}, {"not": {"event": "view", "days": 14}},
        {"field": "monetary_score", "op": ">=", "value": 3}, {"event": "message_open", "days": 90},
    ]},
    "often there lately": {"all": [
        {"event": "view", "at_least": 5, "days": 30}, {"event": "search", "days": 30},
        {"field": "last_order_at", "op": "longer_ago", "value": 30},
        {"field": "loyalty_tier", "op": "in", "value": ["gold", "silver"]},
        {"field": "price_level", "op": ">=", "value": 0.9},
    ]},
    "of one brand, or of an area": {"all": [
        {"any": [
            {"event": "purchase", "days": 180, "brand": "Brand 7"},
            {"event": "view", "days": 30, "category": "Area 3"},
        ]},
        {"not": {"event": "purchase", "days": 7}}, {"field": "n_orders", "op": ">=", "value": 1},
        {"field": "discount_share", "op": "<=", "value": 0.5},
    ]},
    "one of many signs": {"any": [
        {"event": "wishlist", "days": 10}, {"event": "cart", "at_least": 2, "days": 14},
        {"field": "next_order_at", "op": "next", "value": 3}, {"event": "search", "at_least": 20},
        {"field": "last_seen_at", "op": "within", "value": 2},
    ]},
    "asleep": {"all": [
        {"not": {"field": "last_seen_at", "op": "within", "value": 90}}, {"event": "purchase", "at_least": 2},
        {"not": {"event": "message_open", "days": 180}}, {"field": "n_referrals", "op": ">=", "value": 1},
        {"field": "favourite_brand", "op": "in", "value": [f"Brand {n}" for n in range(60)]},
    ]},
}  # fmt: skip
#: A segment that any view of a searcher enters; what an event is followed into.
FOLLOWED: dict[str, Any] = {"all": [
    {"event": "view", "days": 1}, {"event": "checkout", "at_least": 1, "days": 1},
    {"not": {"event": "purchase", "days": 1}}, {"field": "n_orders", "op": ">=", "value": 0},
    {"field": "country", "op": "in", "value": ["DE", "AT", "FR", "NL", "US"]},
]}  # fmt: skip


def segments(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Count new segments of five conditions, and follow events into a live one beside six others.

    `count_seconds` is the slowest first count, by the function behind the builder, `count_seconds_again` the
    slowest of the second ones, when the tables are in memory. `update_seconds` is the slowest way of an event
    from the ingest service until its customer's row in the segment is committed, through the worker's own
    function. `data` is not read: the shop is made.
    """
    with scratch_shop("segments"):
        if not CustomerProfile.objects.exists():
            plant_shop(N_CUSTOMERS, N_EVENTS, seed=seed, report=report)
        counts = _count(report)
        live = _make_live_segments()
        report(0.9, "the whole of a segment")
        evaluated = _seconds(lambda: _evaluate(live))
        report(0.95, "events")
        # The first one is what a worker does that has only just started.
        updates = [_follow_event(live, pk) for pk in _who_is_followed(seed)][1:]
        report(0.98, "a minute that passes")
        passing = _seconds(follow_time)
    firsts = [each["first"] for each in counts.values()]
    return {
        "metrics": {
            "count_seconds": round(max(firsts), 3),
            "count_seconds_median": round(float(np.median(firsts)), 3),
            "count_seconds_again": round(max(each["again"] for each in counts.values()), 3),
            "update_seconds": round(max(updates), 3),
            "update_seconds_median": round(float(np.median(updates)), 3),
            "evaluate_seconds": round(evaluated, 1),
            "passing_minute_seconds": round(passing, 3),
        },
        "rows": {}, "splits": counts, "peers": {},
        "settings": {
            "n_customers": N_CUSTOMERS, "n_events": N_EVENTS, "n_live_segments": len(SEGMENTS) + 1,
            "n_updates": len(updates), "load_average": load_average(),
        },
    }  # fmt: skip


def _count(report: Report) -> dict[str, dict[str, float]]:
    """Each segment at first sight, on a new connection, and once more."""
    found = {}
    for number, (name, given) in enumerate(SEGMENTS.items()):
        report(0.75 + 0.02 * number, f"counting: {name}")
        connection.close()
        condition, now, n = parse_condition(given), timezone.now(), 0
        times = []
        for _again in range(2):
            began = time.perf_counter()
            n = count_profiles(condition, now=now, seconds=LONGEST_COUNT_SECONDS)
            times.append(round(time.perf_counter() - began, 3))
        found[name] = {"first": times[0], "again": times[1], "n": n}
        report(0.76 + 0.02 * number, f"{name}: {found[name]}")
    return found


def _make_live_segments() -> Segment:
    Segment.objects.all().delete()
    for number, (name, condition) in enumerate(SEGMENTS.items()):
        Segment.objects.create(
            name=name, slug=f"s-{number}", condition=condition, passed_until=timezone.now()
        )
    return Segment.objects.create(name="followed", slug="followed", condition=FOLLOWED)


def _evaluate(segment: Segment) -> None:
    job = start_evaluation(segment)
    execute_job(job.pk)
    segment.refresh_from_db()
    if segment.passed_until is None:
        raise RuntimeError(f"The segment was not evaluated; its job is {job.pk}.")


def _who_is_followed(seed: int) -> Iterator[int]:
    """Customers with a long past and with a short one."""
    rng = np.random.default_rng(seed)
    profiles = CustomerProfile.objects.filter(has_consent=True)
    highest = profiles.order_by("-pk").values_list("pk", flat=True)[0]
    for place in rng.choice(np.arange(1, highest), N_UPDATES + 1, replace=False):
        found = profiles.filter(pk__gte=int(place)).order_by("pk").values_list("pk", flat=True)[0]
        yield int(found)


def _follow_event(segment: Segment, customer_pk: int) -> float:
    profile = CustomerProfile.objects.select_related("customer").get(pk=customer_pk)
    rows = [
        {"type": kind, "customer_id": profile.customer.external_id, "session_id": f"new-{customer_pk}"}
        for kind in ("view", "checkout")
    ]
    took = _seconds(lambda: (ingest_events(rows), work_requests()))
    if not SegmentMember.objects.filter(segment=segment, customer_id=customer_pk).exists():
        raise RuntimeError(f"Customer {customer_pk} did not get into the segment.")
    return took


def _seconds(act: Any) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
