"""The long tail: what is counted, who is rarely shown, what gets places, and what the page says."""

import re
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils import timezone

from ecomai.commerce.models import Event
from recommendations import catalogue as catalogues
from recommendations import exploring, targets
from recommendations.exploring import Clicks, learn_explorations
from recommendations.models import (
    Answer,
    DailyExposure,
    Exploration,
    ItemExposure,
    ItemPopularity,
    TailItem,
)
from recommendations.pipeline import exposure as exposing
from recommendations.pipeline.candidates import Candidates
from recommendations.pipeline.plans import Plan
from recommendations.pipeline.rankers import Context
from recommendations.services import exposure

from .conftest import NOW

pytestmark = pytest.mark.django_db
DAY = date(2026, 5, 31)
AT = datetime(2026, 5, 31, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nothing_remembered():
    exposing.forget()
    exploring.forget()
    yield
    exposing.forget()
    exploring.forget()


@pytest.fixture
def answer():
    def make(items, *, at=AT, placement="home", **fields) -> Answer:
        return Answer.objects.create(
            item_keys=[item.pk for item in items],
            source="popular",
            created_at=at,
            placement=placement,
            **fields,
        )

    return make


@pytest.fixture
def touch(add_event):
    def make(answer, item, type="impression") -> Event:
        days_ago = (NOW - answer.created_at - timedelta(minutes=1)) / timedelta(days=1)
        return add_event(item, type=type, days_ago=days_ago, properties={"answer": str(answer.key)})

    return make


def count(is_tail=frozenset()):
    exposure.count_day(DAY, is_tail=is_tail, now=NOW)


# -- counting -----------------------------------------------------------------------------------


def test_places_views_and_clicks_of_each_item_are_counted_once_an_answer(shop, answer, touch):
    one, _two = answer(shop[:3]), answer(shop[:1])
    answer(shop[:1], at=AT - timedelta(days=2))
    for _twice in range(2):
        touch(one, shop[0])
        touch(one, shop[0], "click")
    touch(one, shop[1])
    touch(one, shop[7], "click")  # was not in it
    count()
    found = {
        row.item_id: (row.n_shown, row.n_seen, row.n_clicked) for row in ItemExposure.objects.filter(day=DAY)
    }
    assert found == {shop[0].pk: (2, 1, 1), shop[1].pk: (1, 1, 0), shop[2].pk: (1, 0, 0)}


def test_a_day_is_summed_up_by_placement_and_in_all(shop, answer, touch):
    one = answer(shop[:4])
    answer(shop[2:4], placement="basket")
    touch(one, shop[3], "click")
    count(is_tail=frozenset({shop[3].pk}))
    home = DailyExposure.objects.get(day=DAY, placement="home", is_total=False)
    assert (home.n_shown, home.n_tail_shown, home.n_tail_clicked, home.n_items) == (4, 1, 1, 12)
    total = DailyExposure.objects.get(day=DAY, is_total=True)
    assert (total.n_shown, total.n_tail_shown, total.n_items_shown) == (6, 2, 4)
    # Twelve items: eight with nothing, two with 1 and two with 2 of six places.
    assert total.gini == pytest.approx(1 - 2 * (0.5 / 6 + 1.5 / 6 + 3 / 6 + 5 / 6) / 12)


def test_counting_again_changes_nothing_and_takes_in_what_came_later(shop, answer, touch):
    one = answer(shop[:2])
    count()
    before = (ItemExposure.objects.count(), DailyExposure.objects.count())
    touch(one, shop[0], "click")
    count()
    assert (ItemExposure.objects.count(), DailyExposure.objects.count()) == before
    assert ItemExposure.objects.get(item=shop[0]).n_clicked == 1


def test_all_days_are_counted_first_and_only_the_newest_again(shop, answer):
    for days in (20, 10, 1):
        answer(shop[:2], at=NOW - timedelta(days=days))
    assert exposure.refresh_exposure(now=NOW) == [date(2026, 5, 12), date(2026, 5, 22), DAY]
    assert exposure.refresh_exposure(now=NOW) == [DAY]
    answer(shop[:2], at=NOW)
    assert exposure.refresh_exposure(now=NOW) == [DAY, date(2026, 6, 1)]


def test_old_days_keep_their_sums_but_not_their_items(shop, answer):
    answer(shop[:2], at=NOW - timedelta(days=200))
    exposure.refresh_exposure(now=NOW)
    assert not ItemExposure.objects.exists()
    assert DailyExposure.objects.filter(n_shown=2).count() == 2
    exposure.refresh_exposure(now=NOW + timedelta(days=300))
    assert not DailyExposure.objects.filter(n_shown=2).exists()


def test_an_empty_shop_has_nothing_to_count(db):
    assert exposure.refresh_exposure(now=NOW) == []
    assert not TailItem.objects.exists()


# -- who is rarely shown ------------------------------------------------------------------------


def test_the_tail_is_the_half_that_was_shown_least(shop, answer):
    for _time in range(3):
        answer(shop[:6])
    exposure.refresh_exposure(now=NOW)
    assert exposure.tail_keys() == {item.pk for item in shop[6:]}
    shown = TailItem.objects.get(pk=shop[0].pk)
    assert (shown.is_tail, shown.n_shown, shown.exposure) == (False, 3, pytest.approx(2.0))


def test_an_item_without_potential_gets_no_places(shop, answer, settings):
    settings.ECOMAI = {**settings.ECOMAI, "RECOMMENDATIONS": {"TAIL_MIN_POTENTIAL": 0.3}}
    for place, item in enumerate(shop):
        item.cost = item.price * (12 - place) / 13  # the last has the best margin
        item.save()
    answer(shop[6:])
    exposure.refresh_exposure(now=NOW)
    assert exposure.tail_keys() == {item.pk for item in shop[4:6]}
    assert TailItem.objects.get(pk=shop[11].pk).potential == 1.0
    assert TailItem.objects.get(pk=shop[0].pk).margin == pytest.approx(1 - 12 / 13, abs=1e-4)


def test_ratings_count_whatever_a_shop_calls_them_and_nonsense_does_not(shop, add_event):
    add_event(shop[0], type="rating", properties={"stars": 5})
    add_event(shop[1], type="review", properties={"score": "1"})
    add_event(shop[2], type="rating", properties={"rating": "'; DROP TABLE"})
    add_event(shop[3], type="rating", properties={"stars": 1e9})
    found = exposure.measure_potential(catalogues.current()).rating
    assert np.isnan(found[2:]).all()
    assert found[0] == pytest.approx((5 + 3 * 3) / 4)  # drawn to the mean of 3
    assert found[1] < found[0]


def test_since_when_an_item_is_rarely_shown_is_remembered(shop, answer):
    answer(shop[:6])
    exposure.refresh_exposure(now=NOW)
    exposure.refresh_exposure(now=NOW + timedelta(days=3))
    assert TailItem.objects.get(pk=shop[9].pk).tail_since == date(2026, 6, 1)


def test_what_an_item_gained_is_beside_the_days_before(shop, answer):
    answer(shop[:1], at=NOW - timedelta(days=40))
    for days in (1, 2):
        answer(shop[:1], at=NOW - timedelta(days=days))
    exposure.refresh_exposure(now=NOW)
    row = TailItem.objects.get(pk=shop[0].pk)
    assert (row.n_shown, row.n_shown_before) == (2, 1)


# -- places -------------------------------------------------------------------------------------


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


@pytest.fixture
def tail(shop):
    """The second half of the items is rarely shown, and none of them is new."""
    old = timezone.now() - timedelta(days=400)
    type(shop[0]).objects.update(listed_at=old, updated_at=timezone.now())
    catalogues.forget()
    TailItem.objects.bulk_create(
        TailItem(item=item, is_tail=at >= 6, potential=0.5) for at, item in enumerate(shop)
    )
    return {item.pk for item in shop[6:]}


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


# -- trying out ---------------------------------------------------------------------------------


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


# -- what if ------------------------------------------------------------------------------------


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


# -- the page -----------------------------------------------------------------------------------


@pytest.fixture
def page(client):
    client.force_login(get_user_model().objects.create_superuser("boss", password="x"))

    def get(**query):
        response = client.get(reverse("admin:ecomai_recommendations_dailyexposure_changelist"), query)
        assert response.status_code == 200
        return response.content.decode()

    return get


def test_the_page_says_what_to_do_where_there_is_nothing(page):
    text = page()
    assert "Nothing was shown in this period" in text
    assert "Items have not been compared yet" in text
    assert "Try items out at a placement" in text


def test_the_page_shows_curve_shares_and_what_items_gained(page, shop, answer, touch):
    now = timezone.now()
    for days in range(3):
        one = answer(shop[:4], at=now - timedelta(days=days))
        Event.objects.create(
            key=one.key, item=shop[0], type="click", occurred_at=one.created_at + timedelta(minutes=1),
            properties={"answer": str(one.key)},
        )  # fmt: skip
    answer(shop[5:7], placement="basket", at=now)
    Exploration.objects.create(placement="home")
    exposure.refresh_exposure(now=now)
    text = page(days="30")
    for words in (
        "Lorenz curve",
        "Coverage",
        "Gini coefficient",
        "50.0 %",
        shop[11].title,
        "Nothing has been seen yet",
    ):
        assert words in text
    assert "16.7 %" in page(placement="basket")  # two of twelve items
    for nonsense in ({"days": "x"}, {"placement": "\x00"}, {"target": "NaN"}, {"target": "-4"}):
        page(**nonsense)


def test_the_page_answers_what_another_share_would_do(page, shop, tail, answer):
    for _answer in range(10):
        answer(shop[:4], at=timezone.now())
    assert "Choose a placement first" in page(target="30")
    assert "The log cannot say" in page(target="30", placement="home")
    assert "No answer at this placement" in page(target="30", placement="nowhere")


def test_the_page_costs_as_many_queries_for_many_days(page, shop, answer, django_assert_max_num_queries):
    for days in range(40):
        answer(shop[:4], at=timezone.now() - timedelta(days=days))
    exposure.refresh_exposure()
    with django_assert_max_num_queries(20):
        page(days="365")


# -- the table of rarely shown items ---------------------------------------------------------------


@pytest.fixture
def table(page, add_item):
    """Sixty rarely shown items in two categories, and one that everybody is shown."""
    for number in range(60):
        item = add_item(
            f"i-{number}", title=f"Pot {number:02}", brand="Roe" if number < 5 else "Acme",
            category_path="Kitchen > Pots" if number % 3 else "Garden",
        )  # fmt: skip
        TailItem.objects.create(
            item=item, is_tail=True, n_shown=number, n_shown_before=30, n_clicked=number // 10,
            potential=0.5, margin=None if number == 7 else number / 100,
        )  # fmt: skip
    TailItem.objects.create(item=add_item("seen", title="Seen by all"), is_tail=False, n_shown=9000)

    def titles(**query):
        text = page(**query)
        return re.findall(r'<th scope="row"><a [^>]*>([^<]*)</a>', text.split('id="items"')[-1])

    return titles


def test_items_are_shown_a_page_at_a_time_in_any_order(table, page):
    assert table()[:2] == ["Pot 59", "Pot 58"]
    assert (len(table()), len(table(page="2"))) == (50, 10)
    assert table(page="2")[-1] == "Pot 00"
    assert table(order="item")[:2] == ["Pot 00", "Pot 01"]
    assert table(order="-item")[0] == "Pot 59"
    # What is not known comes last, whichever way.
    assert table(order="margin", page="2")[-1] == table(order="-margin", page="2")[-1] == "Pot 07"
    for nonsense in ({"page": "x"}, {"page": "99"}, {"order": "password"}, {"order": "\x00"}):
        assert len(table(**nonsense)) in (10, 50)
    text = page(order="-places", days="30")
    assert '<th scope="col" class="ecomai-number" aria-sort="descending">' in text
    assert "order=places" in text  # turns it
    assert text.count("aria-sort") == 1
    assert "days=30&amp;order=item" in text  # the rest of the page stays as it is
    assert 'aria-current="page"' in text


def test_items_are_found_by_text_category_and_what_they_gained(table, page):
    assert table(q="pot 4") == [f"Pot {number}" for number in range(49, 39, -1)]
    assert table(q="roe") == [f"Pot 0{number}" for number in range(4, -1, -1)]
    assert table(q="i-12") == ["Pot 12"]
    assert len(table(category="Garden")) == 20
    assert len(table(category="Kitchen")) == 40
    assert table(gain="none") == ["Pot 00"]
    assert len(table(gain="more")) == 29
    assert table(gain="less", order="item", category="Garden")[0] == "Pot 00"
    assert len(table(gain="nonsense")) == 50
    text = page(q="<script>", target="30")
    assert "No rarely shown item is like that" in text
    assert '<script>"' not in text
    assert "&lt;script&gt;" in text
    assert 'name="target" value="30"' in text


def test_the_table_costs_as_many_queries_for_many_items(table, page, django_assert_max_num_queries):
    with django_assert_max_num_queries(20):
        page(q="pot", order="-margin", category="Kitchen", page="1")
