"""Each usual mistake is found by `manage.py check`, with its remedy; every id is documented."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from celery import Celery, current_app
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.test.utils import modify_settings
from django.urls import clear_url_caches

from ecomai import scenarios
from ecomai.console import checks as console_checks
from ecomai.scenarios import Scenario
from tests.architecture import sources
from tests.workers import open_broker

TABLE = (sources.ROOT / "docs" / "system-checks.md").read_text(encoding="utf-8")


def found(*, deploy=False, tags=("ecomai",)):
    messages = checks.run_checks(tags=None if deploy else tags, include_deployment_checks=deploy)
    return {
        message.id: message for message in messages if str(message.id).startswith(("ecomai", "recommend"))
    }


def remedy(message_id, **kwargs):
    message = found(**kwargs)[message_id]
    assert message.hint, "each says the remedy"
    return message.hint


@pytest.fixture
def publishes_by():
    """Use a Celery application in this thread that a shop could have; afterwards the project's again."""
    before = current_app._get_current_object()

    def use(**conf):
        app = Celery("shop", set_as_current=True)
        app.conf.update(beat_scheduler="django_celery_beat.schedulers:DatabaseScheduler", **conf)

    yield use
    before.set_current()


def test_the_project_itself_has_no_complaint():
    assert found() == {}


def test_a_label_that_is_taken_twice_is_explained_before_django_gives_up():
    with (
        pytest.raises(ImproperlyConfigured, match=r"ecomai\.E002.*'ecomai_recommendations'.*Keep one"),
        modify_settings(INSTALLED_APPS={"append": "recommendations.apps.RecommendationsConfig"}),
    ):
        pass


def test_addresses_that_are_not_included(settings):
    settings.ROOT_URLCONF = "tests.ecomai.empty_urls"
    clear_url_caches()
    assert "include('ecomai.urls')" in remedy("ecomai.W003")


@pytest.fixture
def with_a_socket():
    urls = f"{__name__}.ROUTES"
    scenarios.register(Scenario(name="talk", verbose_name="Talk", websocket_urls=urls))
    yield
    scenarios.unregister("talk")


ROUTES: list = []


@pytest.mark.parametrize(
    ("application", "urls"),
    [(None, "tests.support_bot.chat_pages"), ("tests.ecomai.plain_asgi.application", "ecomai_project.urls")],
)
def test_sockets_that_the_shops_asgi_application_does_not_lead_to(
    settings, with_a_socket, monkeypatch, application, urls
):
    monkeypatch.setattr(f"{__name__}.ROUTES", [SimpleNamespace()])
    settings.ASGI_APPLICATION = application
    monkeypatch.setattr(settings, "ROOT_URLCONF", urls)
    assert "with_sockets" in remedy("ecomai.W004")
    settings.ASGI_APPLICATION = "ecomai_project.asgi.application"
    assert "ecomai.W004" not in found()


def test_an_asgi_file_that_no_setting_names_is_found(settings, with_a_socket):
    settings.ASGI_APPLICATION = None
    assert "ecomai.W004" not in found(), "ecomai_project has an asgi.py that leads to them"


def test_a_shop_on_wsgi_without_sockets_hears_nothing_of_asgi(settings, without_support_bot):
    settings.ASGI_APPLICATION = None
    assert "ecomai.W004" not in found()


def test_a_process_without_a_celery_application(publishes_by, monkeypatch):
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    publishes_by()
    assert "ecomai_init" in remedy("ecomai.W005")


def test_beat_that_does_not_read_the_database(publishes_by):
    publishes_by(broker_url="memory://")
    assert found() == {}
    publishes_by(broker_url="memory://")
    current_app.conf.beat_scheduler = "celery.beat:PersistentScheduler"
    assert "DatabaseScheduler" in remedy("ecomai.W006")


def test_tasks_that_run_inside_the_request(publishes_by):
    publishes_by(broker_url="memory://", task_always_eager=True)
    assert "start workers" in remedy("ecomai.W008")


@pytest.mark.parametrize("key", ["short", "django-insecure-" + "x7Kq" * 20])
def test_an_insecure_secret_key(settings, key):
    settings.SECRET_KEY = key
    assert "get_random_secret_key" in remedy("ecomai.W007")
    settings.DEBUG = True
    assert "ecomai.W007" not in found()


