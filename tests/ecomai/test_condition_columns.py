"""Conditions asked of whole tables say what they say of each row."""

import math
import random
from typing import Any

import numpy as np
import pytest

from ecomai.condition_columns import Coded, answers_of
from ecomai.conditions import ConditionError, Language

LANGUAGE = Language(
    {
        "amount": "number", "count": "number", "rate": "number", "country": "text", "currency": "text",
        "categories": "texts", "is_new": "truth", "properties": "mapping",
    },
    example="amount > 5",
)  # fmt: skip
CONDITIONS = [
    "amount > 100", "amount == 0.3", "count >= 3", "count in [1, 2, 7]", "not (count < 3)",
    "amount > 50 and count >= 2 or is_new", 'country == "DE"', 'country in ["DE", "FR"] and amount > 20',
    'country != currency', '"Coffee" in categories', 'not ("Coffee" in categories) and is_new',
    "amount / count > 30", "count != 0 and amount / count > 30", "count == 0 or amount / count > 30",
    "amount * 1.1 > 110", "amount - 0.1 == 0.2", "amount - 0.1 - 0.2 > 0", "amount + rate >= 0.3",
    "-amount < -100", "is_new == true", "is_new and rate < 0.5", 'properties["channel"] == "app"',
    'properties["channel"] == "app" and amount > 10', 'country.as_lower == "de" or amount > 100',
    "amount // count > 3", "amount % 2 == 0", 'country + "!" == "DE!"', "amount > rate * 100", "rate == rate",
    'categories.length > 1', "amount / (count - 1) > 5", "1 / rate > 2", "3 > 2 and amount > 3",
    '"E" in country', "amount > 0.1 + 0.2", "count in [amount, 3]",
]  # fmt: skip


class Rows:
    """A table made of the facts of rows."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows, self.n_rows = rows, len(rows)
        self.n_asked = 0

    def numbers(self, name: str) -> np.ndarray | None:
        if LANGUAGE.kinds[name] != "number":
            return None
        return np.array([math.nan if row[name] is None else row[name] for row in self.rows], dtype=float)

    def coded(self, name: str) -> Coded:
        values: dict[str, Any] = {}
        for row in self.rows:
            if row[name] is not None:
                values.setdefault(repr(row[name]), row[name])
        places = {key: place for place, key in enumerate(values)}
        codes = [places.get(repr(row[name]), -1) if row[name] is not None else -1 for row in self.rows]
        return Coded(np.array(codes, dtype=np.int64), list(values.values()))

    def facts(self, place: int) -> dict[str, Any]:
        self.n_asked += 1
        return self.rows[place]


def some_rows(n: int, seed: int) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    maybe = lambda value: None if draw.random() < 0.1 else value  # noqa: E731
    return [
        {
            "amount": maybe(draw.choice([0.0, 0.1, 0.2, 0.3, 0.30000000000000004, 60.0, 90.0, 100.0,
                                         round(draw.expovariate(0.01), 2)])),
            "count": maybe(float(draw.randrange(6))),
            "rate": maybe(draw.choice([0.0, 0.1, 0.2, 0.5, draw.random()])),
            "country": maybe(draw.choice(["DE", "FR", "US", "EUR"])),
            "currency": maybe(draw.choice(["EUR", "US"])),
            "categories": draw.choice([(), ("Coffee",), ("Coffee", "Tea"), ("Hats",)]),
            "is_new": maybe(draw.random() < 0.5),
            "properties": draw.choice([{}, {"channel": "app"}, {"channel": "web"}]),
        }
        for _ in range(n)
    ]  # fmt: skip


def one_by_one(condition: Any, rows: list[dict[str, Any]]) -> tuple[list[bool], int]:
    said, n_failed = [], 0
    for row in rows:
        try:
            said.append(condition.is_met(row))
        except ConditionError:
            said.append(False)
            n_failed += 1
    return said, n_failed


@pytest.mark.parametrize("text", CONDITIONS)
def test_a_table_is_answered_as_its_rows_are(text):
    condition, rows = LANGUAGE.compile(text), some_rows(400, seed=7)
    said, n_failed = one_by_one(condition, rows)
    answers = answers_of(condition, Rows(rows))
    assert answers.is_met.tolist() == said
    assert answers.n_failed == n_failed
    assert bool(answers.problem) == bool(n_failed)


def test_what_floats_get_wrong_is_asked_of_the_row():
    """100 * 1.1 is above 110 for floats alone."""
    row = dict.fromkeys(LANGUAGE.kinds) | {"amount": 100.0}
    assert 100.0 * 1.1 > 110
    table = Rows([row])
    assert answers_of(LANGUAGE.compile("amount * 1.1 > 110"), table).is_met.tolist() == [False]
    assert table.n_asked == 1


def test_plain_comparisons_ask_no_row_by_itself():
    table = Rows(some_rows(400, seed=3))
    for text in ("amount > 50 and count >= 3", 'country in ["DE"] or is_new', '"Coffee" in categories'):
        answers_of(LANGUAGE.compile(text), table)
    assert table.n_asked == 0


def test_an_empty_table_has_no_answers():
    assert answers_of(LANGUAGE.compile("amount / count > 3"), Rows([])).is_met.tolist() == []
