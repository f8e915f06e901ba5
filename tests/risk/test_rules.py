"""Rules that staff write: what they may say, when they decide, and how they come and go."""

import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from ecomai.conditions import ConditionError
from ecomai.exceptions import PermissionDeniedError
from ecomai.registry.models import AuditEntry
from risk.exceptions import RuleNotReadyError, RuleStateError
from risk.facts import KINDS, LANGUAGE, describe_fact, described_facts
from risk.models import AnsweredBy, Assessment, Kind, Rule
from risk.services import rule_versions, rules
from risk.services.dry_runs import dry_run
from risk.services.rule_versions import copy_rule, put_in_shadow, put_rule_live, retire_rule, warnings_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_rules_remembered():
    rules.forget_rules()
    yield
    rules.forget_rules()


@pytest.fixture
def ask(ask) -> Any:
    """Ask about an order of so much."""

    def ask_about(external_id: str = "o-1", *, amount: int = 50, **fields: Any) -> Assessment:
        return ask(external_id, amount=Decimal(amount), **fields)

    return ask_about


@pytest.fixture
def write() -> Any:
    """A draft of a rule, checked as the admin checks it."""

    def make(condition: str = "amount > 100", **fields: Any) -> Rule:
        usual = {
            "name": "Large", "kinds": ["payment_fraud"], "action": "review", "reason": "It is large.",
            "reason_code": "large",
        }  # fmt: skip
        rule = Rule(condition=condition, **usual | fields)
        rule.full_clean(exclude=["created_by", "put_live_by", "copied_from"])
        rule.save()
        return rule

    return make


