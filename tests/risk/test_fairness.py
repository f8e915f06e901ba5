"""Groups of customers are compared, with what chance alone may explain."""

from datetime import date, timedelta

import pytest

from ecomai.commerce.models import Customer
from risk import measures
from risk.models import FairnessReport
from risk.services.fairness import (
    GroupFigures,
    approval_gaps,
    false_positive_gaps,
    group_figures,
    refresh_fairness,
    share,
)

from .reviewing import NOW, add_assessment, add_reviewer

PAGE = "/admin/ecomai_risk/fairnessreport/"
DAY = date(2026, 6, 1)
PERIOD = {"since": NOW - timedelta(days=1), "until": NOW + timedelta(days=1)}


def figures(group, n, stopped, fraud=0):
    """`fraud` of the stopped ones were fraud."""
    return GroupFigures(group, n, n - stopped, stopped, 0, n - fraud, stopped - fraud)


def add_customers(country, n, n_stopped=0, **traits):
    for number in range(n):
        name = f"{country}{traits.get('age_band', '')}-{number}"
        Customer.objects.create(external_id=name, country=country, traits=traits)
        decision = "decline" if number < n_stopped else "approve"
        add_assessment(name, customer_external_id=name, wanted_decision=decision)


# -- shares and gaps ------------------------------------------------------------------------------


def test_a_share_comes_with_its_interval():
    """Wilson's interval of 5 in 10, and that of 0 in 10, which reaches above 0."""
    half = share(5, 10)
    assert (half.value, round(half.low, 3), round(half.high, 3)) == (0.5, 0.237, 0.763)
    none = share(0, 10)
    assert (none.low, round(none.high, 3)) == (0.0, 0.278)
    assert share(0, 0) is None


def test_a_gap_is_against_all_others_and_only_beyond_chance():
    unfair = [figures("A", 1000, 300), figures("B", 1000, 100), figures("C", 1000, 100)]
    assert {gap.group: round(gap.value, 3) for gap in approval_gaps(unfair)} == {"A": 0.2, "B": 0.0, "C": 0.0}
    even = [figures("A", 200, 21), figures("B", 200, 19)]
    assert all(gap.value == 0 for gap in approval_gaps(even))


def test_a_group_with_more_fraud_is_not_unfairly_stopped():
    rows = [figures("A", 1000, 250, fraud=200), figures("B", 1000, 50)]
    assert {gap.group: gap.value > 0 for gap in approval_gaps(rows)} == {"A": True, "B": False}
    by_honest = {gap.group: round(gap.value, 3) for gap in false_positive_gaps(rows)}
    assert by_honest == {"A": 0.0, "B": 0.0}


def test_small_groups_raise_no_alarm(settings):
    settings.ECOMAI = settings.ECOMAI | {"RISK": {"FAIRNESS_LEAST": 50}}
    rows = [figures("small", 49, 49), figures("", 500, 500), figures("large", 1000, 10)]
    assert [gap.group for gap in approval_gaps(rows)] == ["large"]


# -- counting -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_groups_are_counted_by_the_customers_country_else_by_what_the_order_says():
    add_customers("FR", 3, n_stopped=1)
    add_assessment("guest", customer_external_id="", shown={"shipping_country": "DE"})
    add_assessment("fraud", customer_external_id="FR-0", is_fraud=True, wanted_decision="decline")
    add_assessment("nobody", customer_external_id="", wanted_decision="approve")
    add_assessment("too old", customer_external_id="FR-0", received_at=NOW - timedelta(days=3))
    add_assessment("undecided", customer_external_id="FR-0", wanted_decision="")
    found = {one.group: one for one in group_figures(kind="payment_fraud", grouping="country", **PERIOD)}
    assert found["FR"] == GroupFigures("FR", 4, 2, 0, 2, 3, 1)
    assert found["DE"] == GroupFigures("DE", 1, 0, 1, 0, 1, 1)
    assert found[""].n == 1


@pytest.mark.django_db
def test_age_bands_are_those_of_the_shop():
    add_customers("FR", 2, age_band="18-29")
    add_customers("FR", 1, n_stopped=1, age_band="60+")
    found = group_figures(kind="payment_fraud", grouping="age_band", **PERIOD)
    assert [(one.group, one.n, one.n_approved) for one in found] == [("18-29", 2, 2), ("60+", 1, 0)]


@pytest.mark.django_db
def test_a_day_is_counted_once_however_often():
    add_customers("FR", 3)
    assert [refresh_fairness(today=DAY), refresh_fairness(today=DAY)] == [1, 1]
    assert FairnessReport.objects.count() == 1
    assert refresh_fairness(today=DAY + timedelta(days=500)) == 0
    assert not FairnessReport.objects.exists()


@pytest.mark.django_db
def test_the_alarm_reads_the_newest_report_alone(settings, monkeypatch):
    monkeypatch.setattr(measures.timezone, "localdate", lambda: DAY)
    assert measures.approval_gap() == []
    unfair = [vars(figures("A", 1000, 300)), vars(figures("B", 1000, 100))]
    for day, rows in ((DAY - timedelta(days=1), []), (DAY, unfair)):
        FairnessReport.objects.create(
            kind="payment_fraud", grouping="country", day=day, n_days=28, figures=rows
        )
    readings = {one.dimension: round(one.value, 3) for one in measures.approval_gap()}
    assert readings == {"payment_fraud:country:A": 0.2, "payment_fraud:country:B": 0.0}
    monkeypatch.setattr(measures.timezone, "localdate", lambda: DAY + timedelta(days=3))
    assert measures.approval_gap() == []


# -- the page -------------------------------------------------------------------------------------


@pytest.fixture
def page(client, db):
    client.force_login(add_reviewer("mia", "view_fairnessreport"))
    return client


def test_nothing_counted_says_what_is_missing(page):
    assert "Nothing is counted yet" in page.get(PAGE).content.decode()
    assert "age_band" in page.get(f"{PAGE}?grouping=age_band&kind=nonsense").content.decode()


def test_the_page_names_the_group_that_fares_worse(page, django_assert_max_num_queries):
    unfair = [vars(figures("FR", 1000, 300)), vars(figures("DE", 1000, 100)), vars(figures("AT", 5, 5))]
    FairnessReport.objects.create(
        kind="payment_fraud", grouping="country", day=DAY, n_days=28, figures=unfair
    )
    with django_assert_max_num_queries(10):
        html = page.get(PAGE).content.decode()
    assert "Some groups fare worse than chance explains" in html
    assert "70.0 % (67.1 to 72.8)" in html
    assert "approved less often than all others by" in html


def test_without_the_permission_there_is_no_page(client, db):
    client.force_login(add_reviewer("tom"))
    assert client.get(PAGE).status_code == 403
