"""Histories from files: what is read, what is set aside, and what a second run does."""

import gzip
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command

from ecomai.commerce.importing import importer
from ecomai.commerce.importing.mappings import built_in_mappings
from ecomai.commerce.models import (
    Customer,
    Event,
    ExchangeRate,
    ImportCheckpoint,
    Item,
    Order,
    OrderLine,
    RejectedRow,
)

pytestmark = pytest.mark.django_db

ITEMS = """external_id,title,category_path,price,currency,stock,image_urls,attributes,is_active
mug,Blue mug,Kitchen > Mugs,8.50,EUR,3,/a.png|/b.png,"{""colour"": ""blue""}",true
pot,"Tea pot, large",Kitchen,30,EUR,,,,false
"""
ORDER_COLUMNS = (
    "order_id,position,customer_id,item_id,quantity,returned_quantity,unit_price,currency,status,placed_at"
)
ORDERS = f"""{ORDER_COLUMNS}
o1,1,anna,mug,2,,8.50,EUR,completed,2026-01-05 12:00:00
o1,2,anna,pot,1,1,30,EUR,completed,2026-01-05 12:00:00
o2,1,,mug,1,,8.50,EUR,cancelled,2026-01-06
"""
EVENTS = """key,type,customer_id,item_id,occurred_at
1,view,anna,mug,2026-01-05T11:00:00+01:00
2,view,bert,pot,2026-01-05
2,view,bert,pot,2026-01-05
"""

# Without the time in it, so that each process that collects tests names this one alike.
CUT = gzip.compress(b"external_id,title\nmug,Mug\n" * 1000, mtime=0)[:-20]


def run(path: Path, **options) -> dict:
    out = io.StringIO()
    call_command("ecomai_import", path, stdout=out, stderr=io.StringIO(), **options)
    return json.loads(out.getvalue().splitlines()[-1])["files"]


def code_of_failure(path: Path, **options) -> str:
    with pytest.raises(CommandError) as caught:
        run(path, **options)
    return str(caught.value).rsplit("[", 1)[1].rstrip("]")


def everything() -> list:
    return [
        list(model.objects.order_by("pk").values())
        for model in (Item, Customer, Order, OrderLine, Event, ExchangeRate, RejectedRow)
    ]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "items.csv").write_text(ITEMS)
    (tmp_path / "orders.csv").write_text(ORDERS)
    (tmp_path / "events.csv").write_text(EVENTS)
    (tmp_path / "customers.csv").write_text("external_id,country,first_seen_at\nanna,DE,2025-01-01\n")
    (tmp_path / "rates.csv").write_text("currency,valid_from,rate\nUSD,2026-01-01,0.9\n")
    (tmp_path / "README.md").write_text("no table")
    return tmp_path


def test_a_folder_is_imported_in_the_order_its_tables_need(folder):
    summaries = run(folder)
    assert [summary["mapping"] for summary in summaries] == [
        "rates",
        "items",
        "customers",
        "orders",
        "events",
    ]
    mug = Item.objects.get(external_id="mug")
    assert (mug.image_urls, mug.attributes, mug.stock) == (["/a.png", "/b.png"], {"colour": "blue"}, 3)
    assert Item.objects.get(external_id="pot").is_active is False
    assert Order.objects.get(external_id="o1").total == 47
    assert sorted(Event.objects.values_list("type", flat=True)) == [
        "cancellation", "purchase", "purchase", "purchase", "return", "view", "view",
    ]  # fmt: skip
    assert Event.objects.get(type="view", customer__external_id="anna").occurred_at == datetime(
        2026, 1, 5, 10, tzinfo=UTC
    )
    assert summaries[-1]["written"] == {"created": 2, "unchanged": 1}


def test_a_second_run_changes_nothing(folder):
    run(folder)
    before = everything()
    summaries = run(folder)
    assert everything() == before
    assert all(set(summary["written"]) <= {"unchanged", "lines", "orders_in_file"} for summary in summaries)


def test_the_storefront_of_the_rows_is_given(folder):
    run(folder, storefront="second")
    assert set(Order.objects.values_list("storefront", flat=True)) == {"second"}


def test_gzipped_files_other_separators_and_a_byte_order_mark_are_read(tmp_path):
    (tmp_path / "items.csv.gz").write_bytes(
        gzip.compress("\ufeffexternal_id;title\r\nmug;Tasse “blau”\r\n".encode())
    )
    run(tmp_path / "items.csv.gz")
    assert Item.objects.get().title == "Tasse “blau”"


