"""The builder of flows in a browser: by keyboard, under a strict policy, in two languages, by telephone."""

import pytest
from django.conf import settings as django_settings
from django.urls import reverse

from support_bot.models import Flow
from support_bot.services.flows import add_shipped_flows
from support_bot.services.intents import add_starter_intents
from tests.ecomai.console.conftest import chromium, page, problems  # noqa: F401
from tests.marketing.test_segments_browser import logged_in, seriously_wrong  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@pytest.fixture(autouse=True)
def _languages(settings, shelf):
    settings.LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
    add_starter_intents()
    add_shipped_flows()


def address(name, *args):
    return reverse(f"admin:ecomai_support_bot_flow_{name}", args=args)


def test_a_flow_is_built_drawn_and_saved_without_a_mouse(logged_in, live_server, tmp_path):  # noqa: F811
    logged_in.goto(live_server.url + address("add"))
    logged_in.locator("#id_title").fill("Repair")
    logged_in.locator("#id_name").fill("repair")
    logged_in.locator("#flow-drawn svg").wait_for()
    logged_in.get_by_label("Complaint").press("Space")
    first = logged_in.locator("#flow-steps .step-card").first
    first.get_by_role("button", name="Remove the step").press("Enter")
    logged_in.get_by_text("It has from 1 to 40 steps.").wait_for()
    logged_in.get_by_role("button", name="+ Ask", exact=True).press("Enter")
    ask = logged_in.locator("#flow-steps .step-card").first
    ask.get_by_text("it says nothing.").wait_for()
    assert ask.get_attribute("aria-invalid") == "true"
    logged_in.keyboard.type("What is broken?")
    ask.get_by_label("Question (简体中文)").fill("哪里坏了？")
    ask.get_by_label("What is asked for").select_option("choice")
    ask.get_by_text("an option says nothing").or_(ask.get_by_text("A name is made of")).wait_for()
    ask.get_by_label("Answer (English)").fill("The lamp")
    ask.get_by_label("Tries before a person is offered").fill("3")
    logged_in.get_by_role("button", name="+ Say").press("Enter")
    say = logged_in.locator("#flow-steps .step-card").nth(1)
    say.get_by_label("Text (English)").fill("Lamps cannot be mended: {choice}.")
    say.get_by_role("button", name="Add a condition").press("Enter")
    say.get_by_label("What is asked").select_option('slots["choice"]')
    assert say.get_by_label("With what").input_value() == "the_lamp"
    say.get_by_role("button", name="Move up").press("Enter")
    logged_in.locator("#flow-steps .step-card").first.get_by_text(
        "no step before asks for “choice”"
    ).wait_for()
    moved = logged_in.locator("#flow-steps .step-card").first
    moved.get_by_role("button", name="Move down").press("Enter")
    logged_in.locator('[aria-invalid="true"]').wait_for(state="detached")
    logged_in.get_by_role("button", name="+ Hand over to a person").press("Enter")
    logged_in.locator("#flow-steps .step-card").nth(2).get_by_label("Text (English)").fill(
        "A person looks at it."
    )
    logged_in.locator("#flow-drawn").get_by_text("Hands over to a person").wait_for()
    assert logged_in.evaluate(FITS)
    logged_in.screenshot(path=tmp_path / "builder.png", full_page=True)
    assert problems(logged_in) == []
    logged_in.get_by_role("button", name="Save", exact=True).press("Enter")
    logged_in.get_by_text("Version 1 is saved, and not live yet").wait_for()
    assert Flow.objects.get(name="repair").versions.get().definition == {
        "intents": ["complaint", "find_product"],
        "steps": [
            {
                "do": "ask", "slot": "choice", "kind": "choice", "tries": 3,
                "question": {"en": "What is broken?", "zh-hans": "哪里坏了？"},
                "options": [{"value": "the_lamp", "label": {"en": "The lamp"}}],
            },
            {
                "do": "say", "when": 'slots["choice"] == "the_lamp"',
                "text": {"en": "Lamps cannot be mended: {choice}."},
            },
            {"do": "hand_over", "text": {"en": "A person looks at it."}},
        ],
    }  # fmt: skip
    assert problems(logged_in) == []


