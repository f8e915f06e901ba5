"""Back-tests: what a set of rules, thresholds or a model would have been worth."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.utils import timezone, translation

from ecomai.exceptions import InvalidInputError, PermissionDeniedError
from ecomai.registry.jobs import cancel, execute_job
from ecomai.registry.models import AuditEntry, Job
from risk.backtesting import jobs
from risk.backtesting.costs import Costs, cost_table
from risk.backtesting.deciding import CODES, by_thresholds
from risk.backtesting.jobs import start_backtest
from risk.backtesting.judging import DRAFT, LIVE, THEN
from risk.features import FEATURE_NAMES, FEATURES_VERSION
from risk.models import Assessment, Backtest, Decision, Policy, Rule
from risk.pages.backtests import csv_lines, report_context
from risk.services import change_policy
from risk.services.lists import lists_of, put_on_list

pytestmark = pytest.mark.django_db

NEWEST = timezone.now() - timedelta(days=100)
COSTS = Costs(chargeback_cost=25, margin=0.2, review_cost=3, review_capacity=2)


def feature_row(**values: float) -> list[float | None]:
    return [values.get(name) for name in FEATURE_NAMES]


@pytest.fixture
def history() -> Any:
    """Forty orders, one every six hours: n is the amount in tens; from 300 on every second one is fraud."""

    def plant(n: int = 40, *, end: datetime = NEWEST, **fields: Any) -> list[Assessment]:
        rows = [
            Assessment(
                kind="payment_fraud", external_id=f"o-{end:%d}-{at}", occurred_at=end,
                amount=Decimal(10 * at),
                received_at=end - timedelta(hours=6 * (n - at)), currency="EUR", probability=at / 100,
                amount_reporting=Decimal(10 * at), decision="approve", wanted_decision="approve",
                is_fraud=True if at >= 30 and at % 2 == 0 else None, features_version=FEATURES_VERSION,
                features=feature_row(amount=10.0 * at, card_payments_1h=float(at % 4)), **fields,
            )
            for at in range(n)
        ]  # fmt: skip
        return Assessment.objects.bulk_create(rows)

    return plant


@pytest.fixture
def write() -> Any:
    def make(condition: str, **fields: Any) -> Rule:
        usual = {"name": "Large", "kinds": ["payment_fraud"], "action": "decline", "reason": "It is large."}
        return Rule.objects.create(condition=condition, **usual | fields)

    return make


def run(**configuration: Any) -> Backtest:
    fields = {"kind": "payment_fraud", "period_start": NEWEST - timedelta(days=30), "period_end": NEWEST}
    for name in set(configuration) & {"kind", "period_start", "period_end", "user", "storefront"}:
        fields[name] = configuration.pop(name)
    test = start_backtest(configuration=configuration, **fields)
    execute_job(test.job_id)
    test.refresh_from_db()
    return test


def counts(test: Backtest, arm: str, decision: str) -> dict[str, int]:
    return test.report["arms"][arm]["decisions"][decision]


# -- what it finds ------------------------------------------------------------------------------


def test_a_rule_is_judged_by_what_turned_out(history, write):
    history()
    rule = write("amount >= 300")
    test = run(rules=[rule.pk])
    assert (test.report["n_assessments"], test.report["n_fraud"], test.report["n_honest"]) == (40, 5, 35)
    assert counts(test, DRAFT, "decline") == {"honest": 5, "fraud": 5, "unknown": 0}
    assert counts(test, LIVE, "decline") == {"honest": 0, "fraud": 0, "unknown": 0}
    arm = test.report["arms"][DRAFT]
    assert (arm["n_caught"], arm["caught_amount"], arm["recall"]) == (5, 300 + 320 + 340 + 360 + 380, 1.0)
    assert (arm["n_false"], arm["n_honest_declined"], arm["precision"]) == (5, 5, 0.5)
    # A quarter of the honest amounts is margin by the default policy.
    assert arm["lost_margin"] == (310 + 330 + 350 + 370 + 390) / 4
    assert test.report["rules"][0] | {"problem": ""} == {
        "rule": rule.pk, "name": "Large", "number": 1, "action": "decline", "n_hits": 10, "n_decided": 10,
        "n_fraud": 5, "n_honest": 5, "n_failed": 0, "problem": "",
    }  # fmt: skip


def test_money_adds_up(history, write):
    """Letting all through loses the amounts and the bank's charges; what is saved is less than that."""
    history()
    test = run(rules=[write("amount >= 300").pk])
    everything = 1700 + 5 * 25
    draft, then = test.report["arms"][DRAFT], test.report["arms"][THEN]
    assert then["cost"] == everything
    assert then["saved"] == 0
    assert draft["cost"] == pytest.approx(draft["lost_margin"])
    assert draft["saved"] == pytest.approx(everything - draft["cost"])


