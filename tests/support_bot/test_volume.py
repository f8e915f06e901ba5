"""Contacts to expect, people they need, and the page that shows it."""

from datetime import time, timedelta

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone

from support_bot.demo.volume import seed_volume
from support_bot.models import ContactVolume, OfficeHours
from support_bot.volume import HOURS_OF_WEEK, forecast, needed_agents

DAY = np.array([0.2] * 8 + [6.0] * 10 + [2.0] * 6)
WEEK = np.concatenate([DAY * weight for weight in (1.3, 1, 1, 1, 0.9, 0.5, 0.4)])


def weeks(n, seed=0):
    return np.random.default_rng(seed).poisson(np.tile(WEEK, n))


def test_a_weekly_rhythm_is_forecast_better_than_by_last_weeks_hours():
    found = [forecast(weeks(8, seed)) for seed in range(5)]
    assert all(each.error < each.naive_error for each in found)


def drawn(kind, seed):
    """Eight weeks of a shop: as `WEEK`, busier, quieter, or in bursts; each by chance."""
    rate = np.tile(WEEK, 8) * {"usual": 1, "busy": 12, "quiet": 0.2, "bursts": 1}[kind]
    random = np.random.default_rng(seed)
    return random.poisson(rate * random.gamma(0.5, 2, len(rate)) if kind == "bursts" else rate)


@pytest.mark.parametrize("kind", ["usual", "busy", "quiet", "bursts"])
def test_four_of_five_hours_fall_into_the_range_and_not_nearly_all(kind):
    found = [forecast(drawn(kind, seed)) for seed in range(12)]
    assert 0.75 < np.mean([each.coverage for each in found]) < 0.87
    later = [np.random.default_rng(100 + seed) for seed in range(12)]
    held = [
        ((each.low <= week) & (week <= each.high)).mean()
        for each, random in zip(found, later, strict=True)
        for week in [drawn(kind, random.integers(1000, 2000))[:HOURS_OF_WEEK]]
    ]
    assert 0.75 < np.mean(held) < 0.87, "also in weeks that nothing was measured on"


def test_the_forecast_follows_the_week_and_its_range_holds_it():
    found = forecast(weeks(8))
    assert len(found.mean) == HOURS_OF_WEEK
    assert np.corrcoef(found.mean, WEEK)[0, 1] > 0.9
    assert (found.low <= found.mean).all()
    assert (found.mean <= found.high).all()


def test_a_shop_that_became_busier_is_forecast_busier():
    counts = np.concatenate([weeks(4), 2 * weeks(2)])
    assert forecast(counts).mean.sum() > 1.5 * WEEK.sum()


def test_less_than_two_weeks_are_no_rhythm_and_silence_is_forecast_as_silence():
    assert forecast(weeks(1)) is None
    silent = forecast(np.zeros(4 * HOURS_OF_WEEK))
    assert silent.mean.sum() == silent.high.sum() == 0


def test_people_needed_by_the_textbook():
    # 200 calls an hour of 3 minutes, 80 % within 20 seconds: 14 people.
    assert needed_agents(200, minutes_each=3, answer_minutes=1 / 3) == 14
    assert needed_agents(0, minutes_each=3, answer_minutes=1) == 0
    assert needed_agents(200, minutes_each=3, answer_minutes=1 / 3, chats_at_once=3) == 5


def test_more_contacts_never_need_fewer_people():
    needed = [needed_agents(rate, minutes_each=8, answer_minutes=5) for rate in range(0, 200, 5)]
    assert needed == sorted(needed)


PAGE = "admin:ecomai_support_bot_conversation_staffing"


@pytest.mark.django_db
def test_the_page_says_what_to_expect_and_whom_it_needs(looker, django_assert_max_num_queries):
    assert "Nothing has been counted yet" in looker.get(reverse(PAGE)).content.decode()
    seed_volume(now=timezone.now())
    for weekday in range(7):
        OfficeHours.objects.create(weekday=weekday, opens=time(9), closes=time(17))
    with django_assert_max_num_queries(12):
        answer = looker.get(reverse(PAGE))
    assert "this was off by" in answer.content.decode()
    agents = answer.context["agents"]
    assert agents["hours"] == list(range(9, 17)), "nobody is needed while the office is closed"
    assert len(agents["rows"]) in (7, 8)


@pytest.mark.django_db
def test_a_young_shop_reads_when_a_forecast_comes(looker):
    ContactVolume.objects.create(hour=timezone.now() - timedelta(hours=5), n_conversations=2)
    html = looker.get(reverse(PAGE)).content.decode()
    assert "A forecast needs two weeks." in html
