"""Health, metrics, request ids and masked logs: what operators rely on."""

import logging
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import override_settings
from django.utils import timezone

from ecomai.commerce.models import Event
from ecomai.console import health, selectors, services
from ecomai.console.tasks import beat_queue
from ecomai.logging import MaskingFilter, RequestIdFilter
from ecomai.registry.jobs import enqueue_job
from ecomai.registry.models import AuditEntry, Job
from ecomai.registry.request_ids import current_request_id

pytestmark = pytest.mark.django_db

TOKEN = {"Authorization": "Bearer monitoring-token"}
with_token = override_settings(ECOMAI={"CONSOLE": {"MONITORING_TOKEN": "monitoring-token"}})


@pytest.fixture(autouse=True)
def _fresh_checks():
    health.forget()
    yield
    health.forget()


@pytest.fixture
def workers():
    for queue in selectors.queue_names():
        beat_queue(queue)


def test_live_answers_without_a_database_query(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.get("/ecomai/health/live")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


def test_ready_is_200_when_every_queue_gave_a_sign_of_life(client, workers):
    answer = client.get("/ecomai/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


def test_ready_is_503_when_no_worker_was_seen(client):
    assert client.get("/ecomai/health/ready").status_code == 503


def test_ready_ignores_checks_that_the_shop_does_not_require(client):
    with override_settings(ECOMAI={"CONSOLE": {"READY_REQUIRES": ("database",)}}):
        answer = client.get("/ecomai/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")


@with_token
def test_ready_is_503_when_the_broker_is_away(client, workers, settings):
    from celery import current_app

    known = current_app.conf.broker_url
    current_app.conf.broker_url = current_app.conf.broker_write_url = "redis://127.0.0.1:1/0"
    try:
        answer = client.get("/ecomai/health/ready", headers=TOKEN)
    finally:
        current_app.conf.broker_url = current_app.conf.broker_write_url = known
    assert answer.status_code == 503
    assert answer.json()["checks"]["broker"]["status"] == "failed"
    assert answer.json()["checks"]["database"]["status"] == "ok"


def test_details_are_for_staff_and_the_token_alone(client, admin_client, workers):
    assert set(client.get("/ecomai/health/ready").json()) == {"status"}
    assert "checks" in admin_client.get("/ecomai/health/ready").json()
    with with_token:
        assert "checks" in client.get("/ecomai/health/ready", headers=TOKEN).json()
        wrong = {"Authorization": "Bearer wrong"}
        assert "checks" not in client.get("/ecomai/health/ready", headers=wrong).json()


def test_an_empty_token_opens_nothing(client):
    assert client.get("/ecomai/metrics", headers={"Authorization": "Bearer "}).status_code == 403


def test_a_queue_is_alive_while_its_only_worker_trains_for_hours():
    Job.objects.create(kind="x", queue="default", state=Job.State.RUNNING, heartbeat_at=timezone.now())
    assert {queue.name: queue.is_alive for queue in selectors.queues()}["default"]


def test_a_queue_is_dead_when_its_last_sign_of_life_is_old(workers):
    later = timezone.now() + timedelta(hours=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: later)
        assert not any(queue.is_alive for queue in selectors.queues())


@with_token
def test_old_events_degrade_and_do_not_fail(client, workers):
    occurred_at = timezone.now() - timedelta(days=30)
    Event.objects.create(key="0" * 32, type="view", session_id="s", occurred_at=occurred_at)
    answer = client.get("/ecomai/health/ready", headers=TOKEN)
    assert answer.status_code == 200
    assert answer.json()["checks"]["events"]["status"] == "degraded"
    assert 719 < answer.json()["checks"]["events"]["age_hours"] < 721


@with_token
def test_metrics_tell_jobs_queues_and_our_own_requests(client, workers):
    enqueue_job(kind="data_quality")
    with override_settings(MIDDLEWARE=["ecomai.middleware.RequestIdMiddleware"]):
        client.get("/ecomai/health/live")
        text = client.get("/ecomai/metrics", headers=TOKEN).content.decode()
    assert 'ecomai_jobs{queue="default",state="queued"} 1.0' in text
    assert 'ecomai_queue_silent_seconds{queue="default"}' in text
    assert 'ecomai_requests_total{method="GET",route="ecomai:health-live",status="200"}' in text


def test_metrics_refuse_strangers_with_a_sentence(client):
    answer = client.get("/ecomai/metrics")
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "permission_denied"


@pytest.mark.parametrize(
    ("given", "is_kept"),
    [
        ("checkout-12345678", True),
        ("short", False),
        ("a" * 65, False),
        ("a\tb evil 12345", False),
        ("", False),
    ],
)
@override_settings(MIDDLEWARE=["ecomai.middleware.RequestIdMiddleware"])
def test_request_id_of_the_caller_is_kept_only_if_harmless(client, given, is_kept):
    answer = client.get("/ecomai/health/live", headers={"X-Request-ID": given} if given else {})
    assert (answer["X-Request-ID"] == given) is is_kept
    assert len(answer["X-Request-ID"]) >= 8


@override_settings(MIDDLEWARE=["ecomai.middleware.RequestIdMiddleware"])
async def test_request_id_works_under_asgi(async_client):
    answer = await async_client.get("/ecomai/health/live", headers={"X-Request-ID": "asgi-request-1"})
    assert answer["X-Request-ID"] == "asgi-request-1"
    assert current_request_id.get() == ""


def test_request_id_goes_from_the_request_to_job_and_audit(admin_client, settings):
    settings.MIDDLEWARE = ["ecomai.middleware.RequestIdMiddleware", *settings.MIDDLEWARE]
    admin_client.post(
        "/admin/ecomai_console/qualityreport/compute/", headers={"X-Request-ID": "from-the-button"}
    )
    assert Job.objects.get().request_id == "from-the-button"
    assert AuditEntry.objects.get().request_id == "from-the-button"


def test_log_lines_carry_the_request_id_and_no_personal_data():
    record = logging.LogRecord(
        "x", 20, "f", 1, "Mail to %s with %s", ("ann@shop.example", "sk_12345678abc"), None
    )
    token = current_request_id.set("request-1")
    RequestIdFilter().filter(record)
    current_request_id.reset(token)
    MaskingFilter().filter(record)
    assert record.request_id == "request-1"
    assert "ann@" not in record.getMessage()
    assert "sk_1" not in record.getMessage()


def test_tracebacks_in_logs_are_masked_too():
    try:
        raise ValueError("ann@shop.example")
    except ValueError as error:
        record = logging.LogRecord("x", 40, "f", 1, "failed", (), (type(error), error, error.__traceback__))
    MaskingFilter().filter(record)
    text = logging.Formatter().format(record)
    assert "ValueError" in text
    assert "ann@" not in text


def test_heartbeat_twice_is_one_row():
    services.record_heartbeat(queue="default")
    services.record_heartbeat(queue="default")
    assert [queue.name for queue in selectors.queues() if queue.is_alive] == ["default"]


def test_doctor_names_what_is_wrong_and_the_remedy(capsys):
    with pytest.raises(SystemExit) as stopped:
        call_command("ecomai_doctor", patience=0.2)
    said = capsys.readouterr().out
    assert stopped.value.code == 1
    assert "no answer within 0 s" in said
    assert "Start one: celery -A" in said


def test_misspelt_setting_is_named_by_a_system_check():
    from ecomai.console.checks import check_setting_names

    with override_settings(ECOMAI={"CONSOLE": {"MONITORING_TOKN": "x"}, "KONSOLE": {}}):
        messages = [message.msg for message in check_setting_names()]
    assert messages == [
        "ECOMAI['KONSOLE'] is not a setting.",
        "ECOMAI['CONSOLE']['MONITORING_TOKN'] is not a setting.",
    ]
