"""The pages in a browser: the planner answers while a form is filled in, charts are drawn."""

import random
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from ecomai.experiments import selectors, services
from ecomai.experiments.models import Experiment, Snapshot
from tests.ecomai.console.conftest import chromium, page, problems  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

N_DAYS = 24


@pytest.fixture
def logged_in(page, live_server):  # noqa: F811
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("boss", password="secret"))
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([cookie])
    page.base = live_server.url
    return page


@pytest.fixture
def long_experiment(make_experiment, expose, make_events):
    """Three weeks of visitors, of whom more buy in the new arm; counted day by day."""
    rng = random.Random(1)
    experiment = make_experiment(
        name="Learned order on the home page", arms=(("as today", 1), ("learned order", 1)),
        guard_rails=[("revenue", 0.03), ("returns", 0.1)], holdout_share=0.05,
        hypothesis="Visitors who see first what others like them bought will buy more often.",
    )  # fmt: skip
    now = timezone.now().replace(minute=30)
    Experiment.objects.update(started_at=now - timedelta(days=N_DAYS), planned_units=4000)
    experiment.refresh_from_db()
    for day in range(N_DAYS, 1, -1):
        at = now - timedelta(days=day)
        seen = expose([f"visitor-{day}-{n:04d}" for n in range(260)], at=at)
        for arm, share in (("as today", 0.11), ("learned order", 0.15)):
            buyers = [one for one in seen[arm] if rng.random() < share]
            for one in buyers:
                make_events("purchase", [one], at + timedelta(hours=2), value=str(rng.randint(10, 60)))
            make_events("return", buyers[:1], at + timedelta(hours=9))
        if day < N_DAYS:
            taken = services.take_snapshot(experiment=experiment, is_recount=True)
            Snapshot.objects.filter(pk=taken.pk).update(hour=at, counted_until=at)
    services.take_snapshots(is_recount=True)
    selectors.forget_plans()
    return experiment


def test_report_draws_its_chart_and_keeps_to_a_strict_policy(logged_in, long_experiment):
    logged_in.goto(f"{logged_in.base}/admin/ecomai_experiments/experiment/{long_experiment.pk}/report/")
    logged_in.wait_for_selector(".ecomai-chart__plot .main-svg")
    assert "“learned order” is better than “as today”" in logged_in.inner_text(".ecomai-verdict-box")
    assert problems(logged_in) == []


def test_planner_answers_while_the_form_is_filled_in(logged_in, make_events):
    now = timezone.now()
    for day in range(1, 18):
        visitors = [f"day-{day}-{n:04d}" for n in range(300)]
        make_events("view", visitors, now - timedelta(days=day))
        make_events("purchase", visitors[:30], now - timedelta(days=day, hours=-1), value="5")
    logged_in.goto(f"{logged_in.base}/admin/ecomai_experiments/experiment/add/")
    logged_in.wait_for_selector("#ecomai-plan strong")
    small = logged_in.inner_text("#ecomai-plan strong")
    assert "visitors per arm" in small
    logged_in.fill("#id_minimum_effect", "0.5")
    logged_in.press("#id_minimum_effect", "Tab")
    logged_in.wait_for_function(
        "before => document.querySelector('#ecomai-plan strong').innerText !== before", arg=small
    )
    assert problems(logged_in) == []