def test_thresholds_and_policies_are_tried_out(history):
    """The default policy asks for a proof from 0.3 on; probabilities go up to 0.39."""
    history()
    test = run(thresholds={"step_up_from": None, "review_from": 0.35, "decline_from": 0.38})
    assert sum(counts(test, DRAFT, "review").values()) == 3
    assert sum(counts(test, DRAFT, "decline").values()) == 2
    assert sum(counts(test, LIVE, "step_up").values()) == 10
    assert test.report["changed"] == {"1>0": 5, "1>2": 3, "1>3": 2}
    policy = Policy.objects.create(kind="payment_fraud", number=9, step_up_from=None, review_from=0.2)
    assert sum(counts(run(policy=policy.pk), DRAFT, "review").values()) == 20


def test_reviews_are_counted_by_day_beside_the_capacity(history):
    history()
    change_policy(storefront="", kind="payment_fraud", based_on=0, review_capacity=3)
    arm = run(thresholds={"step_up_from": None, "review_from": 0.2}).report["arms"][DRAFT]
    assert arm["n_reviews"] == 20
    assert arm["most_reviews_a_day"] == 4
    assert arm["days_over_capacity"] >= 4


def test_a_draft_stands_in_for_the_live_version_of_its_name(history, write):
    history()
    live = write("amount >= 100", state="live")
    draft = write("amount >= 380", number=2)
    other = write("amount < 50", name="Small", state="live")
    test = run(rules=[draft.pk], without_rules=[other.pk])
    assert [rule["rule"] for rule in test.report["rules"]] == [draft.pk]
    assert sum(counts(test, LIVE, "decline").values()) == 35
    assert sum(counts(test, DRAFT, "decline").values()) == 2
    assert live.pk != draft.pk


def test_the_first_rule_that_holds_decides_as_it_does_online(history, write):
    history()
    allowed = write("amount >= 390", name="Allowed", action="approve", order=1)
    noted = write("amount >= 0", name="Noted", action="note", order=2)
    large = write("amount >= 380", order=3)
    test = run(rules=[large.pk, noted.pk, allowed.pk])
    assert [(rule["name"], rule["n_hits"], rule["n_decided"]) for rule in test.report["rules"]] == [
        ("Allowed", 1, 1), ("Noted", 40, 0), ("Large", 2, 1)
    ]  # fmt: skip


def test_dates_of_a_rule_are_heeded(history, write):
    history()
    rule = write("amount >= 0", starts_at=NEWEST - timedelta(hours=12), ends_at=NEWEST - timedelta(hours=6))
    assert run(rules=[rule.pk]).report["rules"][0]["n_hits"] == 1


def test_a_rule_that_fails_is_reported_and_decides_nothing(history, write):
    history()
    test = run(rules=[write("amount / (card_payments_1h - 1) > 1").pk])
    found = test.report["rules"][0]
    assert found["n_failed"] == 10
    assert "zero" in found["problem"]


def test_an_entry_that_came_later_was_not_known_then(history, write):
    rows = history(customer_external_id="c-1", customer=None)
    entry = put_on_list(list="block", kind="customer", value="c-1")
    Assessment.objects.filter(pk__in=[row.pk for row in rows]).update(customer=entry.key)
    rule = write('customer_list == "block"')
    assert run(rules=[rule.pk]).report["rules"][0]["n_hits"] == 0
    type(entry).objects.update(created_at=NEWEST - timedelta(hours=24))
    assert run(rules=[rule.pk]).report["rules"][0]["n_hits"] == 4


def test_what_is_too_new_or_was_declined_is_not_called_honest(history, write):
    recent = timezone.now()
    history(8, end=recent)
    Assessment.objects.filter(external_id__endswith="-7").update(is_fraud=False)
    test = run(period_start=recent - timedelta(days=3), period_end=recent, rules=[write("amount >= 0").pk])
    assert (test.report["n_honest"], test.report["n_unknown"]) == (1, 7)
    history(8)
    Assessment.objects.filter(received_at__lt=NEWEST).update(decision="decline", is_fraud=None)
    assert run().report["n_unknown"] == 8


def test_features_of_another_version_are_unknown(history, write):
    history()
    Assessment.objects.update(features_version=FEATURES_VERSION + 1)
    assert run(rules=[write("card_payments_1h >= 0").pk]).report["rules"][0]["n_hits"] == 0


# -- costs and thresholds -----------------------------------------------------------------------


def test_each_decision_costs_what_the_policy_says():
    table = cost_table(COSTS, np.array([100.0, 100.0, np.nan]), np.array([True, False, True]))
    assert table[0].tolist() == pytest.approx([125, 125 * 0.3, 125 * 0.1 + 3, 0])
    assert table[1].tolist() == pytest.approx([0, 20 * 0.05, 3, 20])
    assert table[2].tolist() == pytest.approx([25, 25 * 0.3, 25 * 0.1 + 3, 0])


@pytest.mark.parametrize("thresholds", [(0.3, 0.6, 0.9), (None, 0.5, None), (0.2, None, 0.4), (None,) * 3],
                         ids=["all", "reviews", "no reviews", "none"])  # fmt: skip
