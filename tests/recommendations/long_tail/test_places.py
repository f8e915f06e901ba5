"""Places for what is rarely shown: how many, which, and what another share would do."""

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from ecomai.commerce.models import Event
from recommendations import catalogue as catalogues
from recommendations import exploring, targets
from recommendations.exploring import Clicks, learn_explorations
from recommendations.models import (
    Answer,
    Exploration,
    ItemExposure,
    ItemPopularity,
    TailItem,
)
from recommendations.pipeline import exposure as exposing
from recommendations.pipeline.candidates import Candidates
from recommendations.pipeline.plans import Plan
from recommendations.pipeline.rankers import Context

pytestmark = pytest.mark.django_db


def candidates_of(scores) -> Candidates:
    catalogue = catalogues.current()
    places = np.arange(len(scores))
    return Candidates(
        keys=catalogue.keys[places], places=places, scores=np.asarray(scores, dtype=float), sources=(),
        said=np.empty((len(scores), 0)),
    )  # fmt: skip


def context_of(n=4, **fields) -> Context:
    plan = Plan(id=1, name="x", storefront="", placement="home", tail_share=0.5)
    return Context(catalogue=catalogues.current(), n=n, placement="home", plan=plan, **fields)


def test_each_answer_keeps_the_share_and_the_order_within_both_kinds(tail):
    n_tail = n_places = 0
    for _answer in range(30):
        found = exposing.expose(candidates_of(np.linspace(1, 0.1, 12)), context_of(), 0.5)
        first = found.keys[:4].tolist()
        n_places, n_tail = n_places + 4, n_tail + sum(key in tail for key in first)
        assert n_tail >= 0.5 * n_places
        assert sorted(found.keys.tolist()) == sorted(catalogues.current().keys.tolist())
    assert n_tail <= 0.5 * n_places + 8
    others = [key for key in found.keys.tolist() if key not in tail]
    assert others == sorted(others)


def test_of_two_visitors_the_one_whom_it_costs_less_gets_more_of_them(tail):
    steep, flat = np.r_[np.ones(6), np.full(6, 0.01)], np.r_[np.ones(6), np.full(6, 0.95)]
    shares = {"steep": [], "flat": []}
    for _answer in range(100):
        for name, scores in (("steep", steep), ("flat", flat)):
            found = exposing.expose(candidates_of(scores), context_of(), 0.3)
            shares[name].append(np.mean([key in tail for key in found.keys[:4].tolist()]))
    assert np.mean(shares["flat"][50:]) > np.mean(shares["steep"][50:]) + 0.2
    assert np.mean(shares["flat"] + shares["steep"]) >= 0.3


def test_what_a_rule_buries_gets_no_places(tail):
    scores = np.r_[np.ones(6), np.full(6, -1e6)]
    found = exposing.expose(candidates_of(scores), context_of(), 0.5)
    assert not tail & set(found.keys[:4].tolist())


def test_a_new_item_counts_as_rarely_shown(shop, tail):
    type(shop[0]).objects.filter(pk=shop[0].pk).update(listed_at=timezone.now(), updated_at=timezone.now())
    catalogues.forget()
    assert exposing.tail_mask(catalogues.current())[0]
    assert not exposing.tail_mask(catalogues.current())[1]


def test_where_nothing_was_counted_the_less_popular_half_is_meant(shop):
    type(shop[0]).objects.update(listed_at=timezone.now() - timedelta(days=400), updated_at=timezone.now())
    for item in shop[:6]:
        ItemPopularity.objects.create(item=item, score=5)
    catalogues.forget()
    assert exposing.tail_mask(catalogues.current()).tolist() == [False] * 6 + [True] * 6


def test_a_look_at_a_list_is_not_counted(tail):
    from recommendations.pipeline.running import Trace

    for _look in range(3):
        exposing.expose(candidates_of(np.linspace(1, 0.1, 12)), context_of(trace=Trace()), 0.5)
    (account,) = exposing._accounts.values()
    assert account.n_places == 0


def test_no_candidate_and_no_score_are_no_fault(tail):
    assert len(exposing.expose(candidates_of([]), context_of(), 0.5)) == 0
    assert len(exposing.expose(candidates_of(np.zeros(12)), context_of(), 0.5)) == 12
    assert len(exposing.expose(candidates_of(np.full(3, -1e6)), context_of(), 0.5)) == 3


def test_exploration_changes_which_rarely_shown_items_are_first_but_not_how_many(tail):
    Exploration.objects.create(placement="home", share=0.5)
    orders, counts = set(), []
    for _answer in range(40):
        found = exposing.expose(candidates_of(np.linspace(1, 0.9, 12)), context_of(), 0.5)
        first = [key for key in found.keys[:4].tolist() if key in tail]
        orders.add(tuple(first))
        counts.append(len(first))
    assert len(orders) > 1
    assert np.mean(counts) == pytest.approx(2, abs=0.2)


