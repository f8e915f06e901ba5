"""Policies: versions that follow one another, never changed, never two at a time."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from risk.exceptions import OldPolicyError
from risk.models import Decision, Policy
from risk.services import back_to_shadow, change_policy, current_policy, go_live

pytestmark = pytest.mark.django_db

WHERE: dict[str, Any] = {"storefront": "", "kind": "payment_fraud"}


def test_where_nobody_decided_the_default_counts_in_shadow() -> None:
    policy = current_policy(**WHERE)
    assert policy.pk is None
    assert not policy.is_live


def test_a_change_is_a_new_version_that_keeps_the_rest() -> None:
    first = change_policy(**WHERE, based_on=0, review_from=0.5, margin=0.4)
    second = change_policy(**WHERE, based_on=1, review_from=0.7)
    first.refresh_from_db()
    assert (first.review_from, first.is_current) == (0.5, False)
    assert (second.review_from, second.margin, second.number, second.is_current) == (0.7, 0.4, 2, True)
    assert current_policy(**WHERE) == second


def test_who_looked_at_an_older_version_decides_again() -> None:
    change_policy(**WHERE, based_on=0)
    with pytest.raises(OldPolicyError):
        change_policy(**WHERE, based_on=0, review_from=0.9)
    assert Policy.objects.count() == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"review_from": 1.5},
        {"step_up_from": 0.9, "review_from": 0.5},
        {"time_budget_ms": 0},
        {"margin": -0.1},
    ],
    ids=["above-1", "not-rising", "no-time", "negative"],
)
def test_values_that_cannot_be_make_no_version(changes: dict) -> None:
    with pytest.raises(ValidationError):
        change_policy(**WHERE, based_on=0, **changes)
    assert not Policy.objects.exists()


def test_going_live_and_back_are_versions_too() -> None:
    policy = go_live(change_policy(**WHERE, based_on=0))
    assert policy.is_live
    assert change_policy(**WHERE, based_on=2, note="A change stays live.").is_live
    assert not back_to_shadow(current_policy(**WHERE)).is_live
    assert Policy.objects.count() == 4


@pytest.mark.parametrize(
    ("probability", "decision"),
    [
        (0.0, "approve"),
        (0.3, "step_up"),
        (0.59, "step_up"),
        (0.6, "review"),
        (0.95, "decline"),
        (1.0, "decline"),
    ],
)
def test_the_strictest_threshold_that_is_reached_decides(probability: float, decision: str) -> None:
    assert Policy().decide(probability) == decision
    never = Policy(step_up_from=None, review_from=None, decline_from=None)
    assert never.decide(probability) == Decision.APPROVE
