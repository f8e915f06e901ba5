"""The doctor uses the whole chain once, for real; each broken link is a row with its remedy."""

import io
import time
from datetime import timedelta

import pytest
from celery import current_app
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone, translation

from ecomai.commerce.adapters import CustomerMapping, ShopAdapter
from ecomai.commerce.models import Event, EventKey, Item, RejectedRow
from ecomai.console import doctor, trials
from ecomai.registry.models import Job
from tests.workers import Broker

pytestmark = pytest.mark.django_db


class UserAdapter(ShopAdapter):
    """A shop whose customers are its users."""

    customers = [CustomerMapping(model="auth.User")]


class WrongAdapter(ShopAdapter):
    customers = [CustomerMapping(model="auth.User", country="address.country")]


@pytest.fixture(autouse=True)
def shop(settings, tmp_path):
    settings.ECOMAI = {**settings.ECOMAI, "REGISTRY": {"FOLDER": tmp_path / "models"}}
    return settings


def use_adapter(settings, name):
    settings.ECOMAI = {**settings.ECOMAI, "COMMERCE": {"ADAPTER": f"{__name__}.{name}"}}


def rows(patience=0.2):
    return {str(row.name): row for row in doctor.findings(patience_seconds=patience)}


def table(*options):
    """Return what the command prints and its exit status."""
    out = io.StringIO()
    try:
        call_command("ecomai_doctor", *options, stdout=out, no_color=True)
    except SystemExit as stopped:
        return out.getvalue(), stopped.code
    return out.getvalue(), 0


@pytest.mark.services
@pytest.mark.parametrize("broker", ["redis", "rabbitmq"], indirect=True)
def test_a_message_goes_through_the_broker_to_a_worker_on_each_queue_and_back(worker_process):
    found = rows(patience=20)
    for queue in ("default", "gpu"):
        row = found[f"Worker on queue {queue}"]
        assert row.is_ok, row
        assert "answered in" in row.message
    worker_process.kill()
    row = rows(patience=1)["Worker on queue gpu"]
    assert not row.is_ok, "a sign of life from before the question is no answer"
    assert "worker -Q gpu" in row.remedy


def test_a_worker_that_is_busy_with_a_job_is_no_fault():
    lease_until = timezone.now() + timedelta(minutes=1)
    Job.objects.create(kind="data_quality", queue="gpu", state=Job.State.RUNNING, lease_until=lease_until)
    found = rows()
    assert found["Worker on queue gpu"].is_ok
    assert not found["Worker on queue default"].is_ok


def test_what_was_tried_leaves_no_trace(shop, tmp_path):
    Item.objects.create(external_id="i1", title="A cup")
    found = rows()
    assert found["Storage of models"].is_ok
    assert found["Event in"].is_ok
    assert "taken back" in found["Event in"].message
    assert not Event.objects.exists()
    assert not EventKey.objects.exists()
    assert not RejectedRow.objects.exists()
    assert not [path for path in (tmp_path / "models").rglob("*") if path.is_file()]


def test_a_folder_of_models_that_cannot_be_written(shop, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    shop.ECOMAI = {"REGISTRY": {"FOLDER": tmp_path / "file"}}
    row = rows()["Storage of models"]
    assert not row.is_ok
    assert "REGISTRY.FOLDER" in row.remedy


def test_the_adapter_reads_a_row(shop):
    use_adapter(shop, "UserAdapter")
    assert rows()["Adapter: auth.User"].message == "no row yet"
    user = get_user_model().objects.create_user("ann")
    assert rows()["Adapter: auth.User"].message == f"reads {user.pk}"


def test_an_adapter_whose_path_leads_nowhere_is_named(shop):
    use_adapter(shop, "WrongAdapter")
    get_user_model().objects.create_user("ann")
    row = rows()["Adapter: auth.User"]
    assert not row.is_ok
    assert "AttributeError" in row.message
    assert "mapping" in row.remedy


def test_an_adapter_that_cannot_be_imported_does_not_stop_the_other_rows(shop):
    shop.ECOMAI = {**shop.ECOMAI, "COMMERCE": {"ADAPTER": "nowhere.Adapter"}}
    found = rows()
    assert not found["Adapter"].is_ok
    assert found["Event in"].is_ok


def test_tables_that_are_missing_end_the_examination():
    MigrationRecorder.Migration.objects.filter(app="ecomai_console").latest("name").delete()
    found = rows()
    assert "1 migrations have not run" in found["Tables"].message
    assert "Event in" not in found


def test_a_broker_that_is_away_is_one_row():
    with Broker("redis", "redis://127.0.0.1:1/0").used_by(current_app._get_current_object()):
        found = rows()
    assert not found["Message broker"].is_ok
    assert "Worker on queue default" not in found


def test_an_event_that_is_refused_is_told():
    """Such as a database without room for it."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ecomai_commerce_eventkey ADD CONSTRAINT no_room CHECK (false) NOT VALID")
    row = trials.event_round_trip()
    assert not row.is_ok
    assert "no_room" in row.message


def test_the_table_names_every_row_and_ends_with_1():
    printed, status = table("--patience", "0.2")
    assert status == 1
    assert "ok     Database" in printed
    assert "wrong  Worker on queue gpu" in printed
    assert "celery -A <your project> worker -Q gpu" in printed
    assert printed.splitlines()[-1].endswith("are wrong.")
    columns = {line.index("PostgreSQL") for line in printed.splitlines() if "Database" in line}
    columns |= {line.index("reachable") for line in printed.splitlines() if "Message broker" in line}
    assert len(columns) == 1, "the third column is a column"


def test_the_table_speaks_chinese():
    with translation.override("zh-hans"):
        printed, _status = table("--patience", "0.2")
    assert "数据库" in printed


def test_workers_are_asked_all_at_once():
    """Two dead queues cost the patience once."""
    started = time.monotonic()
    rows(patience=1)
    assert time.monotonic() - started < 2.5