def test_a_monitoring_token_that_can_be_guessed(settings):
    settings.ECOMAI = {**settings.ECOMAI, "CONSOLE": {"MONITORING_TOKEN": "letmein"}}
    assert "token_urlsafe" in remedy("ecomai.console.W003")


def test_a_secret_key_in_pages(settings):
    settings.ECOMAI = {**settings.ECOMAI, "COMMERCE": {"PUBLISHABLE_KEY": "sk_abc"}}
    assert "pages would give to everyone" in found(tags=None)["ecomai_commerce.E006"].msg


@pytest.mark.parametrize("ecomai", [{}, {"COMMERCE": {"REPORTING_CURRENCY": "EUR"}}])
def test_nobody_said_where_consent_comes_from(settings, ecomai):
    settings.ECOMAI = ecomai
    assert "DEFAULT_CONSENT" in remedy("ecomai_fusion.W002", tags=None)


@pytest.mark.parametrize(
    "ecomai", [{"FUSION": {"DEFAULT_CONSENT": {}}}, {"COMMERCE": {"TRACKER_CONSENT": "wait"}}]
)
def test_one_line_decides_about_consent(settings, ecomai):
    settings.ECOMAI = ecomai
    assert "ecomai_fusion.W002" not in found(tags=None)


def test_an_encoder_whose_folder_is_not_there(settings):
    settings.ECOMAI = {**settings.ECOMAI, "RECOMMENDATIONS": {"ENCODER": "/no/such/folder"}}
    assert "on every worker" in remedy("recommendations.W002")


def test_the_default_encoder_is_missed_only_where_models_are_trained(monkeypatch):
    installed = {"torch"}
    monkeypatch.setattr("recommendations.checks.find_spec", lambda name: name in installed or None)
    assert "ecomai[worker]" in remedy("recommendations.W002")
    installed.clear()
    assert "recommendations.W002" not in found()


# -- what reaches out belongs to --deploy ---------------------------------------------------------------


def test_a_broker_that_is_away(publishes_by):
    publishes_by(broker_url="redis://127.0.0.1:1/0")
    assert "ecomai.console.W004" not in found(), "plain check works offline"
    assert "CELERY_BROKER_URL" in remedy("ecomai.console.W004", deploy=True)


def test_a_queue_that_nobody_serves(publishes_by):
    with open_broker("redis") as broker:
        publishes_by(broker_url=broker.url, broker_transport_options=broker.transport_options)
        messages = [message.msg for message in console_checks.check_services()]
    assert messages == ["No worker serves the queue “default”.", "No worker serves the queue “gpu”."]


@pytest.mark.services
@pytest.mark.parametrize("broker", ["redis", "rabbitmq"], indirect=True)
def test_a_worker_that_serves_the_queues_is_seen(worker_process):
    assert console_checks.unserved_queues() == []


# -- the table ------------------------------------------------------------------------------------------


def ids_in_code():
    for path in sources.shipped():
        if path.name in {"checks.py"}:
            text = path.read_text(encoding="utf-8")
            yield from re.findall(r'id="([\w.]+)"', text)
            yield from re.findall(r"\b(ecomai\.E\d+): \{", text)
            for prefix in re.findall(r'id=f"([\w.]+)\.\{number\}"', text):
                yield from (f"{prefix}.{number}" for number in re.findall(r'\("(E\d+)", "', text))


def test_every_check_is_in_the_table_and_no_other():
    documented = re.findall(r"^\| `([\w.]+)` \|", TABLE, re.MULTILINE)
    assert sorted(set(ids_in_code())) == sorted(documented)


def test_ids_are_used_once():
    files = [path for path in sources.shipped() if path.name == "checks.py"]
    owners: dict[str, set[Path]] = {}
    for path in files:
        for one in re.findall(r'id="([\w.]+)"', path.read_text(encoding="utf-8")):
            owners.setdefault(one, set()).add(path)
    assert {one: paths for one, paths in owners.items() if len(paths) > 1} == {}
