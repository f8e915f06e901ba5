"""The pages of campaigns: a draft by a form, start asked once more, a report of what it brought."""

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ecomai.registry.models import AuditEntry, Job
from marketing.models import Campaign, CustomerProfile, Delivery, Segment, SegmentMember
from marketing.services.campaigns import create_campaign

pytestmark = pytest.mark.django_db

TEXT = {"name": "A", "subject": "Hello {{ name }}", "body": "New in <b>{{ favourite_category }}</b>."}


@pytest.fixture(autouse=True)
def _mailing_shop(settings):
    commerce = settings.ECOMAI.get("COMMERCE", {}) | {"ADAPTER": "tests.marketing.mailing_shop.MailingShop"}
    settings.ECOMAI = settings.ECOMAI | {
        "COMMERCE": commerce,
        "MARKETING": {"BASE_URL": "https://shop.example"},
    }


@pytest.fixture
def marketer(client) -> User:
    user = User.objects.create_user("marketer", is_staff=True)
    names = ("view_campaign", "add_campaign", "change_campaign", "send_campaign")
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    return user


@pytest.fixture
def segment(make_customer) -> Segment:
    segment = Segment.objects.create(name="All", slug="all", kind="static")
    for _number in range(6):
        customer = make_customer()
        CustomerProfile.objects.create(customer=customer, has_consent=True)
        SegmentMember.objects.create(segment=segment, customer=customer)
    return segment


def form(segment: Segment, **changes) -> dict:
    return {
        "name": "Spring", "segment": segment.pk, "storefront": "", "holdout_share": "0.1",
        "effect_days": "14", "cost_per_message": "0", "margin_share": "0.3", "explored_share": "0.05",
        "fixed_cost": "0", "channel": "email", "most_views": "5", "stops_at_harm": "on",
        "variants-TOTAL_FORMS": "1", "variants-INITIAL_FORMS": "0", "variants-MIN_NUM_FORMS": "1",
        "variants-0-name": "A", "variants-0-subject": "Hello {{ name }}",
        "variants-0-body": "New things.", "variants-0-weight": "1", "variants-0-offer_days": "14",
    } | changes  # fmt: skip


def page_of(campaign: Campaign) -> str:
    return reverse("admin:ecomai_marketing_campaign_change", args=[campaign.pk])


def act(campaign: Campaign, action: str) -> str:
    return reverse("admin:ecomai_marketing_campaign_action", args=[campaign.pk, action])


def test_a_draft_is_made_by_a_form(client, marketer, segment):
    answer = client.post(reverse("admin:ecomai_marketing_campaign_add"), form(segment))
    assert answer.status_code == 302, answer.context["errors"]
    campaign = Campaign.objects.get()
    assert (campaign.state, campaign.created_by) == (Campaign.State.DRAFT, marketer)
    assert campaign.variants.get().subject == "Hello {{ name }}"
    assert AuditEntry.objects.filter(action="campaign_created").exists()


def test_a_text_that_names_what_is_not_known_is_refused_with_a_sentence(client, marketer, segment):
    sent = form(segment, **{"variants-0-body": "Your password is {{ password }}"})
    text = client.post(reverse("admin:ecomai_marketing_campaign_add"), sent).content.decode()
    assert "“password” is not known" in text
    assert not Campaign.objects.exists()


def test_start_is_asked_once_more_and_then_done(client, marketer, segment):
    campaign = create_campaign(name="Spring", segment=segment, variants=[TEXT], holdout_share=0.0)
    asked = client.get(act(campaign, "start")).content.decode()
    assert "The segment has 6 customers now." in asked
    assert "Without a holdout nothing will tell what it brought." in asked
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.DRAFT
    client.post(act(campaign, "start"))
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.SENDING
    assert Job.objects.filter(kind="marketing.campaign").count() == 1
    client.post(act(campaign, "pause"))
    client.post(act(campaign, "stop"))
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.STOPPED
    text = client.get(page_of(campaign)).content.decode()
    assert act(campaign, "start") not in text


def test_what_cannot_be_started_says_why(client, marketer, segment):
    campaign = create_campaign(name="Spring", segment=segment, variants=[])
    text = client.post(act(campaign, "start"), follow=True).content.decode()
    assert "it has no text." in text


def test_a_campaign_that_has_begun_is_a_report_and_no_form(client, marketer, segment, make_order):
    campaign = create_campaign(name="Spring", segment=segment, variants=[TEXT], holdout_share=0.5)
    Campaign.objects.filter(pk=campaign.pk).update(
        state=Campaign.State.FINISHED, started_at=timezone.now(), is_assigned=True
    )
    variant = campaign.variants.get()
    for place, member in enumerate(segment.members.order_by("pk")):
        is_held = place % 2 == 0
        Delivery.objects.create(
            campaign=campaign, customer_id=member.customer_id, variant=None if is_held else variant,
            state="held_out" if is_held else "sent",
        )  # fmt: skip
        if not is_held:
            make_order(member.customer, timezone.now(), total=10)
    text = client.get(page_of(campaign) + "?edit=1").content.decode()
    assert "What it brought" in text
    assert "Got it" in text
    assert "100.0 %" in text
    assert "&lt;b&gt;" in text, "a text is shown, and is no markup here"
    assert "variants-0-subject" not in text
    assert client.post(page_of(campaign), form(segment, name="Other")).status_code == 200
    assert Campaign.objects.get().name == "Spring"


def test_the_report_asks_as_often_for_many_customers_as_for_few(client, marketer, segment, make_customer):
    campaign = create_campaign(name="Spring", segment=segment, variants=[TEXT])
    Campaign.objects.filter(pk=campaign.pk).update(state="finished", started_at=timezone.now())
    counts = []
    for n_more in (3, 12):
        for _number in range(n_more):
            Delivery.objects.create(campaign=campaign, customer=make_customer(), state="skipped", reason="x")
        client.get(page_of(campaign))
        with CaptureQueriesContext(connection) as asked:
            client.get(page_of(campaign))
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_who_may_only_look_starts_nothing(client, segment):
    user = User.objects.create_user("analyst", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_campaign"))
    client.force_login(user)
    campaign = create_campaign(name="Spring", segment=segment, variants=[TEXT])
    assert act(campaign, "start") not in client.get(page_of(campaign)).content.decode()
    for action in ("start", "pause", "stop", "send-unsure"):
        assert client.post(act(campaign, action)).status_code == 403
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.DRAFT


def test_an_offer_is_told_with_an_example_and_what_is_missing(client, marketer, segment):
    offer = {"variants-0-body": "Code {{ voucher }}: {{ discount }}.", "variants-0-offer_percent": "12.5"}
    offered = form(segment, **offer)
    client.post(reverse("admin:ecomai_marketing_campaign_add"), offered)
    text = client.get(page_of(Campaign.objects.get())).content.decode()
    assert "It offers 12.50 % by a voucher of each customer's own, valid for 14 days." in text
    assert "Code ABC-123-XYZ: 12.50 %." in text
    assert "cannot issue vouchers" in text
