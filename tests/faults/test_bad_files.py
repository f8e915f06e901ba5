"""Files with what no table can hold: the bad rows are set aside or the file is refused, with a reason."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from ecomai.commerce.models import Event, Item, RejectedRow

pytestmark = pytest.mark.django_db

N_ROWS = 30_000


def import_file(path):
    out = StringIO()
    call_command("ecomai_import", str(path), stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.mark.parametrize("column", ["external_id", "title", "category_path", "currency", "price"])
def test_null_characters_in_a_table_of_items(tmp_path, registry_folder, column):
    row = {"external_id": "one", "title": "One", "category_path": "A > B", "currency": "EUR", "price": "1"}
    bad = row | {column: row[column] + "\x00"}
    good = row | {"external_id": "two"}
    lines = [",".join(row), ",".join(bad.values()), ",".join(good.values())]
    (tmp_path / "items.csv").write_text("\n".join(lines) + "\n")
    import_file(tmp_path / "items.csv")
    assert Item.objects.filter(external_id="two").exists()
    assert RejectedRow.objects.count() == 1


@pytest.mark.parametrize("column", ["type", "item_id", "session_id", "query"])
def test_null_characters_in_a_table_of_events(tmp_path, registry_folder, shop, column):
    row = {
        "type": "view",
        "item_id": "coffee-1",
        "session_id": "session-1",
        "occurred_at": "2026-06-01T10:00:00Z",
        "query": "coffee",
    }
    bad = row | {column: row[column] + "\x00"}
    lines = [",".join(row), ",".join(bad.values()), ",".join((row | {"session_id": "session-2"}).values())]
    (tmp_path / "events.csv").write_text("\n".join(lines) + "\n")
    import_file(tmp_path / "events.csv")
    assert Event.objects.filter(session_id="session-2").exists()
    assert RejectedRow.objects.count() == 1


def test_a_wrong_byte_late_in_a_file_is_named_and_the_mended_file_goes_in_whole(tmp_path, registry_folder):
    path = tmp_path / "items.csv"
    rows = [f"item-{number},Title {number}".encode() for number in range(N_ROWS)]
    good = b"\n".join([b"external_id,title", *rows]) + b"\n"
    path.write_bytes(good.replace(b"Title 29999", b"Th\xe9 29999"))
    with pytest.raises(CommandError, match="not_utf8"):
        import_file(path)
    path.write_bytes(good)
    import_file(path)
    assert Item.objects.count() == N_ROWS
    assert not RejectedRow.objects.exists()
