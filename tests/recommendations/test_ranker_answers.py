"""A ranker learns from what visitors made of answers: what was seen and where, never what came later."""

import uuid
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from ecomai.commerce.models import Customer, Event, Item
from ecomai.commerce.snapshots import session_key
from ecomai.fusion.models import SessionLink
from ecomai.learning.rankers.boosted import BoostedRanker
from ecomai.learning.rankers.lists import CandidateLists, mean_ndcg
from recommendations.models import Answer
from recommendations.pipeline.features import FEATURES
from recommendations.training import ranker as ranker_training
from recommendations.training.answer_log import freeze_answers, gains_of, read_answers
from tests.recommendations.conftest import NOW
from tests.recommendations.test_training import ENOUGH, make_history, train

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LOOKED_AT = [1.0, 0.5, 0.3, 0.18, 0.12]


# -- the log --------------------------------------------------------------------------------------


@pytest.fixture
def asked(shop):
    """Keep an answer with the shop's first five items, or others."""

    def ask(*, items=None, days_ago=10.0, **fields):
        keys = [item.pk for item in items or shop[:5]]
        return Answer.objects.create(
            item_keys=keys, placement="home", source="model", created_at=NOW - days_ago * DAY, **fields
        )

    return ask


@pytest.fixture
def tell():
    """Send an event, of an answer or not, so many hours after it."""

    def send(answer, type, item, *, hours=1.0, is_told=True, **who):
        properties = {"answer": str(answer.key), "placement": "home"} if is_told else {}
        if not who:
            who = {"customer": answer.customer, "session_id": answer.session_id}
        return Event.objects.create(
            key=uuid.uuid4(), type=type, item=item, occurred_at=answer.created_at + hours * HOUR,
            properties=properties, **who,
        )  # fmt: skip

    return send


def frozen(path, *, since=NOW - 90 * DAY, cutoff=NOW):
    freeze_answers(path, since=since, cutoff=cutoff)
    return read_answers(path)


def gains(frame, *, until=NOW):
    found = gains_of(frame, until=np.datetime64(until.replace(tzinfo=None), "us"))
    return dict(zip(frame["item_key"].tolist(), found.tolist(), strict=True))


def test_what_was_seen_is_kept_with_its_place_and_what_came_of_it(shop, asked, tell, add_customer, tmp_path):
    answer = asked(customer=add_customer("c-1"))
    for item in (shop[0], shop[1], shop[4]):
        tell(answer, "impression", item, hours=0)
    tell(answer, "click", shop[2])
    tell(answer, "purchase", shop[2], hours=30, is_told=False)
    tell(answer, "click", shop[1])
    tell(answer, "cart", shop[1], hours=2, is_told=False)
    frame = frozen(tmp_path / "answers.parquet")
    # The fourth was never seen, and stands below what was taken; the third was, as it was clicked.
    assert frame["item_key"].tolist() == [shop[at].pk for at in (0, 1, 2, 4)]
    assert frame["position"].tolist() == [0, 1, 2, 4]
    assert set(frame["user_key"]) == {answer.customer.pk}
    assert list(gains(frame).values()) == [0.0, 3.0, 5.0, 0.0]
    # When only the click was known, it was worth a click.
    assert list(gains(frame, until=answer.created_at + 20 * HOUR).values()) == [0.0, 3.0, 1.0, 0.0]
    assert not any(gains(frame, until=answer.created_at).values())


def test_what_an_answer_did_not_bring_about_is_not_its_gain(shop, asked, tell, add_customer, tmp_path):
    mine, other = add_customer("c-1"), add_customer("c-2")
    answer = asked(customer=mine)
    tell(answer, "click", shop[1])
    tell(answer, "purchase", shop[1], customer=other, is_told=False)
    tell(answer, "purchase", shop[1], hours=24 * 8.5, is_told=False)  # more than a week later
    tell(answer, "purchase", shop[0], hours=2, is_told=False)  # never clicked
    tell(answer, "click", shop[2], hours=24 * 3)  # days later
    tell(answer, "click", shop[7])  # not in it
    tell(answer, "impression", shop[7], hours=0)
    Event.objects.create(
        key=uuid.uuid4(), type="click", item=shop[0], occurred_at=answer.created_at + HOUR,
        properties={"answer": "'); DROP TABLE --"},
    )  # fmt: skip
    frame = frozen(tmp_path / "answers.parquet")
    assert gains(frame) == {shop[0].pk: 0.0, shop[1].pk: 1.0}


