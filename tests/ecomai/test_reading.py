"""Reads over warm connections: the same rows as ever, in transactions and after failures."""

import threading

import pytest
from django.db import DatabaseError, connection, transaction

from ecomai import reading, warm_connections
from ecomai.commerce.models import Item

TITLES = "SELECT title FROM ecomai_commerce_item WHERE external_id = %s"


@pytest.fixture(autouse=True)
def _none_left_open():
    yield
    warm_connections.close_connections()


def in_another_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def test_a_transaction_reads_what_it_wrote(db):
    Item.objects.create(external_id="new", title="New")
    assert reading.in_transaction()
    assert reading.read_rows(TITLES, ["new"]) == [("New",)]


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_others_see_what_is_committed():
    Item.objects.create(external_id="kept", title="Kept")
    assert in_another_thread(lambda: reading.read_rows(TITLES, ["kept"])) == [("Kept",)]
    with transaction.atomic():
        Item.objects.update(title="Changed")
        assert in_another_thread(lambda: reading.read_rows(TITLES, ["kept"])) == [("Kept",)]
        assert reading.read_rows(TITLES, ["kept"]) == [("Changed",)]
    assert reading.read_rows(TITLES, ["kept"]) == [("Changed",)]


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_ended_costs_no_answer():
    if not reading.is_postgresql():
        pytest.skip("Warm connections are for PostgreSQL.")
    (own,) = reading.read_rows("SELECT pg_backend_pid()")[0]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [own])
    (next_one,) = reading.read_rows("SELECT pg_backend_pid()")[0]
    assert next_one != own


@pytest.mark.django_db(transaction=True)
def test_what_is_wrong_with_a_statement_is_said_as_ever():
    with pytest.raises(DatabaseError):
        reading.read_rows("SELECT nothing FROM nowhere")
    assert reading.read_rows("SELECT 1") == [(1,)]
