"""The demo shop: most customers may be addressed, and all have profiles."""

from datetime import timedelta

import pytest
from django.db.models import Sum
from django.utils import timezone

from ecomai.commerce.models import Event
from ecomai.fusion.models import ConsentRecord
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import Job
from marketing.demo import seed_demo
from marketing.demo.campaign import SLUG
from marketing.models import (
    AdConversion,
    AdCreative,
    AdGroup,
    AdSpend,
    Campaign,
    ContentDraft,
    CustomerProfile,
    Delivery,
    Journey,
    JourneyRun,
    OnsiteMessage,
    Topic,
)
from marketing.readiness import ad_response as ad_readiness
from marketing.readiness import uplift as readiness
from marketing.services.effects import report_of, window_end
from marketing.services.profiling import start_profiling

from .mailing_shop import Server

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def test_answers_count_in_profiles_that_an_import_had_computed(make_customer):
    for _number in range(60):
        make_customer()
    execute_job(start_profiling().pk)
    assert not CustomerProfile.objects.filter(has_consent=True).exists()
    seed_demo()
    n_granted = ConsentRecord.objects.filter(is_granted=True).count()
    assert CustomerProfile.objects.filter(has_consent=True).count() == n_granted > 0


def test_the_demo_can_be_seeded_twice(make_customer):
    for _number in range(60):
        make_customer()
    seed_demo()
    seed_demo()
    n_granted = ConsentRecord.objects.filter(purpose="marketing", is_granted=True).count()
    assert 30 <= n_granted <= 55, "the answers are made from the ids, so this never changes"
    execute_job(Job.objects.get(kind="marketing.profiles").pk)
    assert CustomerProfile.objects.count() == 60
    assert CustomerProfile.objects.filter(has_consent=True).count() == n_granted


def test_the_demos_journey_has_customers_at_several_steps(settings, make_customer, make_event):
    commerce = settings.ECOMAI.get("COMMERCE", {}) | {"ADAPTER": "tests.marketing.mailing_shop.MailingShop"}
    marketing = {"BASE_URL": "https://shop.example"}
    settings.ECOMAI = settings.ECOMAI | {"COMMERCE": commerce, "MARKETING": marketing}
    for _number in range(200):
        make_event(make_customer(), "cart", timezone.now() - timedelta(hours=5))
    seed_demo()
    seed_demo()
    journey = Journey.objects.get()
    assert journey.state == Journey.State.RUNNING
    runs = JourneyRun.objects.filter(state="on_the_way")
    assert set(runs.values_list("step", flat=True)) == {"pause", "patience"}
    assert JourneyRun.objects.filter(state="finished").exists()
    steps = Delivery.objects.filter(campaign__journey=journey).values_list("campaign__step", flat=True)
    assert set(steps) == {"reminder", "welcome"}


def test_where_no_mail_can_go_the_demos_journey_stays_a_draft(make_customer):
    make_customer()
    seed_demo()
    assert Journey.objects.get().state == Journey.State.DRAFT


@pytest.fixture
def shop_with_orders(make_customer, make_item, make_order, make_event, settings):
    """Most have bought before the campaign, and half of these have been there shortly before it."""
    commerce = settings.ECOMAI.get("COMMERCE", {}) | {"ADAPTER": "tests.marketing.mailing_shop.MailingShop"}
    settings.ECOMAI = settings.ECOMAI | {"COMMERCE": commerce}
    settings.EMAIL_BACKEND = "tests.marketing.mailing_shop.Server"
    Server.taken.clear()
    item, now = make_item(), timezone.now()
    for number in range(1200):
        customer = make_customer(f"d{number}", first_seen_at=now - 200 * DAY)
        make_order(customer, now - 100 * DAY, item=item)
        if number % 2:
            make_event(customer, "view", now - 25 * DAY)
        if number % 10 == 0:
            make_order(customer, now - 15 * DAY, item=item)