def test_nothing_after_the_cutoff_is_read(shop, asked, tell, add_customer, tmp_path):
    customer = add_customer("c-1")
    answer, later = asked(customer=customer), asked(customer=customer, days_ago=1)
    tell(answer, "click", shop[0])
    tell(answer, "purchase", shop[0], hours=5, is_told=False)
    tell(later, "click", shop[1])
    frame = frozen(tmp_path / "answers.parquet", cutoff=answer.created_at + 3 * HOUR)
    assert gains(frame) == {shop[0].pk: 1.0}
    # A run that goes on after a kill reads what it read before.
    again = frozen(tmp_path / "answers.parquet")
    assert again.equals(frame)
    everything = frozen(tmp_path / "others.parquet")
    assert len(everything) == 3
    first = freeze_answers(tmp_path / "others.parquet", since=NOW - 90 * DAY, cutoff=NOW)
    assert first == freeze_answers(tmp_path / "once_more.parquet", since=NOW - 90 * DAY, cutoff=NOW)


def test_an_answer_belongs_to_who_asked_also_where_that_was_known_later(
    shop, asked, tell, add_customer, tmp_path
):
    customer = add_customer("c-1")
    linked, unknown, nobody = asked(session_id="s-1"), asked(session_id="s-2"), asked()
    SessionLink.objects.create(session_id="s-1", customer=customer)
    for number, answer in enumerate((linked, unknown, nobody)):
        tell(answer, "click", shop[number])
    # Who clicked as a session bought as the customer that it turned out to be.
    tell(linked, "cart", shop[0], hours=2, customer=customer)
    tell(unknown, "purchase", shop[1], hours=2, is_told=False)
    frame = frozen(tmp_path / "answers.parquet")
    by_answer = frame.groupby("answer")["user_key"].first()
    assert set(by_answer) == {customer.pk, session_key("", "s-2"), 0}
    worth = frame.assign(gain=gains_of(frame, until=np.datetime64("2030-01-01"))).groupby("user_key")["gain"]
    assert worth.max().to_dict() == {customer.pk: 3.0, session_key("", "s-2"): 5.0, 0: 1.0}


def test_a_log_of_which_nothing_was_taken_is_empty(db, tmp_path):
    assert frozen(tmp_path / "answers.parquet").empty


# -- learning -------------------------------------------------------------------------------------


def make_log(items, *, n=2600, seed=1):
    """Answers of which visitors take what is cheap, in a shop whose other customers buy what is dear.

    The dear stand first, and what stands first is looked at more often than what follows.
    """
    rng = np.random.default_rng(seed)
    prices = dict(zip((item.pk for item in items), (5 + rng.permutation(len(items))).tolist(), strict=True))
    for key, price in prices.items():
        Item.objects.filter(pk=key).update(price=price)
    people = list(Customer.objects.order_by("pk"))
    begin = timezone.now() - timedelta(days=59)
    answers, events = [], []
    dear = sorted(items, key=lambda item: prices[item.pk])[-9:]
    for buyer in Customer.objects.bulk_create(Customer(external_id=f"buyer-{one}") for one in range(200)):
        for item in rng.choice(dear, 8, replace=False):
            at = begin + timedelta(days=float(rng.uniform(0, 58)))
            events.append(Event(key=uuid.uuid4(), type="purchase", item=item, customer=buyer, occurred_at=at))
    for number in range(n):
        person = people[int(rng.integers(len(people)))]
        at = begin + timedelta(days=float(rng.uniform(0, 58)))
        shown = [items[place] for place in rng.choice(len(items), 5, replace=False)]
        shown.sort(key=lambda item: -prices[item.pk] + rng.normal(scale=6.0))
        page = [] if number % 4 else [items[int(rng.integers(len(items)))].pk]
        answer = Answer(
            customer=person, placement="item" if page else "home", source="model", seed_keys=page,
            item_keys=[item.pk for item in shown], created_at=at,
        )  # fmt: skip
        answers.append(answer)
        cheapest = min(shown, key=lambda item: prices[item.pk])
        for place, item in enumerate(shown):
            told = {"answer": str(answer.key), "position": place + 1}
            one = {"item": item, "customer": person, "properties": told}
            events.append(Event(key=uuid.uuid4(), type="impression", occurred_at=at, **one))
            if rng.random() < LOOKED_AT[place] * (0.6 if item is cheapest else 0.25):
                clicked_at = at + timedelta(minutes=3)
                events.append(Event(key=uuid.uuid4(), type="click", occurred_at=clicked_at, **one))
    Answer.objects.bulk_create(answers)
    Event.objects.bulk_create(events, batch_size=5000)


