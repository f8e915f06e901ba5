"""What came in is held against what was learned from: the same is near, a planted shift is far."""

from datetime import timedelta

import pytest

from ecomai.registry.services import promote_version
from recommendations import drift
from recommendations.models import DriftReport

from .conftest import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def learned(live_models, shop, add_event):
    """The live version saw mostly coffee a month ago; people had two events each."""
    for number in range(40):
        for item in (shop[number % 4], shop[4 if number % 4 == 0 else number % 4]):
            add_event(item, days_ago=40, session_id=f"old-{number}")
    version = live_models["next_item"]
    version.window_start, version.window_end = NOW - timedelta(days=60), NOW - timedelta(days=30)
    version.save()
    return version


def report_of(version) -> DriftReport:
    return next(one for one in drift.refresh_drift(now=NOW) if one.model_version == version)


def test_the_same_traffic_is_no_drift(learned, shop, add_event):
    for number in range(40):
        for item in (shop[number % 4], shop[4 if number % 4 == 0 else number % 4]):
            add_event(item, days_ago=3, session_id=f"new-{number}")
    report = report_of(learned)
    assert all(found["psi"] < 0.05 for found in report.findings["drift"].values() if found["psi"] is not None)
    assert (report.n_events, report.unknown_item_share) == (80, 0.0)


def test_a_planted_shift_is_seen_where_it_is(learned, shop, add_event, add_item):
    new = add_item("tea", category_path="Tea > Green")
    for number in range(40):
        for item in (shop[number % 4], new):
            add_event(item, days_ago=3, session_id=f"new-{number}")
    found = report_of(learned)
    assert found.findings["drift"]["categories"]["psi"] > 0.25
    assert found.findings["drift"]["categories"]["js"] > 0.3
    assert found.findings["drift"]["event_types"]["psi"] < 0.05
    assert found.unknown_item_share == 0.5


def test_longer_histories_and_other_types_are_told_apart(learned, shop, add_event):
    reference = drift.profile(start=NOW - timedelta(days=60), end=NOW - timedelta(days=30))
    assert reference.history_lengths == {"2": 40}
    for number in range(10):
        for item in shop[:6]:
            add_event(item, type="cart", days_ago=3, session_id=f"new-{number}")
    current = drift.profile(start=NOW - timedelta(days=14), end=NOW)
    assert current.history_lengths == {"5": 10}
    assert drift.compare(reference.history_lengths, current.history_lengths)["psi"] > 1
    assert current.event_types == {"cart": 60}


def test_known_distances():
    assert drift.compare({"a": 500, "b": 500}, {"a": 500, "b": 500}) == {"psi": 0.0, "js": 0.0}
    far = drift.compare({"a": 10**6}, {"b": 10**6})
    assert far["js"] == pytest.approx(1.0, abs=0.01)
    # The textbook's index: sum of (q - p) * ln(q / p).
    assert drift.compare({"a": 50_000, "b": 50_000}, {"a": 70_000, "b": 30_000})["psi"] == pytest.approx(
        0.2 * 0.3365 + 0.2 * 0.5108, abs=0.001
    )
    assert drift.compare({}, {"a": 3}) == {"psi": None, "js": None}


def test_what_the_reference_does_not_name_counts_as_others():
    assert drift.folded({"a": 1, drift.OTHERS: 3}, {"a": 2, "b": 5, "c": 1}) == {"a": 2, drift.OTHERS: 6}
    assert drift.folded({"a": 1}, {"b": 5}) == {"b": 5}


def test_a_day_has_one_report_and_nothing_live_has_none(learned, shop, add_event):
    add_event(shop[0], days_ago=1, session_id="x")
    report_of(learned)
    report_of(learned)
    assert DriftReport.objects.filter(model_version=learned).count() == 1


def test_without_live_models_nothing_is_compared(db):
    assert drift.refresh_drift(now=NOW) == []


def test_a_later_version_has_its_own_reference_in_its_card(learned, register, shop):
    version = register("next_item", number=2)
    version.card = {drift.REFERENCE: {"categories": {"Tea": 5}, "event_types": {}, "history_lengths": {}}}
    version.save()
    promote_version(version=version)
    assert report_of(version).findings["reference"]["categories"] == {"Tea": 5}