def test_a_campaign_that_is_over_shows_what_it_brought(shop_with_orders):
    seed_demo()
    campaign = Campaign.objects.get(segment__slug=SLUG, channel="email")
    assert campaign.state == Campaign.State.FINISHED
    assert window_end(campaign) < timezone.now()
    assert not Server.taken, "no mail has left"
    report = report_of(campaign)
    assert report.is_over
    assert report.buyers.low > 0, "the lift is there for sure"
    assert report.incremental_revenue.value > 0
    sent = Delivery.objects.filter(campaign=campaign, state="sent")
    assert sent.count() + report.held_out.n == report.treated.n + report.held_out.n > 500
    assert not sent.filter(sent_at__gt=window_end(campaign)).exists()
    events = Event.objects.filter(type="message_sent", properties__campaign=campaign.name)
    assert events.count() == sent.count()
    assert not events.filter(occurred_at__gt=window_end(campaign)).exists()
    assert all(row.is_enough for row in readiness()), "the model of effects can learn from it"
    seed_demo()
    assert Campaign.objects.filter(segment__slug=SLUG).count() == 2, "one by mail, one on the site"
    again = report_of(campaign)
    assert (again.buyers.lift, again.treated.revenue) == (report.buyers.lift, report.treated.revenue)


def test_something_waits_on_the_first_page_for_the_buyers(shop_with_orders):
    for _time in range(2):
        seed_demo()
    campaign = Campaign.objects.get(channel="onsite")
    waiting = OnsiteMessage.objects.filter(slot="home", delivery__campaign=campaign)
    assert campaign.state == Campaign.State.SENDING
    assert waiting.count() == Delivery.objects.filter(campaign=campaign, state="sent").count() > 500
    assert "{{" not in waiting.first().body
    assert Topic.objects.count() == 2


def test_a_shop_that_cannot_reach_its_customers_has_no_campaign(make_customer):
    for _number in range(20):
        make_customer()
    seed_demo()
    assert not Campaign.objects.filter(segment__slug=SLUG).exists()


def test_the_demo_has_a_dozen_texts_of_which_some_are_approved(make_item):
    for number in range(6):
        make_item(title=f"Mug number {number}", brand="Ember", description="Glazed by hand. Made of clay.")
    seed_demo()
    states = list(ContentDraft.objects.order_by("pk").values_list("state", flat=True))
    assert len(states) == 12
    assert (states.count("approved"), states.count("rejected")) == (5, 1)
    seed_demo()
    assert ContentDraft.objects.count() == 12


def test_the_demo_has_advertisements_with_a_past_that_a_model_can_learn_from(
    make_customer, make_item, make_event, make_order
):
    now, kinds = timezone.now(), ("Kitchen", "Garden", "Sport", "Books")
    items = [make_item(category_path=f"{kinds[n % 4]} > Shelf", title=f"Thing {n}") for n in range(16)]
    for number in range(160):
        customer = make_customer(f"a{number}", first_seen_at=now - 90 * DAY)
        for visit in range(10):
            at = now - timedelta(days=50 - 5 * visit, minutes=number)
            make_event(customer, "view", at, item=items[number % 4 + 4 * (visit % 4)])
        make_order(customer, now - timedelta(days=number % 40, hours=3), item=items[number % 4])
    seed_demo()
    assert AdGroup.objects.filter(state="running").count() == 3
    assert AdCreative.objects.filter(state="draft").exists(), "one waits for approval"
    assert all(row.is_enough for row in ad_readiness())
    shown = AdSpend.objects.aggregate(n=Sum("n_impressions"), clicks=Sum("n_clicks"))
    events = Event.objects.filter(type="ad_impression")
    assert events.count() == shown["n"]
    assert Event.objects.filter(type="ad_click").count() == shown["clicks"]
    assert AdConversion.objects.exists()
    click_rate = {}
    clicked = set(Event.objects.filter(type="ad_click").values_list("properties__shown", flat=True))
    for suits in (True, False):
        rows = [
            key
            for key, item, customer in events.values_list(
                "properties__shown", "item__title", "customer__external_id"
            )
            if (int(item.split()[1]) % 4 == int(customer[1:]) % 4) == suits
        ]
        click_rate[suits] = sum(key in clicked for key in rows) / len(rows)
    assert click_rate[True] > 2 * click_rate[False], "who looked at such things clicks"
    seed_demo()
    assert AdGroup.objects.count() == 4