def test_columns_are_decided_as_a_policy_decides(thresholds):
    fields = dict(zip(("step_up_from", "review_from", "decline_from"), thresholds, strict=True))
    policy = Policy(kind="payment_fraud", **fields)
    probability = np.linspace(0, 1, 101)
    expected = [CODES[policy.decide(each)] for each in probability.tolist()]
    assert by_thresholds(policy, probability).tolist() == expected
    policy.default_decision = Decision.REVIEW
    assert by_thresholds(policy, np.array([np.nan])).tolist() == [CODES["review"]]


# -- as a job -----------------------------------------------------------------------------------


def test_a_second_attempt_goes_on_where_the_first_ended(history, write, monkeypatch):
    history()
    rule = write("amount >= 300")
    whole = run(rules=[rule.pk]).report
    monkeypatch.setattr(jobs, "AT_ONCE", 7)
    decided: list[int] = []
    add = jobs._Progress.add

    def die_in_the_third(progress: Any, table: Any, *rest: Any) -> None:
        if len(decided) == 2:
            decided.append(0)
            raise ConnectionError
        decided.append(table.n_rows)
        add(progress, table, *rest)

    monkeypatch.setattr(jobs._Progress, "add", die_in_the_third)
    test = run(rules=[rule.pk])
    assert test.report == {}
    assert test.partial["n_done"] == 14
    Job.objects.filter(pk=test.job_id).update(run_after=timezone.now())
    execute_job(test.job_id)
    test.refresh_from_db()
    assert sum(decided) == 40
    assert test.report | {"finished_at": ""} == whole | {"finished_at": ""}
    assert test.partial == {}


def test_a_second_run_of_the_same_job_changes_nothing(history, write):
    history()
    test = run(rules=[write("amount >= 300").pk])
    execute_job(test.job_id)
    again = Backtest.objects.get(pk=test.pk)
    assert again.report == test.report


def test_a_cancelled_back_test_stays_without_a_report(history, write):
    history()
    test = start_backtest(
        kind="payment_fraud", configuration={}, period_start=NEWEST - timedelta(days=30), period_end=NEWEST
    )
    cancel(test.job)
    execute_job(test.job_id)
    test.refresh_from_db()
    assert (test.job.state, test.report) == (Job.State.CANCELLED, {})


def test_an_empty_period_says_so(history):
    test = run()
    assert test.job.state == Job.State.FAILED
    assert test.job.error_code == "not_enough_data"


@pytest.mark.parametrize(
    "configuration",
    [{"rules": [99]}, {"rules": "x"}, {"rules": [True]}, {"policy": 99}, {"policy": "x"}, {"rates": 1}, 5,
     {"model_version": 99}, {"thresholds": {"review_from": 2}}, {"thresholds": {"x": 0.5}},
     {"thresholds": [1]}, {"review_catches": "all"}, {"proof_stops": 1.5}],
    ids=str,
)  # fmt: skip
def test_what_there_is_not_is_refused(configuration):
    with pytest.raises(InvalidInputError):
        start_backtest(
            kind="payment_fraud", configuration=configuration, period_start=NEWEST - timedelta(days=1),
            period_end=NEWEST,
        )  # fmt: skip
    assert not Backtest.objects.exists()


@pytest.mark.parametrize("days", [0, -1, 801])
def test_a_period_that_cannot_be_is_refused(days):
    with pytest.raises(InvalidInputError, match="period"):
        start_backtest(
            kind="payment_fraud", configuration={}, period_start=NEWEST,
            period_end=NEWEST + timedelta(days=days),
        )  # fmt: skip


def test_who_may_not_start_one_does_not(django_user_model):
    user = django_user_model.objects.create_user("reviewer")
    with pytest.raises(PermissionDeniedError):
        run(user=user)
    assert not Job.objects.exists()


def test_it_is_in_the_audit_log(history):
    history()
    run()
    assert AuditEntry.objects.get(action="start_backtest").subject.startswith("payment fraud")


# -- the page and the file ----------------------------------------------------------------------


def test_the_page_says_what_it_would_have_been_worth(history, write):
    history()
    test = run(rules=[write("amount >= 300", name='=HYPERLINK("x")').pk])
    context = report_context(test)
    assert "less than what is live" in context["verdict"]["text"]
    assert context["what"].startswith("with: ")
    labels = [label for label, _cells in context["matrix"]]
    assert labels == ["approve", "ask for a proof", "review", "decline"]
    lines = list(csv_lines(test))
    assert lines[0] == "figure,draft,live,then\r\n"
    assert "n_caught,5,0,0\r\n" in lines
    assert not any(line.startswith("=") for line in lines)


@pytest.mark.parametrize("value", ["203.0.0.0/16", "203.0.113.0/24", "203.0.113.7"])
def test_listed_networks_are_found_in_the_past_as_at_the_checkout(value, ask, write):
    """Whatever language an entry was made in."""
    with translation.override("zh-hans"):
        entry = put_on_list(list="block", kind="ip", value=value)
    type(entry).objects.update(created_at=NEWEST)
    now = timezone.now()
    asked = ask()
    assert lists_of(asked) == {"ip": "block"}
    rule = write('ip_list == "block"')
    test = run(rules=[rule.pk], period_start=now - timedelta(days=1), period_end=now + timedelta(days=1))
    assert test.report["rules"][0]["n_hits"] == 1