def seen(item, n_seen, n_clicked, placement="home"):
    ItemExposure.objects.create(
        day=timezone.localdate(), placement=placement, item=item, n_shown=n_seen, n_seen=n_seen,
        n_clicked=n_clicked,
    )  # fmt: skip


def test_without_feedback_everything_is_as_likely_and_it_goes_on(tail):
    row = Exploration.objects.create(placement="home")
    assert learn_explorations() == 1
    row.refresh_from_db()
    assert (row.n_seen, row.click_ratio, row.stopped_at) == (0, None, None)
    explorer = exploring.explorer_of("", "home")
    assert explorer.draw(np.zeros((3, 3)), n_shown=np.zeros(3), n_clicked=np.zeros(3)).shape == (3,)


def test_it_learns_which_rarely_shown_items_are_clicked(shop, tail):
    TailItem.objects.filter(pk__in=[item.pk for item in shop[6:9]]).update(potential=0.9)
    TailItem.objects.filter(pk__in=[item.pk for item in shop[9:]]).update(potential=0.1)
    for item in shop[:6]:
        seen(item, 500, 25)
    for item in shop[6:9]:
        seen(item, 500, 50)
    for item in shop[9:]:
        seen(item, 500, 5)
    row = Exploration.objects.create(placement="home")
    learn_explorations()
    row.refresh_from_db()
    assert row.stopped_at is None
    assert row.click_ratio == pytest.approx(1.1, abs=0.01)
    bandit = exploring.explorer_of("", "home").bandit
    high, low = bandit.predict(
        exploring.features(potential=np.array([0.9, 0.1]), exposure=np.zeros(2), is_new=np.zeros(2))
    )
    assert high > 3 * low


def test_it_stops_itself_where_rarely_shown_items_are_hardly_clicked(shop, tail):
    for item in shop[:6]:
        seen(item, 500, 50)
    for item in shop[6:]:
        seen(item, 500, 5)
    row = Exploration.objects.create(placement="home", least_click_ratio=0.5)
    assert learn_explorations() == 0
    row.refresh_from_db()
    assert row.stopped_at is not None
    assert exploring.explorer_of("", "home") is None


def test_few_clicks_stop_nothing():
    assert not Clicks(n_seen=1000, n_clicked=50, n_tail_seen=100, n_tail_clicked=0).is_below(0.5)
    # Half of the clicks by chance alone: the bound must be missed clearly.
    assert not Clicks(n_seen=2000, n_clicked=60, n_tail_seen=600, n_tail_clicked=8).is_below(0.5)
    assert Clicks(n_seen=20_000, n_clicked=1000, n_tail_seen=6000, n_tail_clicked=10).is_below(0.5)
    assert not Clicks(n_seen=600, n_clicked=0, n_tail_seen=600, n_tail_clicked=0).is_below(0.5)


def test_another_share_is_estimated_from_what_was_shown(shop, tail):
    """Rarely shown items are clicked three times as often here, so more of them are worth more clicks."""
    rng = np.random.default_rng(0)
    known, rare = [item.pk for item in shop[:6]], [item.pk for item in shop[6:]]
    answers, clicks = [], []
    for _answer in range(900):
        items = [int(rng.choice(rare if rng.random() < 0.3 else known)) for _place in range(4)]
        one = Answer(item_keys=items, source="popular", placement="home", created_at=timezone.now())
        answers.append(one)
        for item in set(items):
            if rng.random() < (0.3 if item in rare else 0.1):
                clicks.append((one, item))
    Answer.objects.bulk_create(answers)
    Event.objects.bulk_create(
        Event(key=one.key, item_id=item, type="click", occurred_at=timezone.now() + timedelta(seconds=n),
              properties={"answer": str(one.key)})
        for n, (one, item) in enumerate({one.key: (one, item) for one, item in clicks}.values())
    )  # fmt: skip
    found = targets.estimate_target(placement="home", share=0.6)
    assert found.share_now == pytest.approx(0.3, abs=0.03)
    assert found.estimate.value > found.clicks_now * 1.2
    assert found.estimate.low > found.clicks_now
    same = targets.estimate_target(placement="home", share=found.share_now)
    assert same.estimate.value == pytest.approx(found.clicks_now, rel=1e-3)


def test_what_was_never_shown_cannot_be_estimated(shop, tail, answer):
    for _answer in range(300):
        answer(shop[:4], at=timezone.now())
    found = targets.estimate_target(placement="home", share=0.5)
    assert not found.is_known
    assert targets.estimate_target(placement="elsewhere", share=0.5) is None
