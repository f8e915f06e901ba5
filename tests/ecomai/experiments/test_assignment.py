"""Who belongs where: always the same, in the planned proportions, and unmoved by what happens meanwhile."""

from collections import Counter
from dataclasses import replace

import pytest

from ecomai.experiments.assignment import ArmPart, Plan, draws, place

VISITORS = [f"session-{n:05d}" for n in range(20_000)]
CONTROL, NEW, BOLD = (
    ArmPart(1, "today", {}, True),
    ArmPart(2, "new", {"n": 5}, False),
    ArmPart(3, "bold", {}, False),
)


def make_plan(**fields):
    values = {
        "id": 1, "slug": "home", "subject": "x:home", "unit": "session", "salt": "salt", "traffic_share": 1.0,
        "holdout_share": 0.0, "allocation": ((1, 2), (2, 1), (3, 1)), "arms": {1: CONTROL, 2: NEW, 3: BOLD},
    }  # fmt: skip
    return Plan(**{**values, **fields})


def shares(plan):
    counts = Counter()
    for visitor in VISITORS:
        seen = place(plan, unit_id=visitor)
        counts["nothing" if seen is None else "held back" if seen.is_holdout else seen.arm] += 1
    return {name: n / len(VISITORS) for name, n in counts.items()}


def test_visitors_come_to_the_arms_by_weight():
    assert shares(make_plan()) == pytest.approx({"today": 0.5, "new": 0.25, "bold": 0.25}, abs=0.015)


def test_share_and_holdout_are_taken_before_arms():
    found = shares(make_plan(traffic_share=0.5, holdout_share=0.2))
    wanted = {"held back": 0.2, "nothing": 0.4, "today": 0.2, "new": 0.1, "bold": 0.1}
    assert found == pytest.approx(wanted, abs=0.015)


def test_same_visitor_sees_the_same_and_other_experiments_mix_anew():
    plan, other = make_plan(), make_plan(salt="other")
    first = [place(plan, unit_id=visitor).arm for visitor in VISITORS]
    assert first == [place(plan, unit_id=visitor).arm for visitor in VISITORS]
    bold = [visitor for visitor, arm in zip(VISITORS, first, strict=True) if arm == "bold"]
    again = sum(place(other, unit_id=visitor).arm == "bold" for visitor in bold) / len(bold)
    assert again == pytest.approx(0.25, abs=0.03)


def test_storefronts_are_told_apart():
    assert draws("salt", "de", "17") != draws("salt", "fr", "17")


@pytest.mark.parametrize("gone", ["taken out", "its row is gone"])
def test_visitors_of_an_arm_that_is_gone_see_the_control_and_nobody_else_moves(gone):
    before = make_plan()
    arms = {1: CONTROL, 2: NEW}
    if gone == "taken out":
        arms[3] = replace(BOLD, is_removed=True)
    after = replace(before, arms=arms)
    for visitor in VISITORS[:2000]:
        was, now = place(before, unit_id=visitor), place(after, unit_id=visitor)
        if was.arm == "bold":
            assert (now.arm, now.is_counted) == ("today", False)
        else:
            assert now == was


def test_growing_share_keeps_who_takes_part():
    small, large = make_plan(traffic_share=0.1), make_plan(traffic_share=0.6)
    for visitor in VISITORS[:2000]:
        was = place(small, unit_id=visitor)
        assert was is None or place(large, unit_id=visitor) == was


def test_after_roll_out_only_those_held_back_see_the_control():
    plan = make_plan(holdout_share=0.1, traffic_share=0.5, winner_id=2, is_rolled_out=True)
    assert shares(plan) == pytest.approx({"held back": 0.1, "new": 0.9}, abs=0.015)
    assert not any(place(plan, unit_id=visitor).is_counted for visitor in VISITORS[:500])


def test_without_a_control_nothing_changes():
    assert place(make_plan(arms={2: NEW}), unit_id="session-1") is None


def test_any_text_may_be_an_id():
    for unit_id in ("", "😀", "x" * 10_000, "\0", "'; DROP TABLE"):
        assert place(make_plan(), unit_id=unit_id) is not None
