"""Charts: right numbers, a text alternative, and a drawing under a strict Content-Security-Policy."""

import gzip
import json
from datetime import UTC, datetime

import pytest
from django.template import Context, Template
from django.test import Client, override_settings
from django.urls import reverse
from playwright.sync_api import expect

from ecomai.console import charts
from ecomai.console.assets import plotly_release

from .conftest import problems

pages = pytest.mark.urls("tests.ecomai.console.pages")


def rendered(chart: charts.Chart) -> str:
    return Template("{% load ecomai_charts %}{% chart c %}").render(Context({"c": chart}))


def test_table_says_the_same_numbers_as_the_drawing():
    chart = charts.line_chart(title="Loss", x=[1, 2], series={"train": [0.5, None], "valid": [0.75, 12345.6]})
    assert chart.columns == ["At", "train", "valid"]
    assert chart.rows == [["1", "0.5000", "0.7500"], ["2", "–", "12,346"]]
    assert chart.figure["data"][0]["y"] == [0.5, None]


def test_infinite_and_missing_values_leave_a_gap_and_valid_json():
    chart = charts.line_chart(title="Loss", x=[1, 2], series={"a": [float("nan"), float("inf")]})
    assert json.loads(json.dumps(chart.figure, allow_nan=False))["data"][0]["y"] == [None, None]
    assert "NaN" not in rendered(chart)


@override_settings(TIME_ZONE="Asia/Shanghai")
def test_moments_are_drawn_in_the_zone_of_the_shop():
    chart = charts.line_chart(title="t", x=[datetime(2026, 1, 1, 20, tzinfo=UTC)], series={"a": [1]})
    assert chart.figure["data"][0]["x"] == ["2026-01-02T04:00:00"]


def test_histogram_counts_every_finite_value_once():
    chart = charts.histogram(title="Prices", values=[1, 2, 2, 10, float("nan"), None], n_bins=3)
    assert chart.figure["data"][0]["y"] == [3, 0, 1]


def test_percent_is_written_as_percent_in_drawing_and_table():
    chart = charts.bar_chart(title="Share", categories=["a"], series={"share": [0.125]}, percent=True)
    assert chart.rows == [["a", "12.5 %"]]
    assert chart.figure["layout"]["yaxis"]["tickformat"] == ",.2~%"


def test_text_from_the_shop_cannot_end_the_data_block():
    chart = charts.bar_chart(
        title="</script><b>", categories=["</script><script>alert(1)"], series={"n": [1]}
    )
    html = rendered(chart)
    assert "<script>alert" not in html
    assert "<b>" not in html


def test_sparkline_is_read_out_as_a_sentence():
    assert "first 1, last 3, lowest 1, highest 5" in rendered(
        charts.sparkline(title="Orders", values=[1, 5, 3])
    )


@pytest.mark.parametrize(
    "chart",
    [
        charts.line_chart(title="Empty", x=[], series={"a": []}),
        charts.histogram(title="Empty", values=[]),
        charts.bar_chart(title="Empty", categories=[], series={"a": []}),
    ],
)
def test_chart_without_points_says_so_instead_of_drawing_axes(chart):
    html = rendered(chart)
    assert "There is nothing to show yet." in html
    assert "data-ecomai-chart" not in html


def test_curves_are_one_chart_a_metric_in_order_of_steps():
    drawn = charts.metric_curves([("loss", 2, 0.1), ("ndcg@10", 1, 0.3), ("loss", 1, 0.2)])
    assert [chart.title for chart in drawn] == [
        "Error that the training makes small",
        "Ranking quality, first 10",
    ]
    assert drawn[0].figure["data"][0]["x"] == [1, 2]


def test_axis_of_small_values_is_in_plain_decimals():
    chart = charts.line_chart(title="Quality", x=[1, 2], series={"q": [0.2, 0.35]})
    assert chart.figure["layout"]["yaxis"]["tickformat"] == ",~r"  # with SI prefixes 0.35 would be 350m


def test_curves_of_how_the_training_steers_itself_are_folded_away():
    points = [("loss", 1, 0.2), ("learning_rate", 1, 0.002)]
    html = Template("{% load ecomai_charts %}{% metric_curve points %}").render(Context({"points": points}))
    fold = html.index('<details class="ecomai-curves__inner"')
    assert html.index("Error that the training makes small") < fold < html.index("Step size of the training")


def test_bundle_is_served_compressed_and_cached_for_good():
    client = Client(headers={"Accept-Encoding": "gzip"})
    answer = client.get(reverse("ecomai:plotly", args=[plotly_release()]))
    assert answer["Content-Encoding"] == "gzip"
    assert "immutable" in answer["Cache-Control"]
    assert b"plotly.js" in gzip.decompress(answer.content)[:200]
    again = client.get(answer.wsgi_request.path, headers={"If-None-Match": answer["ETag"]})
    assert again.status_code == 304


@pages
@pytest.mark.browser
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_charts_are_drawn_under_the_strict_policy_and_follow_the_theme(live_server, page, language):
    answer = page.goto(f"{live_server.url}/charts/?language={language}")
    assert "unsafe" not in answer.headers["content-security-policy"]
    expect(page.locator("#live [data-ecomai-drawn]")).to_have_count(2)
    expect(page.locator("main > [data-ecomai-drawn]")).to_have_count(5)
    label = page.locator(".js-plotly-plot .xtick text").first
    expect(label).to_have_css("fill", "rgb(51, 51, 51)")
    page.emulate_media(color_scheme="dark")
    expect(label).to_have_css("fill", "rgb(238, 238, 238)")
    assert problems(page) == []


@pages
@pytest.mark.browser
def test_curves_are_drawn_again_after_htmx_swapped_them(live_server, page):
    page.goto(f"{live_server.url}/charts/")
    page.wait_for_selector("#live [data-ecomai-drawn]")
    page.evaluate("document.querySelector('#live figure').id = 'before-the-swap'")
    page.wait_for_selector("#before-the-swap", state="detached")
    page.wait_for_selector("#live [data-ecomai-drawn]")
    assert problems(page) == []


@pages
@pytest.mark.browser
def test_without_javascript_the_table_is_there_to_read(live_server, chromium):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{live_server.url}/charts/")
    expect(page.get_by_text("The drawing needs JavaScript").first).to_be_visible()
    page.get_by_text("Show as a table").first.click()
    assert page.get_by_role("rowheader", name="01/01/2026").first.is_visible()
    context.close()
