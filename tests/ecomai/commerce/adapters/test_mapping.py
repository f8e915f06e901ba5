from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest

from ecomai.commerce.adapters.exceptions import UnknownModelError
from ecomai.commerce.adapters.mapping import (
    Constant,
    CustomerMapping,
    EventMapping,
    ItemMapping,
    find_model,
    read_path,
)


@dataclass
class Shelf:
    name: str
    parent: "Shelf | None" = None

    def title(self):
        return self.name.upper()


def test_a_path_follows_attributes_and_calls_methods():
    shelf = Shelf("cups", parent=Shelf("kitchen"))
    assert read_path(shelf, "parent.title") == "KITCHEN"
    assert read_path(shelf, lambda row: row.name * 2) == "cupscups"
    assert read_path(shelf, Constant("EUR")) == "EUR"


def test_a_path_ends_at_an_empty_relation():
    assert read_path(Shelf("cups"), "parent.parent.name") is None


def test_a_misspelt_path_is_an_error_and_no_empty_value():
    with pytest.raises(AttributeError):
        read_path(Shelf("cups"), "parnt.name")


def test_a_field_without_a_path_is_not_said():
    row = SimpleNamespace(pk=7, name=None, born=date(2026, 1, 2))
    assert CustomerMapping(model="a.B").read(row) == {"external_id": "7"}
    said = ItemMapping(model="a.B", title="name", listed_at="born").read(row)
    assert said == {"external_id": "7", "title": "", "listed_at": datetime(2026, 1, 2, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("zone", "day_begins", "moment"),
    [
        ("Europe/Berlin", datetime(2025, 10, 25, 22, tzinfo=UTC), datetime(2025, 10, 26, 0, 30, tzinfo=UTC)),
        ("Pacific/Apia", datetime(2025, 10, 25, 11, tzinfo=UTC), datetime(2025, 10, 25, 13, 30, tzinfo=UTC)),
    ],
)
def test_days_and_times_without_a_zone_are_meant_in_the_shops(zone, day_begins, moment, settings):
    """In Berlin that hour comes twice; the first is meant."""
    settings.TIME_ZONE = zone
    row = SimpleNamespace(pk=7, day=date(2025, 10, 26), time=datetime(2025, 10, 26, 2, 30))
    mapping = EventMapping(model="a.B", type=Constant("view"), occurred_at="day")
    assert mapping.read(row)["occurred_at"] == day_begins
    mapping = EventMapping(model="a.B", type=Constant("view"), occurred_at="time")
    assert mapping.read(row)["occurred_at"] == moment


def test_a_row_of_events_is_its_own_key_and_two_mappings_of_it_are_two():
    row = SimpleNamespace(pk=7, seen=datetime(2026, 1, 2, tzinfo=UTC))
    views = EventMapping(model="a.B", name="views", type=Constant("view"), occurred_at="seen")
    clicks = EventMapping(model="a.B", name="clicks", type=Constant("click"), occurred_at="seen")
    assert views.read(row)["key"] != clicks.read(row)["key"]
    assert views.source != clicks.source


def test_a_missing_model_is_named():
    with pytest.raises(UnknownModelError, match=r"nowhere\.Thing"):
        find_model("nowhere.Thing")
