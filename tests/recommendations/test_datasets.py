"""From events to what is learned from."""

from datetime import timedelta

import numpy as np
import pytest

from ecomai.commerce.models import Event
from ecomai.commerce.snapshots import freeze
from recommendations import datasets, past, selectors
from recommendations.past import read_past

from .conftest import NOW


@pytest.fixture
def read(shop, tmp_path):
    def read(cutoff=NOW):
        folder = tmp_path / str(cutoff.timestamp())
        freeze(folder, cutoff=cutoff)
        return datasets.read_dataset(folder, cutoff=cutoff)

    return read


def keys_of(dataset):
    return [dataset.item_keys[row].tolist() for row in dataset.interactions]


def test_view_basket_and_purchase_of_one_item_are_one_step(read, shop, add_event, add_customer):
    anna = add_customer("anna")
    for days_ago, item, type in (
        (5, 0, "view"),
        (4, 0, "cart"),
        (3, 0, "purchase"),
        (2, 1, "view"),
        (1, 0, "view"),
    ):
        add_event(shop[item], type=type, customer=anna, days_ago=days_ago)
    dataset = read()
    assert keys_of(dataset) == [[shop[0].pk, shop[1].pk, shop[0].pk]]
    assert dataset.interactions.weights.tolist() == [5.0, 1.0, 1.0]
    assert dataset.interactions.ages_days.round().tolist() == [5.0, 2.0, 1.0]
    types = [dataset.event_types[type] for type in dataset.interactions.types]
    assert types == ["purchase", "view", "view"]


def test_training_and_answers_read_the_same_of_a_history(read, shop, add_event, add_customer):
    """Types and times of steps: from a snapshot, for an answer, and for scoring in batch."""
    anna = add_customer("anna")
    done = (
        (9, 0, "view"),
        (8.9, 0, "purchase"),
        (8, 1, "cart"),
        (4, 2, "view"),
        (3.99, 2, "click"),
        (3, 0, "cart"),
    )
    for days_ago, item, type in done:
        add_event(shop[item], type=type, customer=anna, days_ago=days_ago)
    add_event(shop[3], type="view", customer=anna, days_ago=1)
    dataset = read()
    start = np.datetime64((NOW - timedelta(days=2)).replace(tzinfo=None), "us")
    cases = datasets.cases_between(dataset, start, n_max=10, random_state=0)
    (learned,) = datasets.event_contexts(cases.histories, dataset.event_types)
    assert [context.type for context in learned] == ["purchase", "cart", "view", "cart"]
    Event.objects.filter(item=shop[3]).delete()
    past = read_past(customer=anna, with_contexts=True)
    rows = selectors.histories([anna.pk], as_of=NOW)[anna.pk]
    scored = selectors.steps_of((row.item_key, row.type, selectors.day_of(row.occurred_at)) for row in rows)
    assert (list(past.history), list(past.event_contexts)) == scored
    assert [context.type for context in past.event_contexts] == [context.type for context in learned]
    gaps = [np.diff([context.day for context in contexts]) for contexts in (learned, past.event_contexts)]
    np.testing.assert_allclose(gaps[0], gaps[1], atol=1e-4)
    assert read_past(customer=anna).event_contexts == ()


def test_other_databases_read_the_same_of_a_history(shop, add_event, add_customer, monkeypatch):
    anna = add_customer("anna")
    for days_ago, item, type in ((5, 0, "view"), (4, 0, "cart"), (2.5, 1, "view")):
        add_event(shop[item], type=type, customer=anna, days_ago=days_ago)
    at_once = read_past(customer=anna, with_contexts=True)
    monkeypatch.setattr(past, "is_postgresql", lambda: False)
    in_turn = read_past(customer=anna, with_contexts=True)
    assert list(in_turn.history) == list(at_once.history)
    for one, other in zip(in_turn.event_contexts, at_once.event_contexts, strict=True):
        assert one.type == other.type
        assert one.day == pytest.approx(other.day, abs=1e-6)


def test_what_says_nothing_of_interest_is_left_out(read, shop, add_event, add_customer):
    anna = add_customer("anna")
    for type in ("impression", "return", "search", "payment_failure"):
        add_event(shop[0], type=type, customer=anna)
    add_event(None, type="view", customer=anna)
    add_event(shop[0], type="view")  # neither customer nor session
    assert read().interactions.n_events == 0


def test_nothing_later_than_the_cutoff_enters(read, shop, add_event, add_customer):
    anna = add_customer("anna")
    add_event(shop[0], customer=anna, days_ago=3)
    add_event(shop[1], customer=anna, days_ago=1)
    assert keys_of(read(NOW - timedelta(days=2))) == [[shop[0].pk]]


