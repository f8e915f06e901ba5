"""Steps of a journey: what people build is read, and what cannot work is refused with a sentence."""

import re
from copy import deepcopy

import pytest

from ecomai.console.step_picture import HEIGHT, WIDTH, draw
from marketing.exceptions import InvalidJourneyError
from marketing.journeys.graph import END, Fork, Wait, parse_steps

from .journey_shop import STEPS


def changed(place: int, **values) -> list:
    steps = deepcopy(STEPS)
    steps[place] |= values
    return steps


def test_steps_come_in_an_order_in_which_they_are_worked():
    graph = parse_steps(STEPS)
    assert list(graph.steps) == ["wait", "known", "mail", "welcome"]
    assert isinstance(graph.first, Wait)
    assert graph.first.exits == ("known", END)
    fork = graph.steps["known"]
    assert isinstance(fork, Fork)
    assert fork.exits == ("mail", "welcome")
    turned = parse_steps([STEPS[0], STEPS[3], STEPS[2], STEPS[1]])
    assert list(turned.steps).index("known") < min(map(list(turned.steps).index, ("mail", "welcome")))


def test_two_ways_may_meet_again():
    steps = changed(2, next="welcome")
    assert list(parse_steps(steps).steps) == ["wait", "known", "mail", "welcome"]


@pytest.mark.parametrize(
    ("steps", "sentence", "path"),
    [
        ([], "it has no step yet", ""),
        (changed(3, next="known"), "in a circle: Bought before? → Welcome → Bought before?", "[3]"),
        (changed(2, next="mail"), "in a circle: Reminder → Reminder", "[2]"),
        (changed(1, yes="welcome"), "nothing leads to “Reminder”", "[2]"),
        (changed(1, yes="nowhere"), "“Bought before?” leads to “nowhere”, which is no step", "[1]"),
        (changed(2, variants=[]), "the message “Reminder” has no text", "[2].variants"),
        (changed(2, variants=[{"subject": "x", "body": " "}]), "“Reminder” has no text",
            "[2].variants[0].body"),
        (changed(2, variants=[{"subject": "{{ password }}", "body": "x"}]), "“password”",
            "[2].variants[0].subject"),
        (changed(1, condition={"all": [{"field": "age", "op": "=", "value": 1}]}), "no field “age”",
            "[1].condition.all[0].field"),
        (changed(1, condition=None), "condition of “Bought before?”", "[1].condition"),
        (changed(0, amount=0), "a whole number from 1", "[0].amount"),
        (changed(0, amount=400), "longer than a year", "[0].amount"),
        (changed(0, amount=True), "a whole number", "[0].amount"),
        (changed(0, unit="fortnights"), "minutes, hours, days", "[0].unit"),
        (changed(0, key="end"), "key of its own", "[0].key"),
        (changed(1, key="wait"), "two steps are called “wait”", "[1].key"),
        (changed(0, type="goto"), "a step is one of: message, wait, condition", "[0].type"),
        (changed(0, name="\0"), "a text of at most 60", "[0].name"),
        (["x"], "a step is an object", "[0]"),
        ({"key": "x"}, "it has no step yet", ""),
        ([STEPS[0]] * 51, "more than 50 steps", ""),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_with_a_sentence(steps, sentence, path):
    with pytest.raises(InvalidJourneyError) as refused:
        parse_steps(steps)
    assert sentence in str(refused.value)
    assert refused.value.details["path"] == path


def test_a_picture_has_each_step_below_what_leads_to_it_and_no_line_through_a_box():
    graph = parse_steps(STEPS)
    picture = draw(list(graph))
    at = {box.key: box for box in picture.boxes}
    assert set(at) == {"wait", "known", "mail", "welcome", "end"}
    for step in graph:
        for target in step.exits:
            assert at[target].y > at[step.key].y
    assert len({(box.x, box.y) for box in picture.boxes}) == 5
    assert at["mail"].x != at["welcome"].x
    assert len(picture.lines) == 6
    for line in picture.lines:
        for x, top, bottom in _verticals(line.path):
            for box in picture.boxes:
                is_beside = not box.x < x < box.x + WIDTH
                assert is_beside or bottom <= box.y or top >= box.y + HEIGHT, (line, box)


def _verticals(path: str) -> list[tuple[int, int, int]]:
    parts = re.findall(r"([MHV])([\d ]+)", path)
    x, y = map(int, parts[0][1].split())
    found = []
    for name, value in parts[1:]:
        if name == "V":
            found.append((x, min(y, int(value)), max(y, int(value))))
            y = int(value)
        else:
            x = int(value)
    return found
