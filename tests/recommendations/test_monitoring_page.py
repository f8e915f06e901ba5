"""The monitoring page and its file: what they show, to whom, and at what cost."""

import csv
import io
import random
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from ecomai.console.measures import get_measure, measures
from recommendations.models import DailyFigures, DriftReport
from recommendations.pages import figures

pytestmark = pytest.mark.django_db
PAGE, FILE = (f"admin:ecomai_recommendations_dailyfigures_{name}" for name in ("changelist", "csv"))


def make_figures(version, *, n_days=60, storefront="") -> None:
    """Two placements, a model and its fallback; the page's totals are known."""
    rng, today, rows = random.Random(1), timezone.localdate(), []
    for day in range(n_days):
        common = {"day": today - timedelta(days=day), "storefront": storefront, "n_offered_items": 400}
        for placement, rate in (("home", 0.04), ("basket", 0.09)):
            seen = rng.randint(900, 1100)
            values = {
                "n_answers": 100, "n_fallbacks": 20, "n_slots": 1000, "n_seen": seen,
                "n_clicked": round(seen * rate * rng.uniform(0.9, 1.1)), "n_bought": round(seen * rate / 5),
                "n_bought_after_click": round(seen * rate / 6), "n_distinct_items": rng.randint(180, 220),
                "novelty_bits": 7 + rng.random(), "n_head_slots": rng.randint(300, 400),
                "latencies": {"60": 70, "75": 25, "90": 5}, "placement": placement,
            }  # fmt: skip
            model = {"source": "model", "model_name": version.model_name, "version_number": 3}
            rows += [
                DailyFigures(scope="placement", **common, **values),
                DailyFigures(
                    scope="version", **common, **{**values, "n_answers": 80, "n_fallbacks": 0}, **model
                ),
                DailyFigures(scope="version", **common, **{**values, "n_answers": 20}, source="popular"),
            ]
        both = {"n_answers": 200, "n_fallbacks": 40, "n_seen": 2000, "n_clicked": 130, "n_bought": 26,
                "n_slots": 2000, "n_head_slots": 700, "n_distinct_items": 240,
                "latencies": {"60": 200}}  # fmt: skip
        rows.append(DailyFigures(scope="shop", **common, **both))
    DailyFigures.objects.bulk_create(rows)


def make_drift(version) -> None:
    counts = {
        "categories": {"Coffee": 500, "Hiking": 300, "Writing": 200},
        "event_types": {"view": 900, "cart": 100}, "history_lengths": {"1": 50, "3": 30, "10": 20},
    }  # fmt: skip
    current = {**counts, "categories": {"Coffee": 200, "Hiking": 300, "Writing": 500}}
    for day in range(20):
        drift = {name: {"psi": 0.01 * day, "js": 0.02 * day} for name in counts}
        now = timezone.now() - timedelta(days=day)
        DriftReport.objects.create(
            model_version=version, day=now.date(), window_start=now - timedelta(days=14), window_end=now,
            n_events=1000, unknown_item_share=0.031,
            findings={"reference": counts, "current": current,
                      "drift": {**drift, "categories": {"psi": 0.3 - 0.01 * day, "js": 0.2}}},
        )  # fmt: skip


def test_an_empty_shop_is_told_what_to_do(admin_client):
    page = admin_client.get(reverse(PAGE)).content.decode()
    assert "Put the template tag on a page" in page
    assert "there must be one that is live" in page


def test_totals_charts_tables_and_drift_are_shown(admin_client, version):
    make_figures(version)
    make_drift(version)
    response = admin_client.get(reverse(PAGE), {"days": "30"})
    page = response.content.decode()
    cards = {card.title: card.value for card in response.context["cards"]}
    assert cards["Click-through"] == "6.5 %"
    assert cards["Conversion"] == "1.3 %"
    assert cards["Answers by a fallback"] == "20.0 %"
    assert cards["Coverage"] == "60.0 %"
    assert cards["Popularity bias"] == "35.0 %"
    assert response.context["n_answers"] == 6000
    assert "Next item v3" in page
    assert "popular items" in page
    assert "3.1 %" in page
    states = {row["label"]: row["state"] for row in response.context["drift"][0]["rows"]}
    assert states == {"Categories": "problem", "Types of events": "ok", "Length of histories": "ok"}


def test_filters_choose_a_placement_and_a_version(admin_client, version):
    make_figures(version)
    chosen = admin_client.get(reverse(PAGE), {"placement": "basket", "days": "7"})
    assert chosen.context["n_answers"] == 700
    by_version = admin_client.get(reverse(PAGE), {"version": f"{version.model_name}:3:", "days": "7"})
    assert by_version.context["n_answers"] == 80 * 2 * 7
    assert "Next item v3" in by_version.context["charts"][0].columns


@pytest.mark.parametrize(
    "query", [{"days": "-1"}, {"days": "9" * 40}, {"version": "';--"}, {"placement": "\x00"}]
)
def test_what_makes_no_sense_shows_everything(admin_client, version, query):
    make_figures(version, n_days=2)
    assert admin_client.get(reverse(PAGE), query).context["n_answers"] == 400


def test_the_file_has_a_line_for_each_day_placement_and_version(admin_client, version):
    make_figures(version, n_days=3, storefront="=cmd()")
    response = admin_client.get(reverse(FILE), {"placement": "home"})
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == 6
    assert lines[0]["storefront"] == "'=cmd()"  # no formula in a spreadsheet
    assert float(lines[0]["click_rate"]) == pytest.approx(
        int(lines[0]["n_clicked"]) / int(lines[0]["n_seen"]), abs=1e-6
    )
    assert "attachment" in response["Content-Disposition"]


def test_a_year_costs_as_many_queries_as_a_day(admin_client, version, django_assert_max_num_queries):
    make_figures(version, n_days=365)
    with django_assert_max_num_queries(20):
        admin_client.get(reverse(PAGE), {"days": "365"})


def test_who_may_not_see_them_sees_nothing(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("clerk", is_staff=True))
    assert client.get(reverse(PAGE)).status_code == 403
    assert client.get(reverse(FILE)).status_code == 403


def test_nothing_is_divided_by_nothing():
    empty = figures.Figures([])
    assert {measure.read(empty) for measure in figures.MEASURES.values()} == {None}


def test_alert_rules_can_watch_placements_and_drift(version):
    make_figures(version)
    make_drift(version)
    readings = {one.dimension: one.value for one in get_measure("recommendations.fallback_share").readings()}
    assert readings == {"home": 0.2, "basket": 0.2}
    distances = {one.label: one.value for one in get_measure("recommendations.drift").readings()}
    assert distances["Next item v3: Categories"] == 0.3
    assert [one.value for one in get_measure("recommendations.unknown_items").readings()] == [0.031]


def test_few_answers_say_nothing(version):
    DailyFigures.objects.create(
        day=timezone.localdate(), scope="placement", placement="home", n_answers=49, n_fallbacks=49
    )
    assert [one.value for one in get_measure("recommendations.fallback_share").readings()] == [None]


def test_every_measure_can_be_read_in_an_empty_shop(db):
    found = [one for one in measures() if one.name.startswith("recommendations.")]
    assert len(found) == 8
    assert [one.readings() for one in found] == [[]] * 8
