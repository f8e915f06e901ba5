"""Stop rules, cost and gain: what a campaign is worth, and when it pauses by itself."""

import pytest
from django.urls import reverse
from django.utils import timezone

from ecomai.commerce.services import create_api_key
from ecomai.registry.models import AuditEntry
from marketing.models import Campaign, Delivery, Journey, JourneyRun, Segment
from marketing.services.effects import report_of, report_of_journey
from marketing.services.stopping import check_shares, front_page_alerts, watch_campaigns

pytestmark = pytest.mark.django_db
State = Delivery.State


@pytest.fixture(autouse=True)
def _shop(settings):
    settings.ECOMAI = settings.ECOMAI | {
        "COMMERCE": settings.ECOMAI.get("COMMERCE", {}) | {"REPORTING_CURRENCY": "EUR"},
        "MARKETING": {"LEAST_JUDGED": 20},
    }


@pytest.fixture
def sent(make_customer, make_order):
    """A campaign on its way to `n` customers each in both arms, of whom so many of a hundred buy for 10."""

    def make(n: int = 100, *, treated: int = 0, held_out: int = 0, **fields) -> Campaign:
        name = f"all-{Segment.objects.count()}"
        segment = Segment.objects.create(name=name, slug=name, kind="static")
        campaign = Campaign.objects.create(
            **{"name": "Spring", "segment": segment, "state": Campaign.State.SENDING}
            | {"started_at": timezone.now(), "is_assigned": True}
            | fields
        )
        for number in range(2 * n):
            customer, is_held = make_customer(f"{campaign.pk}-{number}"), number >= n
            Delivery.objects.create(
                campaign=campaign, customer=customer, state=State.HELD_OUT if is_held else State.SENT
            )
            if (number % 100) < (held_out if is_held else treated):
                make_order(customer, timezone.now(), total=10)
        return campaign

    return make


def mark(campaign: Campaign, field: str, n: int) -> None:
    rows = Delivery.objects.filter(campaign=campaign, state=State.SENT).order_by("pk")[:n]
    Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(**{field: timezone.now()})


@pytest.mark.parametrize(
    ("field", "few", "many", "word"),
    [
        ("bounced_at", 5, 6, "bounced"),
        ("complained_at", 0, 1, "complaint"),
        ("unsubscribed_at", 3, 4, "leave|uns"),
    ],
)
def test_too_large_a_share_pauses_and_is_announced(sent, field, few, many, word):
    import re

    campaign = sent(100)
    mark(campaign, field, few)
    assert not check_shares(campaign)
    mark(campaign, field, many)
    assert watch_campaigns() == 1
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.PAUSED
    assert re.search(word, campaign.halted_reason)
    assert len(front_page_alerts()) == 1
    assert AuditEntry.objects.filter(action="campaign_paused").count() == 1
    assert watch_campaigns() == 0, "it is paused already"


def test_of_few_messages_no_share_says_anything(sent):
    campaign = sent(19)
    mark(campaign, "complained_at", 19)
    assert not check_shares(campaign)


def test_proven_harm_pauses_and_mere_chance_does_not(sent):
    by_chance = sent(200, treated=18, held_out=22, name="By chance")
    harmful = sent(400, treated=2, held_out=30, name="Harmful")
    let_be = sent(400, treated=2, held_out=30, name="Let be", stops_at_harm=False)
    assert watch_campaigns() == 1
    for campaign in (by_chance, harmful, let_be):
        campaign.refresh_from_db()
    assert [each.state for each in (by_chance, harmful, let_be)] == ["sending", "paused", "sending"]
    assert "held out" in harmful.halted_reason


def test_the_harm_of_a_journey_pauses_it_with_its_messages(make_customer, make_order):
    journey = Journey.objects.create(
        name="Hello", event="view", state=Journey.State.RUNNING, started_at=timezone.now()
    )
    message = Campaign.objects.create(name="m", journey=journey, step="m", state=Campaign.State.SENDING)
    for number in range(800):
        customer, is_held = make_customer(), number % 2 == 0
        state = JourneyRun.State.HELD_OUT if is_held else JourneyRun.State.ON_THE_WAY
        JourneyRun.objects.create(journey=journey, customer=customer, state=state)
        if is_held and number % 6 == 0:
            make_order(customer, timezone.now(), total=10)
    assert watch_campaigns() == 1
    journey.refresh_from_db()
    message.refresh_from_db()
    assert (journey.state, message.state) == (Journey.State.PAUSED, Campaign.State.PAUSED)
    (alert,) = front_page_alerts()
    assert alert.url_args == (journey.pk,)


