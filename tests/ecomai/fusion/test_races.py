"""An erasure against what arrives in the same moment."""

from collections.abc import Callable
from threading import Event as Moment
from threading import Thread

import pytest
from django.db import connection, transaction

from ecomai.commerce.models import Customer, Event
from ecomai.commerce.services import hold_customers, ingest_events, upsert_items
from ecomai.fusion.services import erase_customer

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time"),
]


@pytest.fixture
def anna(settings, tmp_path) -> Customer:
    settings.ECOMAI = {"REGISTRY": {"FOLDER": tmp_path}}
    upsert_items([{"external_id": "mug", "title": "Mug"}])
    ingest_events([{"type": "view", "item_id": "mug", "customer_id": "anna", "key": "first"}])
    return Customer.objects.get(external_id="anna")


@pytest.fixture
def erase_during(anna) -> Callable:
    """Erase anna while a transaction that has done its writes is still open, for up to two seconds."""
    is_written, is_erased = Moment(), Moment()

    def write(act: Callable) -> None:
        try:
            with transaction.atomic():
                act()
                is_written.set()
                is_erased.wait(2)
        finally:
            connection.close()

    def run(act: Callable) -> None:
        thread = Thread(target=write, args=(act,))
        thread.start()
        assert is_written.wait(10)
        erase_customer(storefront="", external_id="anna")
        is_erased.set()
        thread.join()

    return run


def test_events_that_are_being_written_do_not_outlive_the_erasure(erase_during):
    late = {"type": "view", "item_id": "mug", "customer_id": "anna", "key": "late"}
    erase_during(lambda: ingest_events([late]))
    assert not Customer.objects.exists()
    assert not Event.objects.exists()


def test_only_customers_who_are_still_there_are_held(anna):
    with transaction.atomic():
        assert hold_customers([anna.pk, anna.pk + 1]) == {anna.pk}
