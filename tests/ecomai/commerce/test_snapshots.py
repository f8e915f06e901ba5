"""What learning reads: the past, and nothing else."""

from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from ecomai.commerce import snapshots
from ecomai.commerce.models import Customer, Item
from ecomai.commerce.records import EventIn
from ecomai.commerce.services import ingest_events, upsert_items
from ecomai.commerce.snapshots import freeze, session_key

pytestmark = pytest.mark.django_db
CUTOFF = datetime(2026, 1, 10, tzinfo=UTC)


@pytest.fixture
def history(shop):
    Item.objects.filter(external_id="mug").update(listed_at=CUTOFF - timedelta(days=30))
    rows = [
        EventIn(
            type="view",
            customer_id="anna-secret",
            item_id="mug",
            key=f"a{days}",
            occurred_at=CUTOFF - timedelta(days=days),
        )
        for days in (-2, 0, 1, 2)
    ]
    rows.append(
        EventIn(type="cart", session_id="s1", item_id="pot", key="s", occurred_at=CUTOFF - timedelta(days=3))
    )
    ingest_events(rows)


def rows_of(path) -> list[dict]:
    return pq.read_table(path).to_pylist()


def test_nothing_of_the_cutoff_or_later_enters(history, tmp_path):
    snapshot = freeze(tmp_path, cutoff=CUTOFF)
    rows = rows_of(tmp_path / "events.parquet")
    assert [row["occurred_at"] for row in rows] == [CUTOFF - timedelta(days=days) for days in (3, 2, 1)]
    assert (snapshot.n_events, snapshot.n_customers) == (3, 1)
    assert (snapshot.window_start, snapshot.window_end) == (
        CUTOFF - timedelta(days=3),
        CUTOFF - timedelta(days=1),
    )


def test_items_listed_later_enter_only_where_an_event_before_names_them(history, tmp_path):
    freeze(tmp_path, cutoff=CUTOFF)
    assert {row["external_id"] for row in rows_of(tmp_path / "items.parquet")} == {"mug", "pot"}


def test_later_events_do_not_change_the_fingerprint_and_earlier_ones_do(history, tmp_path):
    before = freeze(tmp_path / "1", cutoff=CUTOFF).fingerprint
    ingest_events([EventIn(type="view", item_id="mug", occurred_at=CUTOFF + timedelta(hours=1))])
    assert freeze(tmp_path / "2", cutoff=CUTOFF).fingerprint == before
    ingest_events([EventIn(type="view", item_id="mug", occurred_at=CUTOFF - timedelta(hours=1))])
    assert freeze(tmp_path / "3", cutoff=CUTOFF).fingerprint != before


def test_no_id_of_a_customer_or_session_leaves_the_database(history, tmp_path):
    freeze(tmp_path, cutoff=CUTOFF)
    for path in tmp_path.iterdir():
        assert "anna-secret" not in str(rows_of(path))
    keys = {row["user_key"] for row in rows_of(tmp_path / "events.parquet")}
    assert keys == {Customer.objects.get().pk, session_key("", "s1")}
    assert session_key("", "s1") < 0


def test_only_the_types_and_the_storefront_asked_for(history, tmp_path):
    assert freeze(tmp_path / "1", cutoff=CUTOFF, event_types=["cart"]).n_events == 1
    assert freeze(tmp_path / "2", cutoff=CUTOFF, storefront="other").n_events == 0


def test_an_empty_shop_freezes_to_empty_tables(db, tmp_path):
    snapshot = freeze(tmp_path, cutoff=CUTOFF)
    assert (snapshot.n_events, snapshot.n_items, snapshot.window_start) == (0, 0, None)
    assert rows_of(tmp_path / "events.parquet") == []


def test_the_size_of_the_pieces_does_not_change_the_rows(history, tmp_path, monkeypatch):
    whole = freeze(tmp_path / "1", cutoff=CUTOFF)
    monkeypatch.setattr(snapshots, "ROWS_AT_ONCE", 1)
    freeze(tmp_path / "2", cutoff=CUTOFF)
    assert rows_of(tmp_path / "1" / "events.parquet") == rows_of(tmp_path / "2" / "events.parquet")
    assert whole.n_items == 2


def test_descriptions_come_along(shop, tmp_path):
    upsert_items(
        [{"external_id": "mug", "attributes": {"colour": "blue"}, "category_path": "Kitchen > Mugs"}]
    )
    freeze(tmp_path, cutoff=CUTOFF + timedelta(days=3650))
    mug = next(row for row in rows_of(tmp_path / "items.parquet") if row["external_id"] == "mug")
    assert (mug["attributes"], mug["category_path"], mug["price"]) == (
        '{"colour": "blue"}',
        "Kitchen > Mugs",
        8.5,
    )
