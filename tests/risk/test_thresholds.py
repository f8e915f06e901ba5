"""Thresholds that are chosen by cost, and policies that come of them."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from ecomai.exceptions import NotEnoughDataError, PermissionDeniedError
from ecomai.registry.models import AuditEntry
from risk.backtesting.costs import Costs, cost_table
from risk.backtesting.thresholds import Thresholds, ThresholdSearch
from risk.exceptions import OldPolicyError
from risk.models import AnsweredBy, Assessment, Policy
from risk.services import back_to_shadow, change_policy, current_policy, go_live
from risk.services.thresholds import draft_policy, propose_thresholds, use_draft

COSTS = Costs(chargeback_cost=25, margin=0.25, review_cost=3, review_capacity=100)
NEWEST = timezone.now() - timedelta(days=60)


def search(probability: list[float], is_fraud: list[int], **changes: Any) -> ThresholdSearch:
    n_days = changes.pop("n_days", 1.0)
    amounts = np.full(len(probability), changes.pop("amount", 100.0))
    return ThresholdSearch(
        np.array(probability), amounts, np.array(is_fraud, dtype=bool), n_days=n_days,
        costs=replace(COSTS, **changes),
    )  # fmt: skip


def test_what_is_told_apart_costs_nothing():
    found = search([0.1] * 50 + [0.9] * 50, [0] * 50 + [1] * 50).best()
    assert found.cost == 0
    assert 0.1 < found.thresholds.decline_from <= 0.9
    assert found.thresholds.review_from is None
    assert (found.n_caught, found.n_honest_declined, found.reviews_a_day) == (50, 0, 0)


def test_what_cannot_be_told_apart_is_reviewed():
    """Half of the risky ones are fraud of 125: a review of 3 is cheaper than either mistake."""
    one_half = [0.5] * 40
    found = search([0.01] * 60 + one_half, [0] * 60 + [1, 0] * 20, proof_stops=0.0).best()
    assert found.thresholds.decline_from is None
    assert 0.01 < found.thresholds.review_from <= 0.5
    assert found.reviews_a_day == 40
    assert found.cost == pytest.approx(40 * 3 + 20 * 12.5)


def test_more_reviews_than_the_capacity_are_not_proposed():
    probability, is_fraud = [0.01] * 60 + [0.5] * 40, [0] * 60 + [1, 0] * 20
    found = search(probability, is_fraud, review_capacity=39).best()
    assert found.reviews_a_day <= 39
    assert search(probability, is_fraud, review_capacity=20, n_days=2.0).best().reviews_a_day == 20


def test_cheap_mistakes_are_let_through():
    found = search([0.5] * 10, [1] + [0] * 9, amount=1.0, chargeback_cost=0.0, proof_stops=0.0).best()
    assert found.thresholds == Thresholds(None, None, None)


@pytest.mark.parametrize("seed", range(3))
def test_the_best_is_the_best_of_all_that_can_be_tried(seed):
    """Every triple of a small grid, decided order by order, costs at least as much."""
    draw = np.random.default_rng(seed)
    probability = np.round(draw.random(200), 2)
    is_fraud = draw.random(200) < probability**2
    amounts = draw.exponential(80, 200)
    searched = ThresholdSearch(probability, amounts, is_fraud, n_days=4, costs=COSTS)
    best = searched.best()
    table = cost_table(COSTS, amounts, is_fraud)
    grid = [*np.linspace(0.05, 1, 20).round(2), 2.0]
    for step_up in grid:
        for review in grid:
            for decline in grid:
                codes = np.zeros(200, dtype=int)
                for code, cut in enumerate((step_up, review, decline), start=1):
                    codes[probability >= cut] = code
                if step_up <= review <= decline and (codes == 2).sum() / 4 <= COSTS.review_capacity:
                    assert best.cost <= table[np.arange(200), codes].sum() + 1e-6
    assert best.cost == pytest.approx(searched.outcome(best.thresholds).cost)


def test_what_a_set_of_thresholds_costs_is_what_its_decisions_cost():
    draw = np.random.default_rng(4)
    probability, is_fraud = np.round(draw.random(300), 3), draw.random(300) < 0.2
    amounts = draw.exponential(50, 300)
    for cuts in ((0.2, 0.5, 0.9), (None, 0.5, None), (0.1, None, 0.4), (None, None, None), (None, None, 0.3)):
        thresholds = Thresholds(*cuts)
        policy = Policy(**thresholds.as_fields())
        codes = [["approve", "step_up", "review", "decline"].index(policy.decide(p)) for p in probability]
        expected = cost_table(COSTS, amounts, is_fraud)[np.arange(300), codes].sum()
        found = ThresholdSearch(probability, amounts, is_fraud, n_days=1, costs=COSTS).outcome(thresholds)
        assert found.cost == pytest.approx(expected), cuts
        assert found.reviews_a_day == codes.count(2)


def test_the_curve_goes_through_the_best():
    searched = search([0.01] * 60 + [0.5] * 40, [0] * 60 + [1, 0] * 20, proof_stops=0.0)
    best = searched.best()
    curve = searched.curve(best.thresholds)
    at = curve["thresholds"].index(best.thresholds.review_from)
    assert curve["costs"][at] == pytest.approx(best.cost) == min(curve["costs"])


# -- of the shop's own past ---------------------------------------------------------------------


@pytest.fixture
def history(db: None) -> Any:
    """Two hundred orders in a hundred days; those above 0.8 are fraud."""

    def plant(n: int = 200, **fields: Any) -> None:
        Assessment.objects.bulk_create([
            Assessment(
                kind="payment_fraud", external_id=f"o-{at}", occurred_at=NEWEST,
                amount_reporting=Decimal(100),
                received_at=NEWEST - timedelta(hours=12 * at), probability=(at % 10) / 10, decision="approve",
                wanted_decision="approve", is_fraud=True if at % 10 >= 8 else None,
                answered_by=AnsweredBy.MODEL, **fields,
            )
            for at in range(n)
        ])  # fmt: skip

    return plant


def propose(**fields: Any) -> Any:
    period = {"start": NEWEST - timedelta(days=365), "end": NEWEST + timedelta(days=1)}
    return propose_thresholds(kind="payment_fraud", **period | fields)


def test_thresholds_are_proposed_of_what_is_known(history):
    history()
    found = propose()
    assert (found.n_orders, found.n_fraud) == (200, 40)
    assert 0.7 < found.best.thresholds.decline_from <= 0.8
    assert found.best.cost == 0 < found.now.cost < found.others["approve_all"].cost == 40 * 125
    assert found.tried["best"] < found.tried["now"]


def test_what_rules_decided_is_left_out(history):
    history()
    Assessment.objects.filter(probability__lt=0.5).update(answered_by=AnsweredBy.RULES)
    assert propose().n_orders == 100


def test_too_few_frauds_are_said(history):
    history(20)
    with pytest.raises(NotEnoughDataError, match="known frauds"):
        propose()


def test_a_draft_counts_only_when_it_is_used(history, admin_user):
    history()
    policy = change_policy(storefront="", kind="payment_fraud", based_on=0, margin=0.4)
    draft = draft_policy(
        kind="payment_fraud", thresholds=propose().best.thresholds, note="By cost.", user=admin_user
    )
    assert (draft.number, draft.is_current, draft.margin) == (2, False, 0.4)
    assert current_policy(storefront="", kind="payment_fraud").pk == policy.pk
    used = use_draft(policy=draft, user=admin_user)
    assert (used.number, used.is_current, used.decline_from) == (3, True, draft.decline_from)
    assert used.note == "By cost."
    said = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert said == ["change_policy", "draft_policy", "change_policy"]


def test_going_live_needs_the_permission_and_is_written_down(db, django_user_model, admin_user):
    user = django_user_model.objects.create_user("reviewer")
    policy = change_policy(storefront="", kind="payment_fraud", based_on=0)
    for act in (
        lambda: go_live(policy, user=user),
        lambda: change_policy(storefront="", kind="payment_fraud", based_on=1, user=user, margin=0.1),
        lambda: draft_policy(kind="payment_fraud", thresholds=Thresholds(None, None, None), user=user),
    ):
        with pytest.raises(PermissionDeniedError):
            act()
    live = go_live(policy, user=admin_user)
    assert live.is_live
    assert not back_to_shadow(live, user=admin_user).is_live
    said = AuditEntry.objects.exclude(actor=None).order_by("pk").values_list("action", "subject")
    assert [action for action, _subject in said] == ["go_live", "enter_shadow"]


def test_of_two_who_change_a_policy_the_second_is_told(db):
    change_policy(storefront="", kind="payment_fraud", based_on=0, margin=0.1)
    with pytest.raises(OldPolicyError):
        change_policy(storefront="", kind="payment_fraud", based_on=0, margin=0.2)
    assert Policy.objects.get(is_current=True).margin == 0.1
