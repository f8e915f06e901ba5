"""What customers bought says who they are: figures of items and of those who buy them."""

from pathlib import Path

import numpy as np
import pytest

from ecomai.learning.customer_value.assortment import Assortment, PurchaseLines
from ecomai.learning.customer_value.base import PurchaseHistories
from ecomai.learning.customer_value.boosted import BoostedValueModel
from ecomai.learning.exceptions import InvalidDataError, NotFittedError

END = 100.0
#: Customer, day, item, pieces, price: two buy item 7, one of them twice; item 9 is new.
LINES = [(0, 10, 7, 1, 4.0), (0, 40, 7, 3, 4.0), (0, 40, 8, 1, 10.0), (1, 20, 7, 2, 5.0), (2, 90, 9, 1, 1.0)]


def lines_of(rows: list[tuple[float, ...]]) -> PurchaseLines:
    return PurchaseLines.of(*np.array(rows, dtype=float).T)


def described(
    rows: list[tuple[float, ...]], n_customers: int = 3, end_day: float = END
) -> dict[str, np.ndarray]:
    lines = lines_of(rows)
    found = Assortment().fit(lines, end_day).describe(lines, end_day, n_customers)
    return dict(zip(Assortment.names, found.T, strict=True))


def test_customers_are_described_by_what_they_bought() -> None:
    found = described(LINES)
    np.testing.assert_allclose(found["n_items"], [2, 1, 1])
    np.testing.assert_allclose(found["items_in_lines"], [2 / 3, 1, 1])
    np.testing.assert_allclose(found["repeated_share"], [1 / 3, 0, 0])
    np.testing.assert_allclose(found["pieces_median"], [1, 2, 1])
    np.testing.assert_allclose(found["price_mean"], [6, 5, 1])
    np.testing.assert_allclose(found["price_median"], [4, 5, 1])


def test_items_are_known_by_their_buyers_their_age_and_how_they_sell_now() -> None:
    found = described(LINES)
    np.testing.assert_allclose(found["item_buyers"][1:], np.log1p([2, 1]))
    np.testing.assert_allclose(found["item_age"], [(90 + 90 + 60) / 3, 90, 10])
    assert found["item_trend"][1] == 0  # not sold for 30 days
    assert found["item_trend"][2] == pytest.approx(np.log1p((1 / 30) / (1 / 90)))


def test_a_customer_without_lines_and_histories_without_any_have_no_figures() -> None:
    assert np.isnan(described(LINES, n_customers=4)["price_mean"][3])
    nothing = Assortment().fit(None, END)
    assert np.isnan(nothing.describe(None, END, 2)).all()
    assert np.isnan(nothing.describe(lines_of(LINES), END, 3)[:, -3:]).all()


def test_an_item_that_was_not_learned_is_left_out_of_the_means() -> None:
    learned = Assortment().fit(lines_of(LINES[:4]), END)
    found = learned.describe(lines_of([(0, 40, 8, 1, 10.0), (0, 95, 9, 1, 1.0)]), END, 1)
    assert found[0, Assortment.names.index("item_age")] == 60


def test_a_saved_assortment_describes_the_same(tmp_path: Path) -> None:
    for lines in (lines_of(LINES), None):
        fitted = Assortment().fit(lines, END)
        loaded = Assortment.load(fitted.save(tmp_path))
        np.testing.assert_array_equal(
            loaded.describe(lines_of(LINES), END, 3), fitted.describe(lines_of(LINES), END, 3)
        )
    with pytest.raises(NotFittedError):
        Assortment().describe(None, END, 1)


def test_histories_cut_and_chosen_keep_their_own_lines() -> None:
    rows = np.array(LINES)
    whole = PurchaseHistories.of(
        rows[:, 0], rows[:, 1], rows[:, 3] * rows[:, 4], end_day=END, lines=lines_of(LINES)
    )
    known, who = whole.until(30)
    np.testing.assert_array_equal(who, [0, 1])
    assert known.lines is not None
    assert list(zip(known.lines.customers, known.lines.items, strict=True)) == [(0, 7), (1, 7)]
    turned = whole.select([2, 0])
    assert turned.lines is not None
    assert list(zip(turned.lines.customers, turned.lines.items, strict=True)) == [
        (0, 9),
        (1, 7),
        (1, 7),
        (1, 8),
    ]


@pytest.mark.parametrize("row", [(0, np.nan, 1, 1, 1), (0, 1, 1, np.inf, 1)])
def test_lines_with_a_missing_number_are_refused(row: tuple[float, ...]) -> None:
    with pytest.raises(InvalidDataError):
        PurchaseLines.of(*([value] for value in row))


def test_trees_find_that_buyers_of_some_items_come_back() -> None:
    """Customers differ in nothing but what they buy: things everybody buys, or things of their own."""
    rng = np.random.default_rng(0)
    rows = []
    for customer in range(600):
        is_loyal = customer % 2 == 0
        days = [rng.integers(0, 60), *(rng.integers(60, 300, size=4) if is_loyal else [])]
        items = rng.integers(0, 5, size=len(days)) if is_loyal else [1000 + customer]
        rows += [(customer, day, item, 1, 10.0) for day, item in zip(days, items, strict=True)]
    who, days, _items, _pieces, prices = np.array(rows, dtype=float).T
    whole = PurchaseHistories.of(who, days, prices, end_day=300, lines=lines_of(rows))
    newest, _who = whole.until(59)  # when each of them has bought once
    learned = BoostedValueModel(n_trees=30, n_windows=2, min_leaf=20, n_threads=1).fit(
        whole, horizon_days=120
    )
    buys = learned.predict(newest, 120).buys
    assert buys[::2].min() > buys[1::2].max()
