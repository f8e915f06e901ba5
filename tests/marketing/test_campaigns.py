"""Campaigns: everybody once, the holdout never, whatever happens on the way; and what it truly brought."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from ecomai.commerce.models import Customer, Event
from ecomai.exceptions import PermissionDeniedError
from ecomai.fusion.services import record_consent
from ecomai.registry.jobs import RunningJob, execute_job
from ecomai.registry.models import Job
from marketing.exceptions import CampaignNotReadyError, CampaignStateError, TemplateError
from marketing.mails import compile_text, fill
from marketing.models import Campaign, CustomerProfile, Delivery, Segment, SegmentMember
from marketing.services import sending
from marketing.services.campaigns import (
    create_campaign,
    pause_campaign,
    send_unsure_again,
    start_campaign,
    stop_campaign,
)
from marketing.services.effects import report_of
from marketing.services.unsubscribing import unsubscribe_url

from .mailing_shop import KnowingServer, MailingShop, Server, open_shop

pytestmark = pytest.mark.django_db
State = Delivery.State
TEXT = {
    "name": "A",
    "subject": "Hello {{ name }}",
    "body": "New in {{ favourite_category|default:'the shop' }}.",
}


@pytest.fixture(autouse=True)
def _mailing_shop(settings):
    open_shop(settings)


@pytest.fixture
def members(make_customer):
    """A segment of so many customers who may be addressed."""

    def make(n: int = 40, prefix: str = "c") -> Segment:
        segment = Segment.objects.create(name="All", slug="all", kind="static")
        for number in range(n):
            customer = make_customer(f"{prefix}{number}")
            CustomerProfile.objects.create(customer=customer, has_consent=True)
            SegmentMember.objects.create(segment=segment, customer=customer)
        return segment

    return make


def change(settings, **values) -> None:
    settings.ECOMAI = settings.ECOMAI | {"MARKETING": settings.ECOMAI["MARKETING"] | values}


def run(job: Job) -> Job:
    execute_job(job.pk)
    job.refresh_from_db()
    return job


def again(job: Job) -> Job:
    """The next attempt of a job that was put back."""
    Job.objects.filter(pk=job.pk).update(run_after=timezone.now(), wake_at=timezone.now())
    return run(job)


def counts(campaign: Campaign) -> dict[str, int]:
    return dict(sending._states(campaign))


def addressees() -> list[str]:
    return [message.to[0] for message in Server.taken]


def test_everybody_gets_one_mail_but_the_holdout(members):
    campaign = create_campaign(name="Spring", segment=members(200), variants=[TEXT], holdout_share=0.2)
    job = run(start_campaign(campaign))
    assert job.state == Job.State.SUCCEEDED
    found = counts(campaign)
    assert found["held_out"] + found["sent"] == 200
    assert 20 <= found["held_out"] <= 60
    assert len(addressees()) == len(set(addressees())) == found["sent"]
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.FINISHED
    assert Event.objects.filter(type="message_sent").count() == found["sent"]
    mail = Server.taken[0]
    assert mail.subject.startswith("Hello C")
    assert "New in the shop." in mail.body
    assert mail.extra_headers["List-Unsubscribe"].startswith("<https://shop.example/")


def test_variants_are_given_by_weight(members):
    variants = [{**TEXT, "weight": 3}, {**TEXT, "name": "B", "subject": "Other", "weight": 1}]
    campaign = create_campaign(name="Spring", segment=members(200), variants=variants, holdout_share=0.0)
    run(start_campaign(campaign))
    n_other = sum(message.subject == "Other" for message in Server.taken)
    assert 30 <= n_other <= 70


def test_a_killed_worker_loses_none_and_sends_none_twice(members, settings, monkeypatch):
    settings.EMAIL_BACKEND = "tests.marketing.mailing_shop.KnowingServer"
    monkeypatch.setattr(sending, "SENT_AT_ONCE", 10)
    send = KnowingServer.send_messages

    def dies(self, messages):
        if len(Server.taken) == 25:
            raise SystemExit  # the worker is gone, and nobody marks anything
        return send(self, messages)

    campaign = create_campaign(name="Spring", segment=members(60), variants=[TEXT], holdout_share=0.0)
    job = start_campaign(campaign)
    monkeypatch.setattr(KnowingServer, "send_messages", dies)
    for write in ("mark", "tell"):
        monkeypatch.setattr(sending, write, lambda *args: None)
    with pytest.raises(SystemExit):
        execute_job(job.pk)
    monkeypatch.undo()
    settings.EMAIL_BACKEND = "tests.marketing.mailing_shop.KnowingServer"
    assert counts(campaign)["claimed"] == 50, "a batch was never marked, and half of it was sent"
    assert again(job).state == Job.State.SUCCEEDED
    assert sorted(addressees()) == sorted(f"c{number}@customers.example" for number in range(60))
    assert counts(campaign) == {"sent": 60}
    assert Event.objects.filter(type="message_sent").count() == 60, "also of what the dead worker had sent"


def test_where_the_server_cannot_say_nobody_gets_it_twice_unless_a_person_says_so(members, monkeypatch):
    campaign = create_campaign(name="Spring", segment=members(20), variants=[TEXT], holdout_share=0.0)
    job = start_campaign(campaign)
    Server.breaks_at = {"c7@customers.example"}
    run(job)
    assert counts(campaign) == {"sent": 7, "unsure": 1, "waiting": 12}
    assert Event.objects.filter(type="message_sent").count() == 7
    assert again(job).state == Job.State.SUCCEEDED
    assert counts(campaign) == {"sent": 19, "unsure": 1}
    Campaign.objects.filter(pk=campaign.pk).update(state=Campaign.State.PAUSED)
    assert send_unsure_again(campaign) == 1
    run(start_campaign(campaign))
    assert sorted(addressees()) == sorted(f"c{number}@customers.example" for number in range(20))


def test_a_server_that_is_away_or_refuses(members):
    Server.is_away, Server.refuses = True, {"c3@customers.example"}
    campaign = create_campaign(name="Spring", segment=members(10), variants=[TEXT], holdout_share=0.0)
    job = run(start_campaign(campaign))
    assert (job.state, counts(campaign)) == (Job.State.QUEUED, {"waiting": 10})
    Server.is_away = False
    again(job)
    assert counts(campaign) == {"sent": 9, "failed": 1}
    assert "550" in Delivery.objects.get(state=State.FAILED).reason


def test_what_a_server_refuses_for_now_is_tried_again(members):
    Server.refuses, Server.code = {"c1@customers.example"}, 451
    campaign = create_campaign(name="Spring", segment=members(3), variants=[TEXT], holdout_share=0.0)
    run(start_campaign(campaign))
    assert counts(campaign) == {"sent": 2, "waiting": 1}
    later = Job.objects.filter(kind="marketing.campaign").latest("pk")
    assert later.run_after > timezone.now() + timedelta(minutes=10)
    Server.refuses = set()
    Delivery.objects.update(not_before=None)
    again(later)
    assert counts(campaign) == {"sent": 3}


def test_an_adapter_that_fails_leaves_nobody_claimed(members, monkeypatch):
    campaign = create_campaign(name="Spring", segment=members(3), variants=[TEXT], holdout_share=0.0)
    job = start_campaign(campaign)

    def fails(self, **asked):
        raise ConnectionError

    monkeypatch.setattr(MailingShop, "contacts", fails)
    assert run(job).state == Job.State.QUEUED
    assert counts(campaign) == {"waiting": 3}
    monkeypatch.undo()
    again(job)
    assert counts(campaign) == {"sent": 3}


def test_who_refuses_after_the_start_gets_nothing(members, django_capture_on_commit_callbacks):
    campaign = create_campaign(name="Spring", segment=members(5), variants=[TEXT], holdout_share=0.0)
    job = start_campaign(campaign)
    sending.assign(campaign)
    customer = Delivery.objects.first().customer
    with django_capture_on_commit_callbacks(execute=True):
        record_consent(customer=customer, purpose="marketing", is_granted=False, source="test")
    run(job)
    assert counts(campaign) == {"sent": 4, "skipped": 1}
    assert f"{customer.external_id}@customers.example" not in addressees()


def test_a_mail_speaks_its_customers_language(members):
    segment = members(1)
    Customer.objects.update(language="zh-hans")
    run(start_campaign(create_campaign(name="Spring", segment=segment, variants=[TEXT], holdout_share=0.0)))
    assert "退订" in Server.taken[0].alternatives[0][0]


def test_two_campaigns_that_want_one_customer_share_the_weeks_mails(members, settings):
    settings.ECOMAI = {
        **settings.ECOMAI,
        "MARKETING": {**settings.ECOMAI["MARKETING"], "MESSAGES_PER_WEEK": 1},
    }
    segment = members(6)
    first, second = (
        create_campaign(name=name, segment=segment, variants=[TEXT], holdout_share=0.0)
        for name in ("Spring", "Summer")
    )
    run(start_campaign(first))
    run(start_campaign(second))
    assert (counts(first), counts(second)) == ({"sent": 6}, {"skipped": 6})


def test_who_cannot_be_reached_is_left_out_with_the_reason(members):
    campaign = create_campaign(
        name="Spring", segment=members(3, prefix="x"), variants=[TEXT], holdout_share=0.0
    )
    run(start_campaign(campaign))
    assert counts(campaign) == {"skipped": 3}
    assert "e-mail" in Delivery.objects.first().reason


def test_customers_sleep_by_their_own_clock(members, settings):
    now = timezone.now()
    quiet = (now.hour, (now.hour + 2) % 24)
    change(settings, QUIET_HOURS=quiet)
    MailingShop.time_zone = "UTC"
    campaign = create_campaign(name="Spring", segment=members(4), variants=[TEXT], holdout_share=0.0)
    run(start_campaign(campaign))
    assert counts(campaign) == {"waiting": 4}
    later = Job.objects.filter(kind="marketing.campaign").latest("pk")
    assert now < later.run_after <= now + timedelta(hours=2)
    assert Delivery.objects.first().not_before == later.run_after
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.SENDING
    MailingShop.time_zone = "Asia/Tokyo"
    Delivery.objects.update(not_before=None)
    run(later) if later.run_after <= now else again(later)
    assert counts(campaign) == {"sent": 4}


def test_paused_sends_nothing_and_goes_on_and_stopped_never_does(members):
    campaign = create_campaign(name="Spring", segment=members(5), variants=[TEXT], holdout_share=0.0)
    job = start_campaign(campaign)
    pause_campaign(campaign)
    run(job)
    assert not Server.taken
    run(start_campaign(campaign))
    assert len(Server.taken) == 5
    other = create_campaign(name="Summer", segment=campaign.segment, variants=[TEXT])
    start_campaign(other)
    stop_campaign(other)
    with pytest.raises(CampaignStateError, match="stopped"):
        start_campaign(other)


def test_what_is_missing_is_said_before_anything_goes_out(members, settings):
    campaign = create_campaign(name="Spring", segment=members(2), variants=[])
    with pytest.raises(CampaignNotReadyError, match="no text"):
        start_campaign(campaign)
    campaign.variants.create(name="A", subject="x", body="y")
    change(settings, BASE_URL="")
    with pytest.raises(CampaignNotReadyError, match="BASE_URL"):
        start_campaign(campaign)
    assert Campaign.objects.get().state == Campaign.State.DRAFT


def test_nobody_starts_a_campaign_without_permission(members):
    campaign = create_campaign(name="Spring", segment=members(2), variants=[TEXT])
    user = User.objects.create_user("somebody", is_staff=True)
    for act in (start_campaign, pause_campaign, stop_campaign, send_unsure_again):
        with pytest.raises(PermissionDeniedError):
            act(campaign, user=user)


@pytest.mark.parametrize(
    "text",
    [
        "{{ password }}", "{{ name.secret }}", "{% load i18n %}", "{% include 'x' %}",
        "{% for a in name %}{% endfor %}",
        "{{ name|ljust:9 }}", "{{ name", "{{ name|default }}",
    ],
)  # fmt: skip
def test_a_text_names_only_what_is_known(text, members):
    if text == "{{ name":
        assert fill(text, {}) == text  # plain text to Django, and harmless
        return
    with pytest.raises(TemplateError):
        compile_text(text)


def test_what_is_filled_in_does_not_pass_for_escaped():
    assert not hasattr(fill("<b>{{ name }}</b>", {"name": "<i>"}), "__html__")


def test_a_customers_name_is_no_markup_and_no_header(members):
    campaign = create_campaign(name="Spring", segment=members(1), variants=[TEXT], holdout_share=0.0)
    job = start_campaign(campaign)

    class Evil(MailingShop):
        def contacts(self, *, customer_ids, storefront):
            from ecomai.commerce.adapters import Contact

            return {
                customer_ids[0]: Contact(email="c0@customers.example", name="<b>x</b>\nBcc: all@x.example")
            }

    class Untroubled(RunningJob):
        def check_cancelled(self) -> None:
            """It runs in no worker that could lose it."""

    sender = sending.Sender(campaign, Untroubled(job, None))
    sending.assign(campaign)
    sender.addressing.adapter = Evil()
    sender.send_some()
    (mail,) = Server.taken
    assert "\n" not in mail.subject
    assert mail.recipients() == ["c0@customers.example"]
    assert "<b>" not in mail.alternatives[0][0]


def test_the_lift_is_told_with_its_interval_and_not_without_a_control(members, make_order):
    campaign = create_campaign(name="Spring", segment=members(300), variants=[TEXT], holdout_share=0.5)
    assert "Nobody was in it" in report_of(campaign).refusal
    run(start_campaign(campaign))
    rows = Delivery.objects.filter(campaign=campaign).select_related("customer").order_by("pk")
    for place, row in enumerate(rows):
        buys = place % 2 == 0 if row.state == State.SENT else place % 10 == 0
        if buys:
            make_order(row.customer, timezone.now(), total=10)
    report = report_of(campaign)
    assert report.buyers.low > 0.5, "five times as many bought"
    assert report.buyers.low < report.buyers.lift < report.buyers.high
    assert report.incremental_revenue.value == pytest.approx(0.4 * 10 * report.treated.n, rel=0.3)
    everybody = create_campaign(name="Summer", segment=campaign.segment, variants=[TEXT], holdout_share=0.0)
    run(start_campaign(everybody))
    refused = report_of(everybody)
    assert refused.buyers is None
    assert refused.revenue is None
    assert "no lift is reported" in refused.refusal


def test_the_link_below_a_mail_unsubscribes_with_one_click(
    client, members, django_capture_on_commit_callbacks
):
    members(1)
    profile = CustomerProfile.objects.get()
    address = unsubscribe_url(customer_pk=profile.pk, delivery_pk=1).removeprefix("https://shop.example")
    page = client.get(address)
    assert page.status_code == 200
    assert CustomerProfile.objects.get().has_consent, "a scanner that follows links changes nothing"
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(address, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert not CustomerProfile.objects.get().has_consent
    forged = address[:-4] + "abc/"
    assert client.post(forged).status_code == 404


def test_no_more_mails_go_out_within_a_minute_than_allowed(members, settings, monkeypatch):
    from marketing.services import limits

    change(settings, MAILS_PER_MINUTE=7)
    clock = [1_800_000_000.0]
    sent_by_minute: dict[int, int] = {}

    def sleeps(seconds):
        clock[0] += seconds

    monkeypatch.setattr(limits.time, "time", lambda: clock[0])
    monkeypatch.setattr(limits.time, "sleep", sleeps)
    take = Server.send_messages

    def counts_by_minute(self, messages):
        minute = int(clock[0] // 60)
        sent_by_minute[minute] = sent_by_minute.get(minute, 0) + len(messages)
        return take(self, messages)

    monkeypatch.setattr(Server, "send_messages", counts_by_minute)
    run(start_campaign(create_campaign(name="Spring", segment=members(20), variants=[TEXT], holdout_share=0)))
    assert sorted(sent_by_minute.values()) == [6, 7, 7]
    assert len(set(addressees())) == 20


def test_a_campaign_of_which_servers_refuse_too_many_pauses_by_itself(members, monkeypatch):
    monkeypatch.setattr(sending, "SENT_AT_ONCE", 60)
    Server.refuses = {f"c{number}@customers.example" for number in range(20)}
    campaign = create_campaign(name="Spring", segment=members(200), variants=[TEXT], holdout_share=0.0)
    job = run(start_campaign(campaign))
    assert (job.state, job.error_code) == (Job.State.FAILED, "too_many_refused")
    assert "of 60 mails 20 were refused" in job.error_message
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.PAUSED
    assert counts(campaign) == {"failed": 20, "sent": 40, "waiting": 140}


def test_a_mail_is_read_again_as_it_was_written(members):
    """Its parts are told apart, whatever stands in them."""
    from email import message_from_bytes

    from django.core.mail import EmailMultiAlternatives

    text = TEXT | {"subject": "你好 {{ name }}", "body": "--=_0\n\n.\nFrom here\n你好 {{ name }}"}
    run(start_campaign(create_campaign(name="Spring", segment=members(2), variants=[text], holdout_share=0)))
    read = [message_from_bytes(mail.message().as_bytes()) for mail in Server.taken]
    assert len({one.get_boundary() for one in read}) == 2
    for mail, one in zip(Server.taken, read, strict=True):
        usual = message_from_bytes(EmailMultiAlternatives.message(mail).as_bytes())
        names = [name for name in usual.keys() if name != "Content-Type"]  # noqa: SIM118
        assert [one[name] for name in names if name != "Date"] == [
            usual[name] for name in names if name != "Date"
        ]
    plain, html = read[0].get_payload()
    assert "你好 C0" in plain.get_payload(decode=True).decode()
    assert "--=_0" in plain.get_payload(decode=True).decode()
    assert html.get_content_type() == "text/html"
    assert "你好 C0" in html.get_payload(decode=True).decode()
