"""What customers see in a browser: a message that waits, and the choices of what to hear of, by keyboard."""

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from ecomai.commerce.models import Customer, Event
from marketing.models import Campaign, CustomerProfile, Delivery, OnsiteMessage, Segment, Topic
from marketing.services.preferences import preferences_of
from marketing.services.unsubscribing import preferences_url
from tests.ecomai.console.conftest import chromium, page, problems  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36"}


@pytest.fixture
def customer(settings) -> Customer:
    settings.ECOMAI = settings.ECOMAI | {
        "COMMERCE": settings.ECOMAI.get("COMMERCE", {}) | {"CUSTOMER_ID": lambda user: user.username},
        "FUSION": {"DEFAULT_CONSENT": {"marketing": True}},
        "MARKETING": {"BASE_URL": ""},
    }
    customer = Customer.objects.create(external_id="mia")
    CustomerProfile.objects.create(customer=customer, has_consent=True)
    return customer


@pytest.fixture
def delivery(customer) -> Delivery:
    segment = Segment.objects.create(name="All", slug="all", kind="static")
    campaign = Campaign.objects.create(
        name="Spring", segment=segment, channel="onsite", slot="home", state=Campaign.State.SENDING
    )
    return Delivery.objects.create(campaign=campaign, customer=customer, state=Delivery.State.SENT)


def violations(page) -> list:  # noqa: F811
    return [one["id"] for one in Axe().run(page, context="main").response["violations"]]


def test_a_message_is_seen_told_and_closed_by_keyboard(page, live_server, settings, delivery, tmp_path):  # noqa: F811
    settings.ROOT_URLCONF = "tests.marketing.onsite_pages"
    OnsiteMessage.objects.create(
        delivery=delivery, customer=delivery.customer, slot="home", subject="<i>New</i> for Mia",
        body="Look.", target_url="/a-page/", expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    client = Client()
    client.force_login(get_user_model().objects.create_user("mia"))
    page.set_extra_http_headers(BROWSER)  # what calls itself headless is a crawler
    page.goto(f"{live_server.url}/a-page/")
    assert page.get_by_text("for Mia").count() == 0, "nobody who is not logged in sees it"
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([cookie])
    with page.expect_response("**/onsite/act/**") as told:
        page.goto(f"{live_server.url}/a-page/")
    assert told.value.status == 200
    assert page.get_by_role("heading", name="<i>New</i> for Mia").is_visible()
    page.screenshot(path=tmp_path / "onsite.png")
    assert violations(page) == []
    with page.expect_response("**/onsite/act/**") as told:
        page.get_by_role("button", name="Close").press("Enter")
    assert told.value.status == 200
    page.get_by_text("for Mia").wait_for(state="detached")
    page.reload()
    assert page.get_by_text("for Mia").count() == 0
    message = OnsiteMessage.objects.get()
    assert (message.n_views, message.dismissed_at is not None) == (1, True)
    assert set(Event.objects.values_list("type", flat=True)) == {"message_open", "message_dismissed"}
    assert problems(page) == []


@pytest.mark.parametrize(("language", "button"), [("en", "Save my choices"), ("zh-hans", "保存我的选择")])
def test_choices_are_made_by_keyboard_in_the_customers_language(
    page, live_server, delivery, customer, language, button, tmp_path  # noqa: F811
):  # fmt: skip
    Customer.objects.update(language=language)
    Topic.objects.create(slug="news", name="News", description="What is new.")
    link = preferences_url(customer_pk=customer.pk, delivery_pk=delivery.pk)
    page.goto(live_server.url + link)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # the first channel, e-mail, is off
    for _time in range(5):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == button
    page.screenshot(path=tmp_path / f"preferences-{language}.png")
    page.keyboard.press("Enter")
    page.get_by_role("status").wait_for()
    assert preferences_of(customer).channels == {"webhook", "onsite", "chat"}
    assert violations(page) == []
    assert problems(page) == []