@pytest.fixture
def history(db, settings, registry_folder, monkeypatch):
    settings.ECOMAI = {**settings.ECOMAI, "RECOMMENDATIONS": ENOUGH}
    monkeypatch.setattr(ranker_training, "MIN_CASES", 20)
    return make_history()


SMALL = {"encoder": "char_ngram", "valid_share": 0.4, "test_share": 0.2, "sequence_epochs": 2, "dim": 16}


def cheapest_first(lists):
    """Return the same lists in which only the cheapest is worth something."""
    prices = lists.X[:, FEATURES.index("price")]
    best = np.repeat(np.minimum.reduceat(prices, lists.offsets[:-1]), lists.lengths)
    return CandidateLists(lists.X, (prices == best).astype(np.float32), lists.offsets)


def test_clicks_that_contradict_history_are_learned_and_places_are_not(history, settings, monkeypatch):
    """No click is a part of the history here, which says that the dear are bought."""
    weights = {"EVENT_WEIGHTS": {"purchase": 5.0, "cart": 3.0, "view": 1.0, "click": 0.0}}
    settings.ECOMAI = {**settings.ECOMAI, "RECOMMENDATIONS": {**ENOUGH, **weights}}
    make_log(history)
    seen = []
    choose = ranker_training._choose_lessons
    monkeypatch.setattr(
        ranker_training, "_choose_lessons", lambda run, found: seen.append(found) or choose(run, found)
    )
    run = train("ranker", **SMALL)
    assert run.job.state == "succeeded", run.job.traceback
    (found,), card = seen, run.version.card
    # Answers beside an item know of its page, which history never does.
    assert set(found.test.lists.X[:, FEATURES.index("has_page")]) == {0.0, 1.0}
    # What visitors click is not what history says comes next, and the validation knows.
    tried = card["lessons"]["valid_ndcg@10"]
    assert set(tried) == {"history", "answers", "both"}
    assert card["lessons"]["chosen"] != "history"
    assert max(tried["answers"], tried["both"]) > tried["history"] + 0.05
    assert run.version.metrics["ndcg@10"] > run.version.baseline_metrics["ndcg@10"]
    assert run.version.baseline_metrics["ndcg@10"] == card["peers"]["logged_order"]["ndcg@10"]
    assert card["position_propensities"]["home"] == pytest.approx(LOOKED_AT, abs=0.2)
    n_answers = card["split"]["n_train_answers"]
    assert f"{n_answers} answers" in card["learned_from"]
    assert n_answers >= 4 * (card["split"]["n_valid_answers"] - 1) > 0

    # Who takes clicks at their word learns to put the dear first, as the shop does.
    truth = cheapest_first(found.test.lists)
    naive = found.train["answers"]
    naive = CandidateLists(naive.X, (naive.gains > 0).astype(np.float32), naive.offsets)
    right = BoostedRanker(n_threads=1).fit(found.train["answers"], valid=found.valid)
    wrong = BoostedRanker(n_threads=1).fit(naive)
    by_truth = mean_ndcg(truth, right.scores(truth))
    assert by_truth > mean_ndcg(truth, wrong.scores(truth)) + 0.05
    assert by_truth > 0.65  # 0.59 by chance


def test_with_few_answers_a_ranker_learns_from_history_and_says_so(history):
    make_log(history, n=60)
    run = train("ranker", **SMALL)
    assert run.job.state == "succeeded", run.job.traceback
    card = run.version.card
    assert card["lessons"]["chosen"] == "history"
    assert card["learned_from"].startswith(f"{card['split']['n_train_cases']} cases out of history. Of ")
    assert "too few to learn from" in card["learned_from"]
    assert "position_propensities" not in card
    assert run.version.baseline_metrics["ndcg@10"] == card["peers"]["popularity"]["ndcg@10"]