def test_a_snapshot_that_was_tampered_with_is_refused(shop, add_event, add_customer, tmp_path):
    add_event(shop[0], customer=add_customer("anna"), days_ago=1)
    freeze(tmp_path, cutoff=NOW)
    with pytest.raises(ValueError, match="later than its cutoff"):
        datasets.read_dataset(tmp_path, cutoff=NOW - timedelta(days=2))


def test_sessions_are_people_of_their_own(read, shop, add_event, add_customer):
    add_event(shop[0], session_id="session-1")
    add_event(shop[1], session_id="session-2")
    assert sorted(keys_of(read())) == [[shop[0].pk], [shop[1].pk]]


def test_an_empty_shop_is_read(db, tmp_path):
    freeze(tmp_path, cutoff=NOW)
    dataset = datasets.read_dataset(tmp_path, cutoff=NOW)
    assert (dataset.interactions.n_events, len(dataset.texts)) == (0, 0)


def test_a_case_is_the_last_step_to_an_item_new_to_the_customer(read, shop, add_event, add_customer):
    anna, bert = add_customer("anna"), add_customer("bert")
    for days_ago, item in ((20, 0), (19, 1), (4, 2), (3, 3), (2, 0)):
        add_event(shop[item], customer=anna, days_ago=days_ago)
    add_event(shop[5], customer=bert, days_ago=4)  # a first event has no history to judge from
    dataset = read()
    start = np.datetime64((NOW - timedelta(days=10)).replace(tzinfo=None), "us")
    cases = datasets.cases_between(dataset, start, n_max=10, random_state=0)
    assert len(cases) == 1
    assert dataset.item_keys[cases.targets[0]].tolist() == [shop[3].pk]
    assert dataset.item_keys[cases.histories[0]].tolist() == [shop[0].pk, shop[1].pk, shop[2].pk]
    assert cases.is_returning.tolist() == [True]


def test_what_was_known_before_a_moment_counts_its_ages_from_there(read, shop, add_event, add_customer):
    anna = add_customer("anna")
    add_event(shop[0], customer=anna, days_ago=9)
    add_event(shop[1], customer=anna, days_ago=1)
    moment = np.datetime64((NOW - timedelta(days=4)).replace(tzinfo=None), "us")
    earlier = read().before(moment)
    assert earlier.n_events == 1
    assert earlier.ages_days.round().tolist() == [5.0]


def test_the_order_of_rows_in_the_database_changes_nothing(read, shop, add_event, add_customer):
    customers = [add_customer(name) for name in "abc"]
    for place in np.random.default_rng(0).permutation(12).tolist():
        add_event(shop[place], customer=customers[place % 3], days_ago=13 - place)
    for keys in keys_of(read()):
        assert keys == sorted(keys)


def test_groups_tell_new_from_returning_and_head_from_tail(read, shop, add_event, add_customer):
    for number in range(8):
        customer = add_customer(f"c{number}")
        add_event(shop[0], customer=customer, days_ago=20 if number < 4 else 5)
        add_event(shop[1 if number % 2 else 2], customer=customer, days_ago=3)
    dataset = read()
    start = np.datetime64((NOW - timedelta(days=10)).replace(tzinfo=None), "us")
    cases = datasets.cases_between(dataset, start, n_max=10, random_state=0)
    groups = datasets.groups_of(cases, dataset.before(start))
    assert {name: int(members.sum()) for name, members in groups.items()} == {
        "new_customers": 4, "returning_customers": 4, "head_items": 0, "tail_items": 8,
    }  # fmt: skip


def test_a_history_ends_at_its_moment_and_knows_nothing_of_how_a_step_went_on(
    read, shop, add_event, add_customer
):
    """Somebody looks at an item, is shown it once more, and then buys it: at that moment it was a look."""
    anna, ben = add_customer("anna"), add_customer("ben")
    for days_ago, item, type in ((9, 0, "purchase"), (5, 1, "view"), (3, 1, "purchase"), (2, 2, "view")):
        add_event(shop[item], type=type, customer=anna, days_ago=days_ago)
    dataset = read()
    users = dataset.places_of_users(np.array([anna.pk, anna.pk, anna.pk, ben.pk]))
    assert users.tolist() == [0, 0, 0, -1]
    at = [np.datetime64((NOW - timedelta(days=days)).replace(tzinfo=None), "us") for days in (4, 1, 20, 1)]
    found = datasets.histories_at(dataset, users, np.array(at))
    told = datasets.event_contexts(found, dataset.event_types)
    steps = [
        [(dataset.item_keys[item], one.type) for item, one in zip(row, contexts, strict=True)]
        for row, contexts in zip(found, told, strict=True)
    ]
    first, second, third = (shop[at].pk for at in range(3))
    assert steps == [
        [(first, "purchase"), (second, "click")],
        [(first, "purchase"), (second, "purchase"), (third, "view")],
        [],
        [],
    ]
    assert datasets.histories_at(dataset, users[:0], np.array([], dtype="datetime64[us]")).n_events == 0
