"""A campaign starts at its time, once, whoever looks; and there is a way back."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone

from ecomai.registry.models import Job
from marketing.exceptions import CampaignNotReadyError, CampaignStateError
from marketing.models import Campaign, CustomerProfile, Segment, SegmentMember
from marketing.services.campaigns import (
    create_campaign,
    schedule_campaign,
    start_campaign,
    start_due_campaigns,
    unschedule_campaign,
)
from marketing.services.stopping import front_page_alerts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("without_support_bot")]
TEXT = {"name": "A", "subject": "Hello", "body": "New."}
State = Campaign.State


@pytest.fixture(autouse=True)
def _mailing_shop(settings):
    commerce = settings.ECOMAI.get("COMMERCE", {}) | {"ADAPTER": "tests.marketing.mailing_shop.MailingShop"}
    settings.ECOMAI = settings.ECOMAI | {
        "COMMERCE": commerce,
        "MARKETING": {"BASE_URL": "https://shop.example"},
    }


@pytest.fixture
def campaign(make_customer) -> Campaign:
    segment = Segment.objects.create(name="All", slug="all", kind="static")
    customer = make_customer()
    CustomerProfile.objects.create(customer=customer, has_consent=True)
    SegmentMember.objects.create(segment=segment, customer=customer)
    return create_campaign(name="Spring", segment=segment, variants=[TEXT])


def test_it_starts_once_at_its_time(campaign):
    at = timezone.now() + timedelta(hours=1)
    schedule_campaign(campaign, send_at=at)
    assert campaign.state == State.SCHEDULED
    assert start_due_campaigns(now=at - timedelta(minutes=1)) == 0
    assert [start_due_campaigns(now=at) for _time in range(2)] == [1, 0]
    campaign.refresh_from_db()
    assert campaign.state == State.SENDING
    assert Job.objects.filter(kind="marketing.campaign").count() == 1


def test_there_is_a_way_back(campaign):
    at = timezone.now() + timedelta(hours=1)
    schedule_campaign(campaign, send_at=at)
    unschedule_campaign(campaign)
    assert start_due_campaigns(now=at) == 0
    campaign.refresh_from_db()
    assert campaign.state == State.DRAFT
    with pytest.raises(CampaignStateError):
        unschedule_campaign(campaign)
    schedule_campaign(campaign)
    start_campaign(campaign)
    assert start_due_campaigns(now=at) == 0, "a person was faster"


def test_who_is_in_the_segment_counts_at_its_time(campaign):
    SegmentMember.objects.all().delete()
    at = timezone.now() + timedelta(hours=1)
    schedule_campaign(campaign, send_at=at)
    assert start_due_campaigns(now=at) == 0
    campaign.refresh_from_db()
    assert campaign.state == State.DRAFT
    assert "no customer who may be addressed" in campaign.halted_reason


def test_a_time_that_is_over_is_no_schedule(campaign):
    for at in (None, timezone.now() - timedelta(minutes=1)):
        with pytest.raises(CampaignNotReadyError, match="is not to come"):
            schedule_campaign(campaign, send_at=at)


def test_what_cannot_start_by_then_is_a_draft_again_and_says_why(campaign):
    at = timezone.now() + timedelta(hours=1)
    schedule_campaign(campaign, send_at=at)
    Segment.objects.update(is_archived=True)
    assert start_due_campaigns(now=at) == 0
    campaign.refresh_from_db()
    assert (campaign.state, "archived" in campaign.halted_reason) == (State.DRAFT, True)
    (alert,) = front_page_alerts()
    assert "Spring" in alert.title
    assert not Job.objects.exists()


def test_the_form_reads_the_shops_clock_and_the_page_schedules(client, campaign, settings):
    settings.TIME_ZONE = "Asia/Shanghai"
    user = User.objects.create_user("marketer", is_staff=True)
    names = ("view_campaign", "add_campaign", "change_campaign", "send_campaign")
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    page = reverse("admin:ecomai_marketing_campaign_change", args=[campaign.pk])
    year = timezone.now().year + 1
    variant = campaign.variants.get()
    form = {
        "name": "Spring", "segment": campaign.segment_id, "storefront": "", "holdout_share": "0.1",
        "effect_days": "14", "cost_per_message": "0", "margin_share": "0.3", "explored_share": "0.05",
        "fixed_cost": "0", "channel": "email", "most_views": "5",
        "send_at": f"{year}-03-01T09:00",
        "variants-TOTAL_FORMS": "1", "variants-INITIAL_FORMS": "1",
        "variants-MIN_NUM_FORMS": "1", "variants-0-id": variant.pk, "variants-0-campaign": campaign.pk,
        "variants-0-name": "A", "variants-0-subject": "Hello", "variants-0-body": "New.",
        "variants-0-weight": "1", "variants-0-offer_days": "14",
    }  # fmt: skip
    answer = client.post(page, form)
    assert answer.status_code == 302, answer.context["errors"]
    campaign.refresh_from_db()
    assert f'value="{year}-03-01T09:00"' in client.get(f"{page}?edit=1").content.decode()
    assert campaign.send_at == datetime(year, 3, 1, 9, tzinfo=ZoneInfo("Asia/Shanghai"))
    act = reverse("admin:ecomai_marketing_campaign_action", args=[campaign.pk, "schedule"])
    assert act in client.get(page).content.decode()
    client.post(act)
    campaign.refresh_from_db()
    assert campaign.state == State.SCHEDULED
    back = reverse("admin:ecomai_marketing_campaign_action", args=[campaign.pk, "unschedule"])
    assert back in client.get(page).content.decode()
    client.post(back)
    campaign.refresh_from_db()
    assert campaign.state == State.DRAFT


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"channel": "chat"}, "no chat is installed"),
        ({"channel": "webhook"}, "no webhook is chosen"),
        ({"channel": "onsite"}, "names no place"),
        ({"send_at": "2020-01-01T09:00"}, "This time is over"),
        ({"variants-0-target_url": "https://evil.example/"}, "may not lead to"),
    ],
)
def test_the_form_refuses_what_could_not_be_sent(admin_client, campaign, changes, sentence):
    form = {
        "name": "Other", "segment": campaign.segment_id, "storefront": "", "holdout_share": "0.1",
        "effect_days": "14", "cost_per_message": "0", "margin_share": "0.3", "explored_share": "0.05",
        "fixed_cost": "0", "channel": "email", "most_views": "5",
        "variants-TOTAL_FORMS": "1", "variants-INITIAL_FORMS": "0", "variants-MIN_NUM_FORMS": "1",
        "variants-0-name": "A", "variants-0-subject": "Hello", "variants-0-body": "New.",
        "variants-0-weight": "1", "variants-0-offer_days": "14",
    }  # fmt: skip
    answer = admin_client.post(reverse("admin:ecomai_marketing_campaign_add"), form | changes)
    assert sentence in answer.content.decode()
    assert Campaign.objects.count() == 1