def test_what_is_shipped_is_shown_and_kept_as_it_is(logged_in, live_server):  # noqa: F811
    for flow in Flow.objects.all():
        logged_in.goto(live_server.url + address("change", flow.pk))
        logged_in.locator("#flow-drawn svg").wait_for()
        assert logged_in.locator('[aria-invalid="true"]').count() == 0
        logged_in.get_by_role("button", name="Save", exact=True).press("Enter")
        logged_in.locator(".messagelist").wait_for()
        assert flow.versions.count() == 1, "the same steps are no new version"
    assert problems(logged_in) == []


def test_a_version_is_replayed_on_the_page_of_its_flow(
    logged_in,  # noqa: F811
    live_server, customer, ada, make_order, tmp_path,
):  # fmt: skip
    make_order("1001", ada, status="shipped")
    customer.say("where is my order")
    flow = Flow.objects.get(name="track_order")
    logged_in.goto(live_server.url + address("change", flow.pk))
    logged_in.get_by_role("link", name="Replay").press("Enter")
    logged_in.get_by_text("0 would go otherwise").wait_for()
    logged_in.get_by_role("button", name="+ End").press("Enter")
    logged_in.get_by_role("button", name="+ Say").press("Enter")
    logged_in.locator("#flow-steps .step-card").nth(3).get_by_label("Text (English)").fill("Soon.")
    logged_in.get_by_text("Nothing leads here").first.wait_for()
    end = logged_in.locator("#flow-steps .step-card").nth(2)
    end.get_by_role("button", name="Remove the step").press("Enter")
    logged_in.get_by_role("button", name="Save and replay").press("Enter")
    logged_in.locator("#replayed").get_by_text("1 would go otherwise").wait_for()
    logged_in.locator("#replayed").get_by_text("Soon.").wait_for()
    assert f"{address('change', flow.pk)}?replay=2" in logged_in.url
    logged_in.screenshot(path=tmp_path / "replayed.png", full_page=True)
    assert problems(logged_in) == []
    # Last: axe reads what the admin's forms.css imports into a style element, which the policy forbids.
    assert seriously_wrong(logged_in) == []


def test_it_is_written_as_json_too_and_fits_a_telephone_in_chinese(logged_in, live_server, tmp_path):  # noqa: F811
    cookie = {"name": django_settings.LANGUAGE_COOKIE_NAME, "value": "zh-hans", "url": live_server.url}
    logged_in.context.add_cookies([cookie])
    logged_in.set_viewport_size({"width": 390, "height": 800})
    logged_in.goto(live_server.url + address("change", Flow.objects.get(name="cancel_order").pk))
    logged_in.locator("#flow-drawn svg").wait_for()
    logged_in.screenshot(path=tmp_path / "narrow.png", full_page=True)
    assert logged_in.evaluate(FITS)
    logged_in.locator("#flow-advanced summary").press("Enter")
    kept = logged_in.locator("#id_definition")
    kept.fill("{")
    kept.press("Tab")
    logged_in.locator("#flow-json-said").get_by_text("JSON").wait_for()
    assert logged_in.locator("#flow-steps .step-card").count() == 3
    step = '{"do": "say", "when": "order_days + 2 < 9", "text": {"en": "Hi"}}'
    kept.fill(f'{{"intents": ["track_order"], "steps": [{step}]}}')
    kept.press("Tab")
    logged_in.locator("#flow-steps .step-card").nth(1).wait_for(state="detached")
    assert logged_in.locator("#flow-steps").get_by_role("textbox").last.input_value() == "order_days + 2 < 9"
    assert problems(logged_in) == []