def test_parquet_is_read_with_its_types(tmp_path):
    moments = [datetime(2026, 1, 5, 12, tzinfo=UTC), None]
    table = pa.table(
        {"type": ["search", "view"], "query": ["mug", None], "occurred_at": moments, "quantity": [1, 2]}
    )
    pq.write_table(table, tmp_path / "events.parquet")
    summary = run(tmp_path / "events.parquet")[0]
    assert summary["rows"] == 2
    assert set(Event.objects.values_list("type", "query", "quantity")) == {
        ("search", "mug", 1),
        ("view", "", 2),
    }


def test_bad_rows_are_set_aside_with_their_number_and_the_others_taken(tmp_path):
    (tmp_path / "items.csv").write_text(
        "external_id,title,price,currency\nmug,Mug,8,EUR\n,nameless,1,EUR\npot,Pot,cheap,EUR\n"
        "tea,Tea\ncup,Cup,-1,EUR\nsaucer,Saucer,2,EUR\n"
    )
    summary = run(tmp_path)[0]
    assert summary["rejected"] == {"absurd_price": 1, "invalid_field": 2, "wrong_number_of_cells": 1}
    assert set(Item.objects.values_list("external_id", flat=True)) == {"mug", "saucer"}
    assert set(RejectedRow.objects.values_list("row_number", "source")) == {
        (number, "file:items.csv") for number in (2, 3, 4, 5)
    }


def test_a_bad_line_is_set_aside_and_the_rest_of_its_order_taken(folder):
    (folder / "orders.csv").write_text(
        ORDERS + "o3,1,anna,mug,1,,-5,EUR,placed,2026-01-07\n"
        "o3,2,anna,mug,2,,8.50,EUR,placed,2026-01-07\n"
        "o3,3,anna,mug,many,,8.50,EUR,placed,2026-01-07\n"
        "o4,1,anna,mug,2,,8.50,EUR,placed,sometime\n"
        "o5,1,anna,mug,2,,8.50,EUR,placed,1899-12-30\n"
        "o6,1,anna,unknown,2,,8.50,EUR,placed,2026-01-07\n"
    )
    summary = run(folder)[3]
    assert summary["rejected"] == {
        "absurd_date": 1, "absurd_price": 1, "invalid_date": 1, "invalid_field": 1, "unknown_item": 1,
    }  # fmt: skip
    assert Order.objects.get(external_id="o3").total == 17
    assert not Order.objects.filter(external_id__in=["o4", "o5", "o6"]).exists()
    assert RejectedRow.objects.filter(kind="order").count() == 5
    assert summary["left_out"] == {}


def test_a_file_in_another_encoding_is_refused_whole(tmp_path):
    (tmp_path / "items.csv").write_bytes(b"external_id,title\nmug,Mug\npot,Th\xe9i\xe8re\n")
    assert code_of_failure(tmp_path) == "not_utf8"
    assert not Item.objects.exists()


def test_missing_columns_are_named(tmp_path):
    (tmp_path / "orders.csv").write_text("order_id,quantity\no1,2\n")
    with pytest.raises(CommandError) as caught:
        run(tmp_path)
    assert "currency, placed_at, unit_price" in str(caught.value)
    assert "[missing_column]" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("items.csv", b"", "empty_file"),
        ("items.csv", b"\n\n", "empty_file"),
        ("items.parquet", b"", "empty_file"),
        ("items.parquet", b"PAR1 this is none", "unreadable_file"),
        ("items.csv.gz", b"not gzipped", "unreadable_file"),
        ("items.csv.gz", CUT, "unreadable_file"),
        ("weather.csv", b"day,rain\n1,2\n", "unknown_file"),
    ],
)
def test_files_that_cannot_be_read_are_refused_with_a_code(tmp_path, name, content, code):
    (tmp_path / name).write_bytes(content)
    assert code_of_failure(tmp_path / name) == code
    assert not Item.objects.exists()


def test_a_file_with_a_header_alone_is_an_empty_shop(tmp_path):
    (tmp_path / "items.csv").write_text("external_id,title\n")
    assert run(tmp_path)[0]["rows"] == 0


def test_no_such_file_and_an_empty_folder_are_said_clearly(tmp_path):
    assert code_of_failure(tmp_path / "nothing.csv") == "unreadable_file"
    assert code_of_failure(tmp_path) == "unknown_file"


