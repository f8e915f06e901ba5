"""The builder of journeys in a browser, by keyboard and under a strict policy."""

import random

import pytest
from django.urls import reverse
from django.utils import timezone

from marketing.models import Journey
from tests.ecomai.console.conftest import chromium, page, problems  # noqa: F401

from .journey_shop import STEPS, make_journey
from .segment_shop import plant
from .test_segments_browser import logged_in, seriously_wrong  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_journey_is_built_drawn_and_saved_without_a_mouse(logged_in, live_server, tmp_path):  # noqa: F811
    plant(random.Random(1), timezone.now())
    logged_in.goto(live_server.url + reverse("admin:ecomai_marketing_journey_add"))
    logged_in.locator("#id_name").fill("Left a basket")
    logged_in.locator("#id_event").select_option("cart")
    logged_in.get_by_role("button", name="Add a wait").press("Enter")
    wait = logged_in.locator(".step-card").first
    wait.get_by_label("How long").fill("2")
    wait.get_by_label("Unit of time").select_option("hours")
    logged_in.get_by_role("button", name="Add a condition").last.press("Enter")
    fork = logged_in.locator(".step-card").nth(1)
    fork.get_by_role("button", name="Add a condition").press("Enter")
    fork.get_by_label("What is asked").select_option("event:purchase")
    logged_in.get_by_role("button", name="Add a message").press("Enter")
    mail = logged_in.locator(".step-card").nth(2)
    mail.get_by_label("Name of the step").fill("Reminder")
    logged_in.get_by_text("the message “Reminder” has no text yet").wait_for()
    logged_in.locator('.step-card[aria-invalid="true"]').wait_for()
    mail.get_by_label("Subject").fill("Your basket, {{ name }}")
    mail.get_by_label("Text", exact=True).fill("It is still there. Your code: {{ voucher }}")
    assert not mail.get_by_label("Valid for days").is_visible()
    mail.get_by_label("Discount in percent, by a voucher").fill("10")
    mail.get_by_label("Valid for days").fill("7")
    fork.get_by_label("If so, go to").select_option("end")
    logged_in.locator("#journey-drawn svg").wait_for()
    logged_in.locator('.step-card[aria-invalid="true"]').wait_for(state="detached")
    fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert logged_in.evaluate(fits)
    logged_in.screenshot(path=tmp_path / "builder.png", full_page=True)
    assert seriously_wrong(logged_in) == []
    logged_in.get_by_role("button", name="Save", exact=True).press("Enter")
    logged_in.get_by_text("The journey is saved.").wait_for()
    steps = {step["name"]: step for step in Journey.objects.get().steps}
    assert (steps["New wait"]["amount"], steps["New wait"]["next"]) == (2, steps["New condition"]["key"])
    assert (steps["New condition"]["yes"], steps["New condition"]["no"]) == ("end", steps["Reminder"]["key"])
    (text,) = steps["Reminder"]["variants"]
    assert (text["offer_percent"], text["offer_days"]) == (10, 7)
    logged_in.screenshot(path=tmp_path / "journey.png", full_page=True)
    assert seriously_wrong(logged_in) == []
    assert problems(logged_in) == []


def test_what_was_built_is_shown_again_as_it_was(logged_in, live_server, tmp_path):  # noqa: F811
    journey = make_journey()
    logged_in.goto(live_server.url + reverse("admin:ecomai_marketing_journey_edit", args=[journey.pk]))
    logged_in.locator("#journey-drawn svg").wait_for()
    logged_in.get_by_role("button", name="Save", exact=True).press("Enter")
    logged_in.get_by_text("The journey is saved.").wait_for()
    journey.refresh_from_db()
    for step, before in zip(journey.steps, STEPS, strict=True):
        expected = {"all": [before["condition"]]} if "condition" in before else None
        assert step == before | ({"condition": expected} if expected else {})
    logged_in.goto(live_server.url + reverse("admin:ecomai_marketing_journey_edit", args=[journey.pk]))
    logged_in.locator("#journey-drawn svg").wait_for()
    logged_in.locator(".step-card").first.get_by_role("button", name="Move down").press("Enter")
    logged_in.get_by_text("nothing leads to").wait_for()
    assert problems(logged_in) == []
