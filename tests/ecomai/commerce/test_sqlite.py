"""SQLite, for trying out: the same services, in a process of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import os
from pathlib import Path
os.environ["DJANGO_SETTINGS_MODULE"] = "ecomai_project.settings.test"
from django.conf import settings
settings.DATABASES["default"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from ecomai.commerce import partitions, services
from ecomai.commerce.models import Event, RejectedRow
from ecomai.commerce.snapshots import freeze
from django.utils import timezone

item = {"external_id": "mug", "title": "Mug", "price": "8.50", "currency": "EUR", "attributes": {"a": [1]}}
assert services.upsert_items([item])[0].code == "created"
assert services.upsert_items([item])[0].code == "unchanged"
rows = [{"type": "view", "item_id": "mug", "customer_id": f"c{n}", "key": str(n)} for n in range(500)]
assert {r.status for r in services.ingest_events(rows)} == {"accepted"}
assert {r.status for r in services.ingest_events(rows)} == {"duplicate"}
services.ingest_events([{"type": "view", "item_id": "?"}])
assert RejectedRow.objects.get().code == "unknown_item"
order = {"external_id": "1", "currency": "EUR", "placed_at": "2026-01-05T12:00:00Z",
         "lines": [{"position": 1, "item_id": "mug", "unit_price": "8.50"}]}
assert services.upsert_orders([order])[0].code == "created"
assert services.upsert_orders([order])[0].code == "unchanged"
assert freeze(Path(os.environ["OUT"]), cutoff=timezone.now()).n_events == 501
assert partitions.drop_events_before(timezone.now()) == 0
assert set(Event.objects.values_list("type", flat=True)) == {"view"}
"""


@pytest.mark.slow
def test_taking_in_and_freezing_work_on_sqlite(tmp_path):
    environment = os.environ | {"OUT": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