# -- what a condition may say -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "part"),
    [
        ("amount > ", "cannot be read"),
        ("amont > 5", "amont"),
        ("[x for x in categories]", "for"),
        ("amount > 5; import os", "cannot be read"),
        ("__import__('os').system('true')", "not known"),
        ("amount > 5 or 1=1; DROP TABLE risk--", "cannot be read"),
        ("{{ settings.SECRET_KEY }}", "may not be used"),
        ("{% include 'x' %}", "may not be used"),
        ("title =~ '(a+)+$'", "may not be used"),
        ('currency == 5', "texts stand in quotes"),
        ("amount + 5", "true or false"),
        ("5 > 3", "true or false"),
        ("amount ** 99999 > 1", "may not be used"),
        ("amount > 1 " + "and amount > 1 " * 60, "characters"),
        ("1 / 0 > amount", "cannot be evaluated"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(condition, part, write):
    with pytest.raises(ValidationError) as caught:
        write(condition)
    assert part in " ".join(caught.value.message_dict["condition"])
    assert not Rule.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [{"kinds": []}, {"kinds": ["theft"]}, {"reason_code": "No Code"}, {"order": 10_000}, {"action": "shoot"}],
    ids=["no kind", "unknown kind", "bad code", "far away", "unknown action"],
)
def test_a_rule_that_makes_no_sense_is_refused(fields, write):
    with pytest.raises(ValidationError):
        write(**fields)


def test_a_rule_must_end_after_it_begins(write):
    now = timezone.now()
    with pytest.raises(ValidationError, match="end after it begins"):
        write(starts_at=now, ends_at=now)


def test_every_fact_is_explained_and_typed():
    assert len(KINDS) > 150
    assert {fact["name"] for fact in described_facts()} == set(KINDS)
    assert describe_fact("card_payments_1h") == "payments with the card within 1 hour"
    assert (
        describe_fact("email_domain_fraud_30d") == "known frauds of the domain of the e-mail within 30 days"
    )
    assert LANGUAGE.compile("own_new_card and own_orders == 0").names == {"own_new_card", "own_orders"}


# -- at the checkout ----------------------------------------------------------------------------


def test_a_live_rule_decides_and_says_why(ask, write, live_policy):
    live_policy()
    rule = put_rule_live(rule=write())
    asked = ask("o-1", amount=150)
    assert (asked.decision, asked.answered_by) == ("review", AnsweredBy.RULES)
    assert asked.rules_fired == [
        {"rule": rule.pk, "name": "Large", "number": 1, "action": "review", "code": "large",
         "is_shadow": False, "decided": True}
    ]  # fmt: skip
    assert asked.reasons[0] == {"code": "large", "text": "It is large.", "rule": rule.pk}
    assert Assessment.objects.get(pk=asked.pk).rules_fired == asked.rules_fired
    assert ask("o-2", amount=50).rules_fired == []


def test_the_first_rule_that_holds_decides_and_the_others_are_noted(ask, write, live_policy):
    live_policy()
    put_rule_live(rule=write(name="Allowed", condition='customer_id == "c-1"', action="approve", order=10))
    put_rule_live(rule=write(name="Declined", action="decline", order=20))
    put_rule_live(rule=write(name="Noted", action="note", order=5))
    asked = ask(amount=150)
    assert asked.decision == "approve"
    assert [(each["name"], each["decided"]) for each in asked.rules_fired] == [
        ("Noted", False), ("Allowed", True), ("Declined", False)
    ]  # fmt: skip


def test_a_rule_in_shadow_is_counted_and_decides_nothing(ask, write, live_policy):
    live_policy()
    put_in_shadow(rule=write(action="decline"))
    asked = ask(amount=150)
    assert asked.decision == "approve"
    assert asked.rules_fired[0]["is_shadow"]
    assert not asked.rules_fired[0]["decided"]
    assert "large" not in {reason["code"] for reason in asked.reasons}


def test_a_rule_is_about_its_kinds_and_its_storefront(ask, write, live_policy):
    live_policy()
    put_rule_live(rule=write(kinds=["return_abuse"]))
    put_rule_live(rule=write(name="Elsewhere", storefront="b2b"))
    assert ask(amount=150).rules_fired == []


def test_a_rule_may_use_the_model(ask, write, live_policy):
    live_policy()
    put_rule_live(rule=write("probability >= 0 and probability < 1 and amount > 10", action="step_up"))
    assert ask(amount=20).decision == "step_up"


def test_a_rule_sees_velocity_and_history(ask, write, live_policy):
    live_policy()
    put_rule_live(rule=write("card_payments_1h >= 2", action="decline"))
    assert [ask(f"o-{n}").decision for n in range(3)] == ["approve", "approve", "decline"]


def test_a_rule_with_dates_can_be_put_live_before_they_begin(ask, write, live_policy):
    live_policy()
    now = timezone.now()
    rule = put_rule_live(rule=write(starts_at=now + timedelta(days=1), ends_at=now + timedelta(days=2)))
    assert rule.state == Rule.State.LIVE
    assert ask("o-1", amount=150).rules_fired == []
    Rule.objects.filter(pk=rule.pk).update(starts_at=now - timedelta(days=1))
    rules._compiled.clear()
    assert ask("o-2", amount=150).rules_fired != []


def test_a_rule_whose_dates_are_over_is_not_put_live(write):
    now = timezone.now()
    rule = write(starts_at=now - timedelta(days=2), ends_at=now - timedelta(days=1))
    with pytest.raises(RuleNotReadyError, match="dates are over"):
        put_rule_live(rule=rule)


def test_a_rule_that_divides_by_zero_decides_nothing_and_says_so(
    ask, write, live_policy, django_capture_on_commit_callbacks
):
    live_policy()
    rule = put_rule_live(rule=write("amount / (own_orders - own_orders) > 1 or amount > 1", action="decline"))
    ask("o-0")
    with django_capture_on_commit_callbacks(execute=True):
        assert ask("o-1", amount=150).decision == "approve"
    rule.refresh_from_db()
    assert "division by zero" in rule.problem
    assert rule.problem_at is not None


def test_rules_that_take_too_long_are_left(ask, write):
    """No time at all: none is asked, and the answer says so."""
    put_rule_live(rule=write())
    put_rule_live(rule=write(name="Second"))
    row = ask(amount=150)
    compiled = rules.rules_at_work("", "payment_fraud", row.received_at)
    answer = rules.ask(compiled, {"amount": 150.0}, budget_ms=-1)
    assert (answer.decision, answer.n_unasked, answer.fired) == (None, 2, [])


def test_without_rules_nothing_is_looked_up(ask, django_assert_num_queries):
    row = ask()
    with django_assert_num_queries(1):
        rules.evaluate_rules(row, features=row.features, probability=0.1)


def test_rules_are_read_once_a_second(ask, write, transactional_db, django_assert_num_queries):
    row = ask()
    put_rule_live(rule=write())
    rules.evaluate_rules(row, features=row.features, probability=0.1)
    with django_assert_num_queries(0):
        rules.evaluate_rules(row, features=row.features, probability=0.1)


# -- how they come and go -----------------------------------------------------------------------


def test_going_live_retires_what_was_live_and_says_so(write, admin_user):
    first = put_rule_live(rule=write(), user=admin_user)
    second = copy_rule(rule=first, user=admin_user)
    assert (second.number, second.state, second.copied_from) == (2, Rule.State.DRAFT, first)
    put_rule_live(rule=put_in_shadow(rule=second, user=admin_user), user=admin_user)
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.state == Rule.State.RETIRED
    assert first.live_since <= first.retired_at <= second.live_since
    said = AuditEntry.objects.filter(subject__startswith="risk rule").order_by("pk")
    assert [entry.action for entry in said] == ["go_live", "copy_rule", "enter_shadow", "go_live"]
    assert said[0].details["condition"] == "amount > 100"


def test_a_version_comes_back_only_as_a_copy(write):
    rule = retire_rule(rule=put_rule_live(rule=write()))
    with pytest.raises(RuleStateError):
        put_rule_live(rule=rule)
    again = copy_rule(rule=rule)
    assert put_rule_live(rule=again).number == 2


def test_a_draft_cannot_be_retired(write):
    with pytest.raises(RuleStateError):
        retire_rule(rule=write())


def test_who_may_not_put_live_does_not(write, django_user_model):
    user = django_user_model.objects.create_user("reader")
    rule = write()
    for act in (put_in_shadow, put_rule_live, retire_rule, copy_rule):
        with pytest.raises(PermissionDeniedError):
            act(rule=rule, user=user)
    assert Rule.objects.get().state == Rule.State.DRAFT


@pytest.mark.django_db(transaction=True)
def test_of_two_people_at_once_one_is_told(write):
    """Both put versions of one rule live; both are told what came of it, and one version is live."""
    drafts = [write(), write(number=2)]
    said: list[str] = []
    start = threading.Barrier(2)

    def put(rule: Rule) -> None:
        start.wait()
        try:
            put_rule_live(rule=rule)
            retire_rule(rule=rule)
            said.append("done")
        except RuleStateError:
            said.append("told")
        finally:
            connection.close()

    threads = [threading.Thread(target=put, args=(rule,)) for rule in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 2
    assert Rule.objects.filter(state="live").count() <= 1
    assert AuditEntry.objects.filter(action="go_live").count() == 2


def test_the_usual_rules_are_drafts_that_hold_water(write):
    made = rule_versions.plant_usual_rules()
    assert len(made) == 6
    for rule in made:
        rule.full_clean(exclude=["created_by", "put_live_by", "copied_from"], validate_unique=False)
        assert rule.is_draft
    assert rule_versions.plant_usual_rules() == []


# -- what it would have met ---------------------------------------------------------------------


def test_a_dry_run_counts_what_rules_would_have_met(ask):
    for n in range(10):
        ask(f"o-{n}", amount=10 * n)
    Assessment.objects.filter(external_id__in=["o-8", "o-3"]).update(is_fraud=True)
    Assessment.objects.filter(external_id="o-9").update(is_fraud=False)
    found = dry_run("amount >= 70", kinds=["payment_fraud"])
    assert (found.n_asked, found.n_hits, found.n_fraud, found.n_honest) == (10, 3, 1, 1)
    assert [each["external_id"] for each in found.samples] == ["o-9", "o-8", "o-7"]
    assert dry_run("amount >= 70", kinds=["return_abuse"]).n_asked == 0
    assert dry_run("amount >= 70", storefront="b2b").n_asked == 0


def test_a_dry_run_meets_what_the_checkout_meets(ask, write, live_policy):
    """Online and afterwards a condition says the same, whatever it names."""
    live_policy()
    conditions = [
        "amount > 30 and card_payments_1h >= 2", "own_new_device", "probability > 0.001",
        'email_domain == "shop.example"', 'customer_id != "c-1"', "amount / (card_payments_1h + 1) > 4",
    ]  # fmt: skip
    for place, condition in enumerate(conditions):
        put_in_shadow(rule=write(condition, name=f"rule {place}"))
    for n in range(12):
        ask(f"o-{n}", amount=7 * n, device_id=f"device-{n % 3}", customer_id=f"c-{n % 2}")
    for place, condition in enumerate(conditions):
        online = Assessment.objects.filter(rules_fired__contains=[{"name": f"rule {place}"}]).count()
        assert dry_run(condition).n_hits == online, condition
        assert online > 0, condition


def test_a_dry_run_names_a_mistake_and_a_failure(ask):
    ask("o-1")
    with pytest.raises(ConditionError, match="amont"):
        dry_run("amont > 5")
    found = dry_run("amount / (hour - hour) > 1")
    assert (found.n_failed, found.n_hits) == (1, 0)
    assert "zero" in found.problem


def test_a_rule_that_meets_everything_is_spoken_of_before_it_goes_live(ask, write):
    assert "Nothing was assessed" in warnings_of(write())[0]
    for n in range(5):
        ask(f"o-{n}")
    assert "nearly everything: 5 of 5" in warnings_of(write("amount > 0", name="All"))[0]
    assert "none of 5" in warnings_of(write("amount > 1000000", name="None"))[0]
    assert "could not be evaluated" in warnings_of(write("amount / (hour - hour) > 1", name="Zero"))[1]
    assert warnings_of(write("amount > 0", name="Noted", action="note")) == []


def test_kinds_that_nobody_asked_about_yet_are_no_mistake():
    assert dry_run("amount > 5", kinds=[Kind.LISTING]).n_asked == 0
