"""How often rules fired, and an alarm for those that fail."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ecomai.console.alerting import evaluate_alerts
from ecomai.console.models import AlertEpisode, AlertRule
from risk import cards, doctor, measures
from risk.models import Assessment, Rule, RuleDay
from risk.services.rule_counts import count_rule_hits, hits_of
from risk.services.rules import evaluate_rules, forget_rules

pytestmark = pytest.mark.django_db


@pytest.fixture
def rule() -> Rule:
    return Rule.objects.create(
        name="Many", kinds=["payment_fraud"], condition="amount > 5", action="review", reason="Much.",
        state="live", live_since=timezone.now(),
    )  # fmt: skip


def fired(rule: Rule, n: int, *, days_ago: float, decided: int) -> None:
    at = timezone.now() - timedelta(days=days_ago)
    Assessment.objects.bulk_create(
        Assessment(
            kind="payment_fraud", external_id=f"{rule.pk}-{days_ago}-{number}", occurred_at=at,
            received_at=at,
            rules_fired=[{"rule": rule.pk, "name": rule.name, "decided": number < decided}],
        )
        for number in range(n)
    )  # fmt: skip


def test_hits_are_counted_by_day_and_only_those_of_thirty_days(rule: Rule) -> None:
    fired(rule, 3, days_ago=0, decided=2)
    fired(rule, 4, days_ago=12, decided=0)
    fired(rule, 9, days_ago=40, decided=9)
    assert count_rule_hits() == 30
    hits = hits_of(rule)
    assert (hits.n_fired, hits.n_decided) == (7, 2)
    fired(rule, 1, days_ago=0.00001, decided=1)
    assert count_rule_hits() <= 2
    assert count_rule_hits() <= 2
    assert hits_of(rule).n_fired == 8
    assert hits_of(rule, days=5).n_fired == 4


def test_what_is_counted_is_what_was_answered(rule: Rule, ask: Any, live_policy: Any) -> None:
    live_policy()
    forget_rules()
    assert ask("o-1").answered_by == "rules"
    ask("o-2", amount=None, currency="")
    count_rule_hits()
    assert (hits_of(rule).n_fired, hits_of(rule).n_decided) == (1, 1)


def test_days_that_are_over_and_rules_that_are_gone_leave_nothing(rule: Rule) -> None:
    RuleDay.objects.create(rule=rule, day=timezone.now().date() - timedelta(days=50), n_fired=3)
    fired(rule, 2, days_ago=0, decided=0)
    Assessment.objects.update(rules_fired=[{"rule": rule.pk + 1, "decided": True}])
    count_rule_hits()
    assert not RuleDay.objects.exists()


def test_the_page_reads_counts_and_no_assessments(rule: Rule, client: Any) -> None:
    fired(rule, 3, days_ago=1, decided=1)
    count_rule_hits()
    client.force_login(get_user_model().objects.create_superuser("ada"))
    with CaptureQueriesContext(connection) as queries:
        page = client.get(reverse("admin:ecomai_risk_rule_change", args=[rule.pk])).content.decode()
    assert "it fired 3 times, and decided 1 of them" in page
    assert not any('FROM "ecomai_risk_assessment"' in query["sql"] for query in queries)


def test_a_rule_that_fails_is_on_the_front_page_in_the_doctor_and_mailed(
    rule: Rule, rf: Any, mailoutbox: Any, ask: Any
) -> None:
    request = rf.get("/")
    request.user = get_user_model().objects.create_superuser("ada")
    title = "Rules whose condition fails"
    assert title not in [str(card.title) for card in cards.cards(request)]
    assert doctor._rules().is_ok
    Rule.objects.filter(pk=rule.pk).update(problem="divided by zero", problem_at=timezone.now())
    card = next(card for card in cards.cards(request) if str(card.title) == title)
    assert card.state == "problem"
    assert "Many 1" in card.text
    assert "divided by zero" in doctor._rules().message
    AlertRule.objects.create(
        name="Rules",
        measure="risk.failing_rules",
        comparison="above",
        bound=0,
        recipients="ada@shop.example",
        for_minutes=0,
    )
    evaluate_alerts()
    episode = AlertEpisode.objects.get(rule__measure="risk.failing_rules")
    assert episode.label == "Many 1"
    assert episode.opened_at is not None
    Rule.objects.filter(pk=rule.pk).update(problem_at=timezone.now() - timedelta(days=2))
    assert measures.failing_rules() == []
    assert doctor._rules().is_ok


def test_a_condition_that_divides_by_zero_is_what_fails(
    rule: Rule, ask: Any, django_capture_on_commit_callbacks: Any
) -> None:
    Rule.objects.filter(pk=rule.pk).update(condition="amount / (amount - amount) > 1")
    forget_rules()
    with django_capture_on_commit_callbacks(execute=True):
        row = ask("o-1")
        evaluate_rules(row, features=row.features, probability=0.1)
    [reading] = measures.failing_rules()
    assert reading.label == "Many 1"
