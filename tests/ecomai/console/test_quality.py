"""The data quality report: counts that are known beforehand, computed in a job, shown from one row."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.test import override_settings
from django.utils import timezone

from ecomai.commerce.importing.importer import import_path
from ecomai.commerce.models import CrawlerCount, Customer, Event, ExchangeRate, Item, Order, RejectedRow
from ecomai.console import quality, services
from ecomai.console.models import QualityReport
from ecomai.exceptions import PermissionDeniedError
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import Job

pytestmark = pytest.mark.django_db

PAGE = "/admin/ecomai_console/qualityreport/"
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def shop():
    """Four active items (two share a title), one inactive, five events on two days, two orders."""

    def item(number, **values):
        whole = {"title": f"Item {number}", "description": "d", "category_path": "A", "price": 5,
                 "currency": "EUR", "image_urls": ["a.png"]}  # fmt: skip
        return Item.objects.create(external_id=f"i{number}", **{**whole, **values})

    first = item(1, title="Red shoe")
    item(2, title=" red SHOE ", description="", currency="")
    item(3, price=None, image_urls=[])
    item(4, price=Decimal(-1))
    item(5, title="Red shoe", is_active=False)
    customer = Customer.objects.create(external_id="c1")
    for number, (kind, days, values) in enumerate([
        ("view", 0, {"item": first, "customer": customer}),
        ("view", 0, {"session_id": "s"}),
        ("view", 1, {"item": first}),
        ("search", 1, {"session_id": "s"}),
        ("purchase", 0, {"item": first, "customer": customer, "value": 5, "currency": "USD"}),
    ]):  # fmt: skip
        Event.objects.create(
            key=f"{number:032x}", type=kind, occurred_at=NOW - timedelta(days=days), **values
        )
    Event.objects.create(key="f" * 32, type="view", session_id="s", occurred_at=NOW - timedelta(days=300))
    Order.objects.create(external_id="o1", currency="USD", placed_at=NOW - timedelta(days=2))
    Order.objects.create(external_id="o2", currency="EUR", placed_at=NOW, customer=customer)


def computed() -> QualityReport:
    job = services.request_quality_report()
    execute_job(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED, job.traceback
    return QualityReport.objects.get(job=job)


def gaps(report):
    return {(gap["of"], gap["what"]): (gap["n"], gap["total"]) for gap in report.findings["missing"]}


def test_report_counts_what_is_missing_among_active_rows(shop):
    found = gaps(computed())
    assert found["item", "description"] == (1, 4)
    assert found["item", "price"] == (1, 4)
    assert found["item", "no_sane_price"] == (1, 4)
    assert found["item", "picture"] == (1, 4)
    assert found["item", "title"] == (0, 4)
    assert found["order", "customer"] == (1, 2)
    assert found["order", "lines"] == (2, 2)
    assert found["event", "person"] == (1, 5)
    assert found["event", "item"] == (1, 5)


def test_titles_are_compared_without_case_and_blanks_among_active_items(shop):
    found = computed().findings["duplicates"]
    assert (found["n_titles"], found["n_items"]) == (1, 2)
    assert found["examples"][0]["ids"] == ["i1", "i2"]


def test_only_the_window_before_the_newest_event_is_counted(shop):
    report = computed()
    assert report.window_end == NOW
    assert sum(day["n"] for day in report.findings["events_per_day"]) == 5


@override_settings(TIME_ZONE="Asia/Shanghai")
def test_days_are_those_of_the_shop():
    moment = datetime(2026, 3, 10, 20, tzinfo=UTC)
    Event.objects.create(key="1" * 32, type="view", session_id="s", occurred_at=moment)
    assert computed().findings["events_per_day"] == [{"day": "2026-03-11", "type": "view", "n": 1}]


def test_newest_event_is_known_for_each_channel_and_type(shop):
    rows = {row["type"]: row for row in computed().findings["freshness"]}
    assert rows["search"]["newest"] == (NOW - timedelta(days=1)).isoformat()
    assert rows["view"]["n"] == 3


def test_currency_without_an_early_enough_rate_is_named(shop):
    assert computed().findings["currencies"]["without_rate"] == [
        {"currency": "USD", "first_used": "2026-03-08", "has_later_rate": False}
    ]
    ExchangeRate.objects.create(currency="USD", valid_from=date(2026, 3, 9), rate=1)
    assert computed().findings["currencies"]["without_rate"][0]["has_later_rate"]
    ExchangeRate.objects.create(currency="USD", valid_from=date(2026, 3, 1), rate=1)
    found = computed().findings["currencies"]
    assert found["without_rate"] == []
    assert found["without_currency"] == 1


def test_rejected_rows_are_counted_by_reason_while_they_wait():
    for number, state in enumerate(["waiting", "waiting", "replayed"]):
        RejectedRow.objects.create(
            source="f",
            kind="item",
            code="no_price",
            reason="No price.",
            payload={},
            digest=number,
            state=state,
        )
    rows = computed().findings["rejected"]
    assert [(row["kind"], row["code"], row["n"]) for row in rows] == [("item", "no_price", 2)]


def test_share_of_crawlers_is_that_of_the_window(shop):
    CrawlerCount.objects.create(day=NOW.date(), n_events=15)
    CrawlerCount.objects.create(day=NOW.date() - timedelta(days=300), n_events=1000)
    assert computed().findings["crawlers"] == {"n_left_out": 15, "n_kept": 5}


def test_same_job_run_twice_leaves_one_report(shop):
    job = services.request_quality_report()
    execute_job(job.pk)
    execute_job(job.pk)
    assert QualityReport.objects.count() == 1


def test_second_request_while_one_is_under_way_returns_the_first():
    assert services.request_quality_report() == services.request_quality_report()


def test_job_that_fails_halfway_keeps_the_old_report(shop, monkeypatch):
    report = computed()
    monkeypatch.setattr(quality, "currencies", lambda window: 1 / 0)
    job = services.request_quality_report()
    execute_job(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert QualityReport.objects.get() == report


def test_only_the_newest_reports_are_kept():
    with override_settings(ECOMAI={"CONSOLE": {"KEEP_QUALITY_REPORTS": 2}}):
        reports = [computed() for _n in range(3)]
    assert list(QualityReport.objects.order_by("pk")) == reports[1:]


def test_import_of_history_is_followed_by_a_report(tmp_path):
    (tmp_path / "items.csv").write_text("external_id,title\ni1,One\ni2,Two\n")
    import_path(tmp_path)
    job = Job.objects.get(kind="data_quality")
    execute_job(job.pk)
    assert QualityReport.objects.get().findings["totals"] == {
        "items": 2, "customers": 0, "orders": 0, "events": 0
    }  # fmt: skip


def test_report_counts_all_rows_of_all_times(shop):
    assert computed().findings["totals"] == {"items": 5, "customers": 1, "orders": 2, "events": 6}


def test_computing_needs_its_permission(django_user_model):
    user = django_user_model.objects.create_user("ann", is_staff=True)
    with pytest.raises(PermissionDeniedError):
        services.request_quality_report(user=user)
    user.user_permissions.add(Permission.objects.get(codename="compute_qualityreport"))
    user = django_user_model.objects.get(pk=user.pk)
    assert services.request_quality_report(user=user).created_by == user


def test_page_without_a_report_offers_to_compute_the_first(admin_client):
    assert b"Compute the first report" in admin_client.get(PAGE).content


def test_page_of_an_empty_shop_says_what_to_do(admin_client):
    computed()
    html = admin_client.get(PAGE).content.decode()
    assert "There is no data yet" in html
    assert "What is missing" not in html


def test_page_reads_one_report_and_never_the_events(admin_client, shop, django_assert_max_num_queries):
    computed()
    with django_assert_max_num_queries(8) as queries:
        html = admin_client.get(PAGE).content.decode()
    assert not any('"ecomai_commerce_event"' in query["sql"] for query in queries.captured_queries)
    assert "Items without a description" in html
    assert "Red shoe" in html
    assert "USD has no exchange rate to EUR" in html


def test_rejected_rows_link_to_their_list(admin_client, shop):
    RejectedRow.objects.create(source="f", kind="item", code="no_price", reason="No.", payload={}, digest="1")
    computed()
    html = admin_client.get(PAGE).content.decode()
    assert "state__exact=waiting&amp;kind__exact=item" in html


def test_button_queues_a_job_and_the_page_shows_its_progress(admin_client):
    answer = admin_client.post(f"{PAGE}compute/", follow=True)
    assert b"waits for a worker" in answer.content
    execute_job(Job.objects.get().pk)
    progress = admin_client.get(f"{PAGE}progress/")
    assert progress["HX-Refresh"] == "true"


def test_page_is_for_those_with_the_permission(client, django_user_model):
    user = django_user_model.objects.create_user("ann", is_staff=True)
    client.force_login(user)
    assert client.get(PAGE).status_code == 403
    assert client.post(f"{PAGE}compute/").status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_qualityreport"))
    assert client.get(PAGE).status_code == 200
    refused = client.post(f"{PAGE}compute/", follow=True)
    assert b"You do not have the permission" in refused.content
    assert not Job.objects.exists()


def test_get_computes_nothing(admin_client):
    assert admin_client.get(f"{PAGE}compute/").status_code == 405
    assert not Job.objects.exists()


def test_old_report_says_so(admin_client, shop):
    report = computed()
    QualityReport.objects.filter(pk=report.pk).update(computed_at=timezone.now() - timedelta(days=3))
    assert b"That is a while ago" in admin_client.get(PAGE).content
