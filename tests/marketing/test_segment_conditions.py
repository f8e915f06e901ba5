"""Conditions: read with clear errors, compiled to the right customers, followed through time."""

import itertools
import random
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ecomai import scenarios
from ecomai.scenarios import FactSpec, Scenario
from marketing.exceptions import InvalidConditionError
from marketing.models import CustomerProfile
from marketing.segments.compiling import Scope, select_profiles
from marketing.segments.conditions import DEEPEST, MOST_PARTS, parse_condition
from marketing.segments.crossing import depends_on_time, find_crossings

from .conftest import NOW
from .segment_shop import DAY, TTL, Judge, plant, random_condition

pytestmark = pytest.mark.django_db

NESTED: Any = {"field": "n_orders", "op": "known"}


@pytest.fixture(autouse=True)
def facts() -> Iterator[None]:
    """A fact for marketing, one for risk alone."""
    shared: dict[str, Any] = {"entity": "customer", "type": "number", "time_to_live": TTL}
    scenario = Scenario(
        name="toy", verbose_name="Toy",
        facts=[
            FactSpec(name="toy.churn", purposes=frozenset({"marketing"}), default=0.5, **shared),
            FactSpec(name="toy.fraud", purposes=frozenset({"risk"}), default=0.0, **shared),
        ],
    )  # fmt: skip
    scenarios.register(scenario)
    yield
    scenarios.unregister("toy")


def selected(given: Any, now: Any = NOW, **scope: Any) -> set[int]:
    condition = parse_condition(given)
    return set(select_profiles(condition, now=now, scope=Scope(scope)).values_list("pk", flat=True))


@pytest.mark.parametrize("seed", range(12))
def test_a_query_selects_whom_a_look_at_each_customer_selects(seed):
    rng = random.Random(seed)
    plant(rng, NOW)
    judge = Judge(NOW)
    for _each in range(40):
        given = random_condition(rng)
        expected = judge.members(parse_condition(given))
        assert selected(given) == expected, given
        some = rng.sample(sorted(judge.profiles), 5)
        assert selected(given, **{"in": some}) == expected & set(some), given


@pytest.mark.parametrize("seed", range(8))
def test_whose_answer_time_changes_lies_among_the_crossings(seed):
    rng = random.Random(100 + seed)
    plant(rng, NOW)
    for _each in range(25):
        given, condition = (each := random_condition(rng)), parse_condition(each)
        moments = sorted([NOW, NOW + rng.choice([DAY, 3 * DAY]), NOW + rng.uniform(0, 40) * DAY])
        before = selected(given, moments[0])
        for after, until in itertools.pairwise(moments):
            now_in = selected(given, until)
            changed = before ^ now_in
            assert changed <= find_crossings(condition, after=after, until=until), given
            assert not changed or depends_on_time(condition), given
            before = now_in


def test_crossings_are_few_when_nothing_passes():
    plant(random.Random(3), NOW)
    condition = parse_condition(
        {"all": [{"event": "view", "days": 7}, {"field": "stage", "op": "in", "value": ["lapsed"]}]}
    )
    nothing = find_crossings(condition, after=NOW + 900 * DAY, until=NOW + 901 * DAY)
    assert nothing == set()


@pytest.mark.parametrize(
    ("given", "path", "words"),
    [
        (None, "", "object"),
        ([], "", "object"),
        ({}, "", "names"),
        ({"all": []}, "all", "at least one"),
        ({"all": [{"field": "nope", "op": ">="}]}, "all[0].field", "no field “nope”"),
        ({"field": ["x"], "op": "="}, "field", "no field"),
        ({"not": {"field": "n_orders", "op": "like", "value": 1}}, "not.op", "one of"),
        ({"field": "n_orders", "op": ">=", "value": "3"}, "value", "number"),
        ({"field": "n_orders", "op": ">=", "value": True}, "value", "number"),
        ({"field": "spent", "op": ">=", "value": float("nan")}, "value", "number"),
        ({"field": "n_orders", "op": "known", "value": 3}, "value", "known"),
        ({"field": "stage", "op": "in", "value": ["gone"]}, "value[0]", "none of"),
        ({"field": "country", "op": "in", "value": []}, "value", "list"),
        ({"field": "country", "op": "in", "value": ["x" * 501]}, "value[0]", "at most 500"),
        ({"field": "country", "op": "in", "value": ["a\0b"]}, "value[0]", "text"),
        ({"field": "last_order_at", "op": "within", "value": 0}, "value", "whole number"),
        ({"event": "view", "days": 10_000}, "days", "730"),
        ({"event": "view", "at_least": 0}, "at_least", "whole number"),
        ({"event": ""}, "event", "names no event"),
        ({"event": "view", "dayz": 3}, "", "dayz"),
        ({"fact": "toy.fraud", "op": ">=", "value": 0.5}, "fact", "purpose"),
        ({"fact": "toy.churn", "op": "known"}, "op", "always has a value"),
        ({"any": [NESTED] * (MOST_PARTS + 1)}, f"any[{MOST_PARTS - 1}]", "more than"),
    ],
)
def test_a_fault_is_said_with_the_way_to_it(given, path, words):
    with pytest.raises(InvalidConditionError) as caught:
        parse_condition(given)
    assert caught.value.details == {"path": path}
    assert words in str(caught.value)


def test_groups_within_groups_end_somewhere():
    given = NESTED
    for _level in range(DEEPEST):
        given = {"not": given}
    with pytest.raises(InvalidConditionError, match="deeper than 6"):
        parse_condition(given)


def test_everybody_and_nobody_can_be_selected_and_only_with_consent():
    plant(random.Random(5), NOW)
    everybody = {"any": [{"event": "view"}, {"not": {"event": "view"}}]}
    allowed = set(CustomerProfile.objects.filter(has_consent=True).values_list("pk", flat=True))
    assert selected(everybody) == allowed
    assert selected({"all": [{"event": "view"}, {"not": {"event": "view"}}]}) == set()


def test_values_are_never_part_of_the_statement():
    plant(random.Random(6), NOW)
    evil = "x'; DROP TABLE ecomai_commerce_customer; --"
    given = {"any": [
        {"field": "country", "op": "in", "value": [evil]}, {"event": evil[:32], "days": 3},
        {"event": "view", "at_least": 2, "category": evil, "brand": evil},
    ]}  # fmt: skip
    sql, parameters = select_profiles(parse_condition(given), now=NOW).query.sql_with_params()
    assert "DROP" not in sql
    assert evil in parameters
    assert selected(given) == set()
    assert CustomerProfile.objects.exists()


def test_one_query_whatever_the_condition():
    plant(random.Random(7), NOW, n_customers=5)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        for seed in range(5):
            selected(random_condition(random.Random(seed), depth=4))
    assert len(queries) == 5
