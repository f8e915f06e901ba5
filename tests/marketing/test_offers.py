"""Offers of campaigns: each customer's own voucher, once, and how many were used."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.utils import timezone
from django.utils.formats import date_format

from ecomai.commerce.services.events import ingest_events
from ecomai.registry.jobs import JobCancelled, execute_job
from ecomai.registry.models import Job
from marketing.exceptions import CampaignNotReadyError, JourneyNotReadyError
from marketing.models import Campaign, CustomerProfile, Delivery, Segment, SegmentMember
from marketing.services import offers
from marketing.services.campaigns import create_campaign, start_campaign
from marketing.services.journeys import start_journey
from marketing.services.sending import send_waiting
from marketing.services.travelling import enter

from .journey_shop import STEPS, TEXT, later, make_customers, make_journey
from .mailing_shop import Server, VoucherShop, open_shop

pytestmark = pytest.mark.django_db
State = Delivery.State
TOLD = "Your code: {{ voucher }}, until {{ voucher_until }}."
OFFER = {"name": "A", "subject": "{{ discount }} for you", "body": TOLD, "offer_percent": Decimal(15)}


@pytest.fixture(autouse=True)
def _voucher_shop(settings):
    open_shop(settings, adapter=VoucherShop)
    cache.clear()


@pytest.fixture
def segment(make_customer):
    segment = Segment.objects.create(name="All", slug="all", kind="static")
    for external_id in ("ann", "ben", "guest"):
        customer = make_customer(external_id, language="en")
        CustomerProfile.objects.create(customer=customer, has_consent=True)
        SegmentMember.objects.create(segment=segment, customer=customer)
    return segment


def draft(segment: Segment, **fields) -> Campaign:
    usual = {"name": "Spring", "variants": [OFFER], "holdout_share": 0.0}
    return create_campaign(segment=segment, **usual | fields)


def send(campaign: Campaign) -> dict[str, Delivery]:
    job = start_campaign(campaign)
    execute_job(job.pk)
    rows = Delivery.objects.filter(campaign=campaign).select_related("customer")
    return {row.customer.external_id: row for row in rows}


def test_each_customer_gets_a_voucher_of_their_own(segment):
    rows = send(draft(segment, variants=[OFFER | {"offer_days": 10}]))
    assert {name: row.state for name, row in rows.items()} == {
        "ann": State.SENT, "ben": State.SENT, "guest": State.SKIPPED,
    }  # fmt: skip
    assert "guests get no voucher" in rows["guest"].reason
    percents = [(customer_id, percent) for customer_id, percent, _until in VoucherShop.issued]
    assert percents == [("ann", Decimal(15)), ("ben", Decimal(15))]
    until = VoucherShop.issued[0][2]
    assert timedelta(days=9, hours=23) < until - timezone.now() < timedelta(days=10)
    mails = {mail.to[0]: mail for mail in Server.taken}
    mail = mails["ann@customers.example"]
    assert mail.subject == "15 % for you"
    assert f"Your code: V-1-ann, until {date_format(timezone.localtime(until))}." in mail.body
    assert "V-2-ben" in mails["ben@customers.example"].body


def test_a_worker_that_dies_after_the_shop_issued_a_voucher_gets_the_same_again(segment):
    """The shop has issued it, and nothing of it was kept here."""
    campaign = draft(segment)
    row = Delivery.objects.create(
        campaign=campaign, customer=segment.members.get(customer__external_id="ann").customer,
        variant=campaign.variants.get(), state=State.WAITING,
    )  # fmt: skip
    ready = offers.Ready(Delivery.objects.get(pk=row.pk), None, {})
    offers._keep_ends([ready])
    offers._issue(ready, campaign)
    code = ready.row.voucher_code
    rows = send(campaign)
    assert rows["ann"].voucher_code == code != ""
    assert [customer_id for customer_id, _percent, _until in VoucherShop.issued].count("ann") == 1


def test_vouchers_issued_before_a_pause_are_kept(segment):
    campaign = draft(segment)
    members = segment.members.select_related("customer").order_by("customer")
    chosen = {"campaign": campaign, "variant": campaign.variants.get(), "state": State.CLAIMED}
    rows = [Delivery.objects.create(customer=member.customer, **chosen) for member in members]
    calls = []

    def paused_after_one():
        calls.append(None)
        if len(calls) > 1:
            raise JobCancelled

    ready = [offers.Ready(row, None, {}) for row in rows]
    with pytest.raises(JobCancelled):
        offers.issue_vouchers(ready, campaign, check=paused_after_one)
    assert list(Delivery.objects.order_by("pk").values_list("voucher_code", flat=True)) == ["V-1-ann", "", ""]


def test_a_mail_that_is_tried_again_has_the_same_voucher(segment):
    Server.refuses, Server.code = {"ann@customers.example"}, 450
    campaign = draft(segment)
    job = start_campaign(campaign)
    execute_job(job.pk)
    Server.refuses = set()
    Delivery.objects.filter(state=State.WAITING).update(not_before=None)
    execute_job(job.pk)
    send_waiting(now=timezone.now())
    for queued in Job.objects.filter(state=Job.State.QUEUED):
        Job.objects.filter(pk=queued.pk).update(run_after=timezone.now())
        execute_job(queued.pk)
    assert Delivery.objects.get(customer__external_id="ann").state == State.SENT
    assert [customer_id for customer_id, _percent, _until in VoucherShop.issued] == ["ann", "ben"]
    (mail,) = [mail for mail in Server.taken if mail.to == ["ann@customers.example"]]
    assert "V-1-ann" in mail.body


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"variants": [OFFER | {"body": "Come in.", "subject": "Hello"}]}, "does not name the voucher"),
        ({"variants": [OFFER | {"offer_percent": None}]}, "there is no offer"),
    ],
)
def test_an_offer_that_nobody_reads_of_is_no_start(segment, fields, reason):
    with pytest.raises(CampaignNotReadyError, match=reason):
        start_campaign(draft(segment, **fields))


def test_a_shop_that_issues_no_vouchers_is_no_start(segment, settings):
    commerce = settings.ECOMAI["COMMERCE"] | {"ADAPTER": "tests.marketing.mailing_shop.MailingShop"}
    settings.ECOMAI = settings.ECOMAI | {"COMMERCE": commerce}
    with pytest.raises(CampaignNotReadyError, match="cannot issue vouchers"):
        start_campaign(draft(segment))


def test_a_campaign_to_nobody_is_no_start(segment):
    CustomerProfile.objects.update(has_consent=False)
    with pytest.raises(CampaignNotReadyError, match="no customer who may be addressed"):
        start_campaign(draft(segment))


def test_used_vouchers_are_counted(segment):
    campaign = draft(segment)
    rows = send(campaign)
    used = {"type": "voucher", "customer_id": "ann", "occurred_at": timezone.now() + timedelta(minutes=1)}
    ingest_events([
        used | {"key": "1", "properties": {"code": rows["ann"].voucher_code}},
        used | {"key": "2", "customer_id": "ben", "properties": {"code": "ANOTHER"}},
    ])  # fmt: skip
    assert offers.count_vouchers(campaign) == (2, 1)


def test_a_message_of_a_journey_brings_a_voucher_too(make_customer):
    customers = make_customers(make_customer, 2)
    gift = TEXT | {"body": "Your code: {{ voucher }}", "offer_percent": 10, "offer_days": 3}
    steps = [*STEPS[:3], STEPS[3] | {"variants": [gift]}]
    journey = make_journey(event="cart", steps=steps)
    start_journey(journey)
    enter(journey, [customer.pk for customer in customers])
    later()
    later(days=2)
    send_waiting(now=timezone.now())
    for job in Job.objects.filter(kind="marketing.campaign", state=Job.State.QUEUED):
        execute_job(job.pk)
    assert sorted((name, percent) for name, percent, _until in VoucherShop.issued) == [
        ("c0", Decimal(10)), ("c1", Decimal(10)),
    ]  # fmt: skip
    assert {mail.body.splitlines()[0] for mail in Server.taken} == {"Your code: V-1-c0", "Your code: V-2-c1"}


def test_a_journey_whose_text_names_no_voucher_is_no_start():
    journey = make_journey(
        event="cart", steps=[*STEPS[:3], STEPS[3] | {"variants": [TEXT | {"offer_percent": 10}]}]
    )
    with pytest.raises(JourneyNotReadyError, match="does not name the voucher"):
        start_journey(journey)
