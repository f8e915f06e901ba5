"""Pages that cannot be made: a sentence for people, one line or a traceback for the log."""

import logging

import pytest
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from ecomai.commerce.models import CrawlerCount
from ecomai.commerce.services import count_crawler
from ecomai.exceptions import ConflictError
from ecomai.logging import OutageFilter
from ecomai.rest import ApiView


def away(request: HttpRequest) -> HttpResponse:
    raise OperationalError("connection refused\nIs the server running?")


def broken(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("a secret of the code")


class HalfDone(ApiView):
    def get(self, request: HttpRequest) -> HttpResponse:
        count_crawler(storefront="", n_events=1)
        raise ConflictError(reason="it is Sunday")


urlpatterns = [path("away/", away), path("broken/", broken), path("half/", HalfDone.as_view())]
handler500 = "ecomai_project.faults.server_error"


@pytest.fixture
def client() -> Client:
    with override_settings(ROOT_URLCONF=__name__):
        yield Client(raise_request_exception=False)


def test_without_database_the_page_says_so_and_when_to_come_back(client: Client) -> None:
    response = client.get("/away/")
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert "please try again in a minute" in response.text
    assert "connection refused" not in response.text


def test_an_unexpected_fault_shows_nothing_of_the_code(client: Client) -> None:
    response = client.get("/broken/")
    assert response.status_code == 500
    assert "Something went wrong" in response.text
    assert "secret" not in response.text


def test_the_page_speaks_the_readers_language(client: Client) -> None:
    assert "请一分钟后再试" in client.get("/away/", headers={"Accept-Language": "zh-hans"}).text


@pytest.mark.parametrize(("page", "has_traceback"), [("/away/", False), ("/broken/", True)])
def test_an_outage_is_one_line_of_the_log_and_other_faults_keep_their_traceback(
    client: Client, caplog: pytest.LogCaptureFixture, page: str, has_traceback: bool
) -> None:
    client.get(page)
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    OutageFilter().filter(record)
    text = logging.Formatter().format(record)
    assert ("Traceback" in text) == has_traceback
    assert has_traceback or text.endswith("(OperationalError: connection refused)")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_atomic", [True, False])
def test_an_error_undoes_what_was_written_where_the_host_has_atomic_requests(
    client: Client, monkeypatch: pytest.MonkeyPatch, is_atomic: bool
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", is_atomic)
    assert client.get("/half/").status_code == 409
    assert CrawlerCount.objects.exists() != is_atomic
