"""Profiles of customers: what they say, how new they are, and what a refusal does."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ecomai.commerce.models import Order
from ecomai.fusion.exceptions import PurposeNotAllowedError
from ecomai.fusion.models import Fact
from ecomai.fusion.selectors import read_fact
from ecomai.fusion.services import record_consent
from ecomai.fusion.subjects import Subject
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import Job
from marketing.models import CustomerActivity, CustomerProfile, ProfileReference, ProfileRequest, Stage
from marketing.profiling import visits as visits_module
from marketing.selectors import profile_counts, stage_condition
from marketing.services import profiling, refresh_profiles, request_profiles, voice, work_requests
from marketing.services.privacy import erase, export
from marketing.services.publishing import publish_profiles
from marketing.summary import next_order_of, sentences_of

from .conftest import NOW

DAY = timedelta(days=1)

pytestmark = pytest.mark.django_db


def profile_of(customer) -> CustomerProfile:
    return CustomerProfile.objects.get(pk=customer.pk)


def test_a_profile_says_what_was_bought_how_often_and_what_of(make_customer, make_item, make_order):
    mia = make_customer()
    tea = make_item(category_path="Tea", brand="Leaf", price=Decimal(10))
    cup = make_item(category_path="Cups", brand="Clay", price=Decimal(8))
    for days in (60, 50, 40):
        make_order(mia, NOW - days * DAY, item=tea, total=20, quantity=2, unit_price=10)
    make_order(mia, NOW - 30 * DAY, item=cup, total=4, quantity=1, unit_price=4, returned=1)
    make_order(mia, NOW - 1 * DAY, item=cup, total=99, quantity=9, status=Order.Status.CANCELLED)
    refresh_profiles([mia.pk], now=NOW)
    profile = profile_of(mia)
    assert (profile.n_orders, profile.spent, profile.average_order) == (4, Decimal("64.00"), Decimal("16.00"))
    assert profile.own_gap_days == 10
    assert profile.next_order_at == NOW - 20 * DAY
    assert (profile.favourite_category, profile.favourite_brand) == ("Tea", "Leaf")
    assert profile.returned_share == pytest.approx(1 / 7, abs=1e-4)
    assert profile.discount_share == pytest.approx(1 / 7, abs=1e-4), "one cup, for half its list price"
    assert profile.computed["orders"]["n_orders"] == 4


def test_an_order_of_tomorrow_is_not_known_today(make_customer, make_order):
    mia = make_customer()
    make_order(mia, NOW - DAY)
    make_order(mia, NOW + DAY)
    refresh_profiles([mia.pk], now=NOW)
    assert profile_of(mia).n_orders == 1


def test_stages_pass_by_time_alone_and_are_selected_as_they_are_shown(make_customer, make_order):
    """Nothing is computed again between the moments: the row knows when the customer passes on."""
    mia, ben, eve = make_customer(), make_customer(), make_customer()
    for days in (20, 10, 0):
        make_order(mia, NOW - days * DAY)
    make_order(ben, NOW)
    refresh_profiles([mia.pk, ben.pk, eve.pk], now=NOW)
    expected = {0: Stage.ACTIVE, 19: Stage.ACTIVE, 20: Stage.AT_RISK, 39: Stage.AT_RISK, 40: Stage.LAPSED}
    for days, stage in expected.items():
        moment = NOW + days * DAY
        assert profile_of(mia).stage_at(moment) == stage
        for each in Stage:
            found = CustomerProfile.objects.filter(stage_condition(each, now=moment))
            shown = {row.pk for row in CustomerProfile.objects.all() if row.stage_at(moment) == each}
            assert set(found.values_list("pk", flat=True)) == shown
    assert profile_of(ben).stage_at(NOW) == Stage.NEW


def test_stages_are_counted_in_one_query_for_a_minute(make_customer, make_order, django_assert_num_queries):
    mia, ben, _eve = make_customer(), make_customer(), make_customer()
    for customer, n_orders in ((mia, 3), (ben, 1)):
        for back in range(n_orders):
            make_order(customer, timezone.now() - (1 + 10 * back) * DAY)
    refresh_profiles([mia.pk, ben.pk, _eve.pk])
    CustomerProfile.objects.filter(customer=mia).update(has_consent=True)
    with django_assert_num_queries(1):
        counts = profile_counts()
        assert profile_counts() == counts
    assert counts.stages == {
        Stage.PROSPECT: 1, Stage.NEW: 1, Stage.ACTIVE: 1, Stage.AT_RISK: 0, Stage.LAPSED: 0,
    }  # fmt: skip
    assert (counts.n_allowed_buyers, counts.n_allowed_returning) == (1, 1)


def test_amounts_without_a_rate_are_not_guessed(make_customer, make_order):
    mia = make_customer()
    make_order(mia, NOW - DAY, currency="EUR")
    make_order(mia, NOW - DAY, currency="JPY", total=3000)
    refresh_profiles([mia.pk], now=NOW)
    profile = profile_of(mia)
    assert (profile.spent, profile.average_order, profile.n_orders) == (None, None, 2)
    assert "2 orders" in sentences_of(profile)[0]


def test_habits_come_from_what_customers_do_and_not_from_what_is_done_to_them(make_customer, make_event):
    mia = make_customer()
    for days in range(5):
        make_event(mia, "view", NOW.replace(hour=20) - (days + 1) * DAY, channel="app")
    for days in range(9):
        make_event(mia, "message_sent", NOW.replace(hour=3) - days * DAY, channel="email")
    refresh_profiles([mia.pk], now=NOW)
    profile = profile_of(mia)
    assert (profile.usual_hour, profile.usual_channel) == (20, "app")
    assert profile.last_seen_at == NOW.replace(hour=20) - DAY
    counts = dict(CustomerActivity.objects.filter(customer=mia).values_list("type", "n"))
    assert counts == {"view": 5, "message_sent": 9}


def write(customer, rating: int | None, age_days: int, text: str = "Well.") -> None:
    row = {"external_id": f"t-{age_days}", "text": text, "customer_id": customer.external_id}
    voice.take_feedback([{**row, "rating": rating, "written_at": NOW - age_days * DAY}])


def test_a_profile_says_how_its_customer_feels_by_the_texts(make_customer):
    mia, ben = make_customer(), make_customer()
    for rating, age in ((5, 40), (1, 30), (None, 3), (2, 20), (4, 1000)):
        write(mia, rating, age)
    write(ben, None, 5)
    refresh_profiles([mia.pk, ben.pk], now=NOW)
    profile = profile_of(mia)
    assert (profile.n_texts, profile.last_sentiment) == (4, "negative"), "nobody has told of the newest yet"
    assert profile.negative_share == pytest.approx(2 / 3, abs=1e-4)
    assert profile.last_written_at == NOW - 3 * DAY
    assert profile.computed["texts"] == {"at": NOW.isoformat(timespec="seconds"), "n_texts": 4}
    said = " ".join(sentences_of(profile))
    assert "Wrote 4 texts, the last on" in said
    assert "67 % of them are negative. What was written last is negative." in said
    other = profile_of(ben)
    assert (other.n_texts, other.negative_share, other.last_sentiment) == (1, None, "")
    assert "negative" not in " ".join(sentences_of(other))


@pytest.mark.parametrize(
    ("buys", "days"), [(0.5, 90), (0.75, 45), (1.0, 9), (0.1, None), (0.0, None), (None, None)]
)
def test_a_forecast_says_when_the_next_order_comes_and_for_how_much(buys, days):
    """Within the horizon half of those buy who buy in it with 50 %; two halvings are half the time."""
    profile = CustomerProfile(
        n_orders=2, repurchase_probability=buys, expected_orders=2.0, expected_value=60.0,
        scored={"horizon_days": 90.0, "version": 1, "at": NOW.isoformat()},
    )  # fmt: skip
    found = next_order_of(profile)
    said = " ".join(sentences_of(profile))
    if days is None:
        assert found is None
        assert "By the model" not in said
        return
    assert found == (pytest.approx(days, abs=0.1), 30.0)
    assert f"as likely as not within {days} days, for about" in said
    assert next_order_of(CustomerProfile(n_orders=2)) is None


def test_a_text_that_comes_asks_for_the_profile(make_customer):
    mia = make_customer()
    write(mia, 1, 1)
    assert ProfileRequest.objects.filter(customer=mia).exists()


def test_an_activity_whose_events_are_gone_is_gone(make_customer, make_event):
    mia = make_customer()
    event = make_event(mia, "search", NOW - DAY)
    make_event(mia, "view", NOW - DAY)
    refresh_profiles([mia.pk], now=NOW)
    type(event).objects.filter(pk=event.pk).delete()
    refresh_profiles([mia.pk], now=NOW)
    assert list(CustomerActivity.objects.values_list("type", "n")) == [("view", 1)]


def test_a_batch_asks_as_often_for_many_customers_as_for_one(make_customer, make_order, make_event):
    customers = [make_customer() for _ in range(6)]
    for customer in customers:
        make_order(customer, NOW - DAY)
        make_event(customer, "view", NOW - DAY)
    counts = []
    for some in (customers[:1], customers):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            refresh_profiles([customer.pk for customer in some], now=NOW)
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_what_is_requested_twice_is_computed_once_and_a_later_request_stays(make_customer, monkeypatch):
    mia = make_customer()
    request_profiles([mia.pk])
    request_profiles([mia.pk])
    assert ProfileRequest.objects.count() == 1
    read_visits = visits_module.read_visits

    def meanwhile(*args, **kwargs):
        request_profiles([mia.pk])
        return read_visits(*args, **kwargs)

    monkeypatch.setattr("marketing.services.profiles.read_visits", meanwhile)
    assert work_requests() == 1
    assert ProfileRequest.objects.count() == 1, "something happened while it was computed"
    monkeypatch.undo()
    assert work_requests() == 1
    assert not ProfileRequest.objects.exists()


def test_an_event_that_comes_asks_for_the_profile(
    make_customer, django_capture_on_commit_callbacks, settings
):
    from ecomai.commerce.services.events import ingest_events

    mia = make_customer()
    row = {
        "key": "e-1",
        "type": "view",
        "customer_id": mia.external_id,
        "occurred_at": timezone.now().isoformat(),
    }
    with django_capture_on_commit_callbacks(execute=True):
        ingest_events([row], storefront="", source="test")
    assert ProfileRequest.objects.filter(customer=mia).exists()


def test_a_refusal_counts_before_any_profile_is_computed(make_customer, django_capture_on_commit_callbacks):
    mia = make_customer()
    with django_capture_on_commit_callbacks(execute=True):
        record_consent(customer=mia, purpose="marketing", is_granted=True, source="test")
    refresh_profiles([mia.pk])
    assert profile_of(mia).has_consent
    with django_capture_on_commit_callbacks(execute=True):
        record_consent(customer=mia, purpose="newsletter of others", is_granted=False, source="test")
    assert profile_of(mia).has_consent, "another purpose is another answer"
    with django_capture_on_commit_callbacks(execute=True):
        record_consent(customer=mia, purpose="marketing", is_granted=False, source="test")
    assert not profile_of(mia).has_consent


def test_a_refusal_that_comes_while_a_profile_is_computed_stands(
    make_customer, monkeypatch, django_capture_on_commit_callbacks
):
    mia = make_customer()
    record_consent(customer=mia, purpose="marketing", is_granted=True, source="test")
    refresh_profiles([mia.pk])
    read_visits = visits_module.read_visits

    def meanwhile(*args, **kwargs):
        with django_capture_on_commit_callbacks(execute=True):
            record_consent(customer=mia, purpose="marketing", is_granted=False, source="test")
        return read_visits(*args, **kwargs)

    monkeypatch.setattr("marketing.services.profiles.read_visits", meanwhile)
    refresh_profiles([mia.pk])
    assert not profile_of(mia).has_consent


def test_all_profiles_are_computed_and_scored_against_each_other(make_customer, make_order):
    customers = [make_customer() for _ in range(10)]
    for number, customer in enumerate(customers):
        for back in range(number + 1):
            make_order(customer, timezone.now() - (10 - number + 3 * back) * DAY, total=10)
    job = profiling.start_profiling()
    assert profiling.start_profiling() is None, "one at a time"
    execute_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.result) == (Job.State.SUCCEEDED, {"n_profiles": 10})
    scores = [profile_of(customer) for customer in customers]
    assert [row.frequency_score for row in scores] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert scores[0].rfm == "1-1-1"
    assert scores[-1].rfm == "5-5-5"
    assert scores[0].next_order_at is not None, "one order: the shop's usual gap"
    assert ProfileReference.objects.get().usual_gap_days == 3


def told(customer, name: str, purpose: str = "support"):
    return read_fact(name=name, entity_id=customer.external_id, purpose=purpose)


def test_others_may_know_what_a_profile_says_and_are_told_what_changes(make_customer, make_item, make_order):
    now = timezone.now()
    mia, ben, eve = make_customer(), make_customer(), make_customer()
    for customer in (mia, ben):
        record_consent(customer=customer, purpose="marketing", is_granted=True, source="test")
    record_consent(customer=eve, purpose="marketing", is_granted=False, source="test")
    for customer in (mia, eve):
        make_order(customer, now - DAY, item=make_item(category_path="Tea", price=Decimal(10)), unit_price=5)
    execute_job(profiling.start_profiling().pk)
    assert told(mia, "marketing.life_cycle") == "new"
    assert told(mia, "marketing.favourite_category", "recommendations") == "Tea"
    assert told(ben, "marketing.life_cycle") == "prospect"
    assert told(eve, "marketing.life_cycle") == "", "she refuses"
    with pytest.raises(PurposeNotAllowedError):
        told(mia, "marketing.life_cycle", "fraud")
    n_told = Fact.objects.count()
    execute_job(profiling.start_profiling().pk)
    assert Fact.objects.count() == n_told, "nothing changed"
    make_order(ben, now - DAY)
    execute_job(profiling.start_profiling().pk)
    assert told(ben, "marketing.life_cycle") == "new"
    assert Fact.objects.filter(entity_id=ben.external_id).count() == 2


def test_what_has_expired_is_told_again(make_customer):
    mia = make_customer()
    record_consent(customer=mia, purpose="marketing", is_granted=True, source="test")
    refresh_profiles([mia.pk], now=NOW)
    assert publish_profiles([mia.pk], now=NOW) == 1
    assert publish_profiles([mia.pk], now=NOW + 44 * DAY) == 0
    assert publish_profiles([mia.pk], now=NOW + 46 * DAY) == 1


def test_a_killed_job_goes_on_after_the_last_customer_done(make_customer, settings, monkeypatch):
    customers = [make_customer() for _ in range(4)]
    settings.ECOMAI = {**settings.ECOMAI, "MARKETING": {"BATCH_SIZE": 2}}
    refresh = profiling.Profiler.refresh
    seen: list[list[int]] = []

    def dies(self, pks):
        seen.append(list(pks))
        if len(seen) == 2:
            raise KeyboardInterrupt
        return refresh(self, pks)

    monkeypatch.setattr(profiling.Profiler, "refresh", dies)
    job = profiling.start_profiling()
    with pytest.raises(KeyboardInterrupt):
        execute_job(job.pk)
    execute_job(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED
    first, second = ([customer.pk for customer in some] for some in (customers[:2], customers[2:]))
    assert seen == [first, second, second, first, second]


def test_a_person_is_told_and_erased(make_customer, make_order, make_event):
    mia, ben = make_customer(), make_customer()
    for customer in (mia, ben):
        make_order(customer, NOW - DAY)
        make_event(customer, "view", NOW - DAY)
    refresh_profiles([mia.pk, ben.pk], now=NOW)
    subject = Subject(storefront="", external_id=mia.external_id, customer_pk=mia.pk)
    told = export(subject)
    assert told["profile"]["n_orders"] == 1
    assert [row["type"] for row in told["activities"]] == ["view"]
    assert {kind: n for kind, n in erase(subject).items() if n} == {"profiles": 1, "activities": 1}
    assert not any(erase(subject).values())
    assert not any(export(subject).values())
    assert CustomerProfile.objects.get().pk == ben.pk
    nobody = Subject(storefront="", external_id="x", customer_pk=None)
    assert not any(export(nobody).values())
