"""Quick transactions: all or nothing, on a warm connection or within the caller's own transaction."""

import threading

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from ecomai import warm_connections
from ecomai.commerce.models import Item
from ecomai.statements import insert, quick_transaction

RETURNING = 'RETURNING "id"'


@pytest.fixture(autouse=True)
def _none_left_open():
    yield
    warm_connections.close_connections()


@pytest.fixture
def only_postgresql():
    if not warm_connections.is_postgresql():
        pytest.skip("Warm connections are for PostgreSQL.")


def item(name: str) -> Item:
    return Item(external_id=name, title=f"Title of {name}", attributes={"colour": "red", "n": [1, 2.5, None]})


def names() -> set[str]:
    return set(Item.objects.values_list("external_id", flat=True))


@pytest.mark.django_db(transaction=True)
def test_what_is_inserted_is_read_as_the_orm_wrote_it():
    by_orm = item("orm")
    by_orm.save()
    ours = item("a")
    with quick_transaction() as run:
        [(pk,)] = run.ask(insert(ours, ending=RETURNING))
        run.send(insert(item("b")))
    found = Item.objects.get(pk=pk)
    by_orm.refresh_from_db()
    for field in Item._meta.concrete_fields:
        if not field.primary_key:
            kept = getattr(found, field.attname)
            assert kept == getattr(ours, field.attname), field.attname
            assert type(kept) is type(getattr(by_orm, field.attname)), field.attname
    assert names() == {"orm", "a", "b"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_waited_for", [True, False])
def test_one_that_fails_takes_the_others_along(is_waited_for):
    item("old").save()

    def insert_both():
        with quick_transaction() as run:
            run.send(insert(item("new")))
            if is_waited_for:
                run.ask(insert(item("old"), ending=RETURNING))
            else:
                run.send(insert(item("old")))

    with pytest.raises(IntegrityError):
        insert_both()
    assert names() == {"old"}
    with quick_transaction() as run:  # and the connection serves the next one
        run.send(insert(item("new")))
    assert names() == {"old", "new"}


@pytest.mark.django_db(transaction=True)
def test_an_error_of_ours_rolls_back_and_is_passed_on():
    def insert_and_fail():
        with quick_transaction() as run:
            run.ask(insert(item("new"), ending=RETURNING))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        insert_and_fail()
    assert names() == set()


@pytest.mark.django_db(transaction=True)
def test_inside_a_transaction_it_is_part_of_that():
    def insert_and_fail():
        with transaction.atomic():
            item("before").save()
            with quick_transaction() as run:
                seen = run.ask(("SELECT external_id FROM ecomai_commerce_item", ()))
                run.send(insert(item("within")))
            assert seen == [("before",)]
            assert names() == {"before", "within"}
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        insert_and_fail()
    assert names() == set()


@pytest.mark.django_db(transaction=True)
def test_a_lock_is_waited_for_as_long_as_was_said(only_postgresql):
    item("held").save()
    with transaction.atomic():
        Item.objects.update(title="Held")
        failed = []

        def wait():
            try:
                with quick_transaction() as run:
                    run.ask(
                        ("SELECT set_config('lock_timeout', %s, true)", ["50ms"]),
                        ("SELECT id FROM ecomai_commerce_item FOR UPDATE", ()),
                    )
            except OperationalError as error:
                failed.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        thread.join(timeout=20)
    assert "lock timeout" in str(failed[0])
    with quick_transaction() as run:
        assert run.ask(("SHOW lock_timeout", ())) == [("0",)]


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_ended_costs_no_transaction(only_postgresql):
    with quick_transaction() as run:
        [(own,)] = run.ask(("SELECT pg_backend_pid()", ()))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [own])
    with quick_transaction() as run:
        [(next_one,)] = run.ask(("SELECT pg_backend_pid()", ()))
        run.send(insert(item("new")))
    assert next_one != own
    assert names() == {"new"}


@pytest.mark.django_db(transaction=True)
def test_plans_are_kept_from_one_transaction_to_the_next(only_postgresql):
    for number in range(3):
        with quick_transaction() as run:
            run.send(insert(item(f"i-{number}")))
            [(n_plans,)] = run.ask(
                ("SELECT COUNT(*) FROM pg_prepared_statements WHERE statement LIKE %s", ["INSERT INTO%"])
            )
    assert n_plans == 1