# -- cost and gain -----------------------------------------------------------------------------


def test_net_gain_is_the_margin_of_what_came_because_of_it_less_all_cost(sent):
    campaign = sent(100, treated=40, held_out=10, cost_per_message=0.5, fixed_cost=10, margin_share=0.5)
    report = report_of(campaign)
    assert report.incremental_revenue.value == pytest.approx(0.3 * 10 * 100)
    gain = report.gain
    assert (gain.n_sent, gain.cost) == (100, pytest.approx(60.0))
    assert gain.net.value == pytest.approx(0.5 * 300 - 60)
    assert gain.returned.value == pytest.approx(90 / 60)
    low, high = report.incremental_revenue.low, report.incremental_revenue.high
    assert low < 300 < high
    assert high - 300 == pytest.approx(300 - low)
    assert (gain.net.low, gain.net.high) == (pytest.approx(low / 2 - 60), pytest.approx(high / 2 - 60))


def test_the_interval_of_the_revenue_is_as_wide_as_chance_at_least(sent):
    """Wider than a test at one look alone would have it: it may be looked at any time."""
    report = report_of(sent(200, treated=30, held_out=30))
    share, n = 0.3, 200
    error = 10 * (2 * share * (1 - share) / n) ** 0.5 * n
    assert report.incremental_revenue.high > 1.96 * error


def test_without_a_holdout_the_cost_is_told_and_no_gain(sent):
    campaign = sent(30, cost_per_message=1)
    Delivery.objects.filter(state=State.HELD_OUT).delete()
    gain = report_of(campaign).gain
    assert (gain.cost, gain.net, gain.returned) == (30.0, None, None)


def test_a_journeys_cost_is_that_of_its_messages(make_customer):
    journey = Journey.objects.create(
        name="Hello", event="view", cost_per_message=2, fixed_cost=1, started_at=timezone.now()
    )
    message = Campaign.objects.create(name="m", journey=journey, step="m")
    for number in range(3):
        run = JourneyRun.objects.create(journey=journey, customer=make_customer())
        state = State.SENT if number else State.SKIPPED
        Delivery.objects.create(campaign=message, customer=run.customer, run=run, state=state)
    assert report_of_journey(journey).gain.cost == 5.0


def test_rest_tells_the_report_to_a_key_of_its_storefront(client, sent):
    campaign = sent(50, treated=40, held_out=10, cost_per_message=0.5)
    mark(campaign, "bounced_at", 2)
    _key, plaintext = create_api_key(name="k", kind="secret", scopes=["marketing:read"])
    _other, of_other = create_api_key(name="o", kind="secret", scopes=["marketing:read"], storefront="other")
    address = reverse("ecomai:marketing-campaign-report", args=[campaign.pk])
    told = client.get(address, headers={"Authorization": f"Bearer {plaintext}"}).json()
    assert (told["n_sent"], told["cost"], told["n_bounced"], told["currency"]) == (50, 25.0, 2, "EUR")
    assert told["net_gain"]["low"] < told["net_gain"]["value"] < told["net_gain"]["high"]
    assert told["treated"]["n_buyers"] == 40
    assert client.get(address, headers={"Authorization": f"Bearer {of_other}"}).status_code == 404
    listed = client.get(
        reverse("ecomai:marketing-campaigns"), headers={"Authorization": f"Bearer {plaintext}"}
    ).json()
    assert [row["name"] for row in listed["results"]] == ["Spring"]


def test_the_page_shows_cost_gain_and_answers(admin_client, sent):
    campaign = sent(50, treated=40, held_out=10, cost_per_message=0.5)
    mark(campaign, "bounced_at", 2)
    text = admin_client.get(
        reverse("admin:ecomai_marketing_campaign_change", args=[campaign.pk])
    ).content.decode()
    for words in ("Net gain", "€25.00", "2 (4.00 %)", "Return on the cost"):
        assert words in text, words
