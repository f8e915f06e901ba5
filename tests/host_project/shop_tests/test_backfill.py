import json
from io import StringIO

import pytest
from django.core.management import call_command
from host_project.accounts.models import User
from host_project.catalogue.models import Product

from ecomai.commerce import signals
from ecomai.commerce.adapters import backfill, writing
from ecomai.commerce.models import Customer, Event, ImportCheckpoint, Item, Order, RejectedRow
from ecomai.registry.jobs import enqueue_job, execute_job

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("history", "small_chunks")]


def counts():
    return [model.objects.count() for model in (Customer, Item, Order, Event, RejectedRow)]


FULL = [20, 30, 50, 100, 0]


def test_a_backfill_brings_the_whole_history_in():
    summary = backfill.backfill()
    assert counts() == FULL
    assert summary["adapter:item:catalogue.Product"] == {"accepted": 30, "duplicate": 0, "rejected": 0}
    item = Item.objects.get(external_id="P0003")
    host = Product.objects.get(sku="P0003")
    assert (item.title, item.category_path, item.brand, item.price, item.currency, item.stock, item.url) == (
        "Cup 3", "Kitchen > Cups", "Potter", 3, "EUR", host.stock_level.on_hand, "/p/P0003/",
    )  # fmt: skip
    order = Order.objects.get(external_id="O00000")
    assert order.customer.external_id == str(User.objects.get(email="user0@shop.example").pk)
    assert [(line.item.external_id, line.quantity) for line in order.lines.order_by("position")] == [
        ("P0001", 1), ("P0002", 2),
    ]  # fmt: skip
    assert Event.objects.filter(type="purchase", item=item).count() == 4, "in orders 1, 2, 31 and 32"


def test_no_personal_data_comes_along():
    backfill.backfill()
    text = json.dumps(
        [
            list(Customer.objects.values("external_id", "traits", "country")),
            list(Order.objects.values("external_id")),
        ]
    )
    assert "@" not in text
    assert not Customer.objects.filter(external_id=str(User.objects.get(is_staff=True).pk)).exists()


def test_a_second_run_changes_nothing():
    backfill.backfill()
    before = {model: list(model.objects.order_by("pk").values()) for model in (Customer, Item, Order, Event)}
    summary = backfill.backfill()
    assert {name: result["accepted"] for name, result in summary.items()} == dict.fromkeys(summary, 0)
    for model, rows in before.items():
        assert list(model.objects.order_by("pk").values()) == rows


@pytest.mark.parametrize("kind", ["customer", "item", "order"])
def test_a_backfill_that_dies_half_way_resumes_where_it_was(kind, monkeypatch):
    """The third chunk of a kind dies after its rows were written and before its end."""
    original, calls = writing.WRITERS[kind], []

    def die_in_the_third(rows, **kwargs):
        results = original(rows, **kwargs)
        calls.append(len(rows))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return results

    monkeypatch.setitem(writing.WRITERS, kind, die_in_the_third)
    with pytest.raises(KeyboardInterrupt):
        backfill.backfill()
    checkpoint = ImportCheckpoint.objects.get(source__startswith=f"adapter:{kind}:")
    assert (checkpoint.rows_done, checkpoint.finished_at) == (14, None)
    assert {"customer": Customer, "item": Item, "order": Order}[kind].objects.count() == 14

    summary = backfill.backfill()
    assert counts() == FULL
    assert sum(calls[3:]) == FULL[["customer", "item", "order"].index(kind)] - 14, "nothing was read twice"
    assert summary[checkpoint.source]["accepted"] == FULL[["customer", "item", "order"].index(kind)]


def test_the_order_of_random_keys_does_not_lose_customers():
    backfill.backfill(kinds=["customer"])
    ours = set(Customer.objects.values_list("external_id", flat=True))
    assert ours == {str(pk) for pk in User.objects.filter(is_staff=False).values_list("pk", flat=True)}


def test_the_command_shows_progress_and_a_summary():
    out, err = StringIO(), StringIO()
    call_command("ecomai_backfill", "--kinds", "item", stdout=out, stderr=err)
    assert json.loads(out.getvalue())["adapter:item:catalogue.Product"]["accepted"] == 30
    assert "100.0%" in err.getvalue().splitlines()[-1]
    assert len(err.getvalue().splitlines()) == 5


def test_as_a_job_it_reports_progress_and_its_result():
    job = enqueue_job(kind="commerce.backfill", arguments={"kinds": ["item"]})
    execute_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.progress) == ("succeeded", 1.0)
    assert job.result["adapter:item:catalogue.Product"]["accepted"] == 30


def test_a_bad_row_is_set_aside_and_the_rest_comes_in():
    Product.objects.filter(sku="P0005").update(name="")
    summary = backfill.backfill(kinds=["item"])
    assert summary["adapter:item:catalogue.Product"] == {"accepted": 29, "duplicate": 0, "rejected": 1}
    assert RejectedRow.objects.get().source == "adapter:item:catalogue.Product"


def test_an_empty_shop_is_no_fault():
    Product.objects.all().delete()
    assert backfill.backfill(kinds=["item"])["adapter:item:catalogue.Product"] == {
        "accepted": 0, "duplicate": 0, "rejected": 0,
    }  # fmt: skip


def test_a_chunk_needs_few_queries(django_assert_max_num_queries, settings):
    settings.ECOMAI = {
        **settings.ECOMAI,
        "COMMERCE": {**settings.ECOMAI["COMMERCE"], "ADAPTER_CHUNK_ROWS": 500},
    }
    # Each batch that names customers also holds their rows against an erasure.
    with django_assert_max_num_queries(64):
        backfill.backfill()


def test_changes_are_told():
    told = []
    signals.items_changed.connect(
        lambda item_pks, **kwargs: told.extend(item_pks), weak=False, dispatch_uid="t"
    )
    try:
        backfill.backfill(kinds=["item"])
    finally:
        signals.items_changed.disconnect(dispatch_uid="t")
    assert told == [] or len(told) == 30