OWN = {
    "name": "till",
    "kind": "order_lines",
    "columns": {
        "order_id": "bon",
        "item_id": "art",
        "quantity": "menge",
        "unit_price": "preis",
        "placed_at": "zeit",
    },
    "constants": {"currency": "EUR", "status": "completed", "channel": "store"},
    "timezone": "Europe/Berlin",
    "derive_items": True,
    "leave_out_exact_duplicates": True,
    "item_ids_of_no_product": "FEE",
    "order_ids_of_credit_notes": "R.*",
    "left_out": [{"code": "training", "reason": "Training of the staff.", "when": {"order_id": "T.*"}}],
}
TILL = """bon,art,menge,preis,zeit
1,mug,2,8.50,2026-07-01 12:00:00
1,mug,2,8.50,2026-07-01 12:00:00
1,FEE,1,2.00,2026-07-01 12:00:00
T1,mug,9,8.50,2026-07-01 12:30:00
R1,mug,-1,8.50,2026-07-02 09:00:00
1,pot,1,30,2026-07-01 12:01:00
"""


@pytest.fixture
def till(tmp_path):
    (tmp_path / "till.csv").write_text(TILL)
    (tmp_path / "till.json").write_text(json.dumps(OWN))
    return tmp_path


def test_a_mapping_of_the_shops_own_says_what_is_what(till):
    summary = run(till / "till.csv", mapping=till / "till.json")[0]
    assert summary["left_out"] == {"exact_duplicate": 1, "training": 1}
    assert set(Item.objects.values_list("external_id", flat=True)) == {"mug", "pot"}
    first = Order.objects.get(external_id="1")
    assert (first.total, first.channel, first.placed_at) == (
        49,
        "store",
        datetime(2026, 7, 1, 10, tzinfo=UTC),
    )
    assert Order.objects.get(external_id="R1").status == "returned"
    assert list(Event.objects.filter(type="return").values_list("quantity", flat=True)) == [1]


def test_an_order_whose_rows_lie_apart_is_one_order_and_a_second_run_changes_nothing(till, monkeypatch):
    monkeypatch.setattr(importer, "LINES_AT_ONCE", 2)
    run(till / "till.csv", mapping=till / "till.json")
    before = everything()
    assert Order.objects.get(external_id="1").lines.count() == 3
    run(till / "till.csv", mapping=till / "till.json")
    assert everything() == before


@pytest.mark.parametrize("kind", ["lines", "events"])
def test_an_import_that_was_interrupted_goes_on_where_it_ended(till, folder, monkeypatch, kind):
    monkeypatch.setattr(importer, "LINES_AT_ONCE", 2)
    monkeypatch.setattr(importer, "ROWS_AT_ONCE", 1)
    path, options = (
        (till / "till.csv", {"mapping": till / "till.json"})
        if kind == "lines"
        else (folder / "events.csv", {})
    )
    if kind == "events":
        run(folder / "items.csv")
    service = "upsert_orders" if kind == "lines" else "ingest_events"
    original, calls = getattr(importer.services, service), []

    def fail_at_the_second(*args, **kwargs):
        calls.append(1)
        if len(calls) == 2:
            raise ConnectionError("the power went away")
        return original(*args, **kwargs)

    monkeypatch.setattr(importer.services, service, fail_at_the_second)
    with pytest.raises(ConnectionError):
        run(path, **options)
    checkpoint = ImportCheckpoint.objects.get(source__contains=path.name)
    assert checkpoint.rows_done > 0
    assert checkpoint.finished_at is None
    monkeypatch.setattr(importer.services, service, original)
    resumed = run(path, **options)[0]
    assert resumed["resumed_after_row"] == checkpoint.rows_done
    if kind == "lines":
        assert Order.objects.get(external_id="1").total == 49
        assert resumed["left_out"] == {"exact_duplicate": 1, "training": 1}
    before = everything()
    run(path, **options)
    assert everything() == before


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "weather"},
        {"columns": {"nothing": "x"}},
        {"timezone": "Mars/Olympus"},
        {"item_ids_of_no_product": "("},
        {"x": 1},
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused(till, change):
    (till / "till.json").write_text(json.dumps(OWN | change))
    assert code_of_failure(till / "till.csv", mapping=till / "till.json") == "bad_mapping"


def test_the_mappings_that_come_along_are_valid():
    assert {mapping.name for mapping in built_in_mappings()} >= {"items", "orders", "events", "online-retail"}


def test_progress_is_on_standard_error_and_the_summary_is_for_people_and_machines(folder, capsys):
    call_command("ecomai_import", folder)
    captured = capsys.readouterr()
    assert "items.csv: 2 rows in" in captured.err
    assert "Written" in captured.out
    assert json.loads(captured.out.splitlines()[-1])["files"]
