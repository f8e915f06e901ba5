"""The whole history of a shop on Oscar, in chunks, interrupted and repeated."""

import json

import pytest
from django.core.management import call_command
from oscar.core.loading import get_model
from oscar_fixtures import make_basket, make_order, make_product, make_shirt, make_user, pay, ship

from ecomai.commerce.adapters import writing
from ecomai.commerce.adapters.backfill import backfill
from ecomai.commerce.models import Customer, Event, ImportCheckpoint, Item, Order, OrderLine, RejectedRow

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("history", "small_chunks")]

MODELS = (Customer, Item, Order, OrderLine, Event)


@pytest.fixture
def history(db):
    """15 customers, 20 items, 15 orders of 2 lines; each customer has looked, searched and rated."""
    products = [make_product(f"Cup {number}", stock=100) for number in range(15)]
    products += [make_shirt(M=("20.00", 100), L=("25.00", 100)) for _ in range(5)]
    for number in range(15):
        user, cup = make_user(), products[number]
        variant = products[15 + number % 5].children.first()
        order = make_order(user, (cup, 2), variant)
        if number % 3 == 0:
            ship(order)
            pay(order, "Refunded", "10.00", **{cup.title: 1})
        make_basket(user, cup)
        get_model("analytics", "UserProductView").objects.create(user=user, product=variant)
        get_model("analytics", "UserSearch").objects.create(user=user, query="cup")
        cup.reviews.create(user=user, score=5, title="Good", body="Good", status=1)


def state():
    return [sorted(map(str, model.objects.values_list())) for model in MODELS]


def test_the_whole_history_comes_in():
    backfill()
    assert [model.objects.count() for model in (Customer, Item, Order, OrderLine, RejectedRow)] == [
        15, 20, 15, 30, 0,
    ]  # fmt: skip
    kinds = Event.objects.order_by("type").values_list("type", flat=True)
    counts = {kind: list(kinds).count(kind) for kind in set(kinds)}
    popularity = get_model("analytics", "ProductRecord").objects.count()
    assert counts == {
        "purchase": 30, "return": 5, "cart": 45, "view": 15, "search": 15, "review": 15,
        "refund": 5, "shipment": 5, "popularity": popularity,
    }  # fmt: skip


def test_a_second_run_changes_nothing():
    backfill()
    before = state()
    assert {row["accepted"] for row in backfill().values()} == {0}
    assert state() == before


@pytest.mark.parametrize("kind", ["customer", "item", "order", "event"])
def test_one_that_dies_half_way_goes_on_where_it_was(kind, monkeypatch):
    """The second chunk of a kind dies after its rows were written and before its end."""
    original, n_calls = writing.WRITERS[kind], []

    def die_in_the_second(rows, **kwargs):
        results = original(rows, **kwargs)
        n_calls.append(len(rows))
        if len(n_calls) == 2:
            raise KeyboardInterrupt
        return results

    monkeypatch.setitem(writing.WRITERS, kind, die_in_the_second)
    with pytest.raises(KeyboardInterrupt):
        backfill()
    checkpoint = ImportCheckpoint.objects.get(source__startswith=f"adapter:{kind}:", finished_at=None)
    assert checkpoint.rows_done == 7
    n_before = sum(n_calls)
    backfill()
    assert [model.objects.count() for model in MODELS[:4]] == [15, 20, 15, 30]
    n_rows = {"customer": 15, "item": 20, "order": 15}.get(kind)
    if n_rows:
        assert sum(n_calls) - n_before == n_rows - 7, "nothing was read twice"


def test_the_command_shows_progress(capsys):
    call_command("ecomai_backfill")
    shown = capsys.readouterr()
    summary = json.loads(shown.out)
    assert summary["adapter:order:order.Order"]["accepted"] == 15
    assert "order.Order: 14 of 15 rows" in shown.err
    assert "100.0%" in shown.err.splitlines()[-1]


def test_nothing_personal_comes_along():
    backfill()
    assert "@" not in str(state())
