"""Several workers at once share a campaign: none lost, none twice, and one limit for all of them."""

from collections import Counter
from threading import Thread

import pytest
from django.db import connection, connections
from django.utils import timezone

from ecomai.commerce.models import Customer, Event
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import Job
from marketing.models import Campaign, CustomerProfile, Delivery, Segment, SegmentMember
from marketing.services import sending
from marketing.services.campaigns import create_campaign, start_campaign

from .mailing_shop import KnowingServer, Server, open_shop

pytestmark = pytest.mark.django_db(transaction=True)
TEXT = {"name": "A", "subject": "Hello {{ name }}", "body": "New."}
N = 230


@pytest.fixture(autouse=True)
def _mailing_shop(settings, monkeypatch):
    if not connection.features.has_select_for_update_skip_locked:
        pytest.skip("This database has no SKIP LOCKED.")
    open_shop(settings, SENDING_WORKERS=4)
    monkeypatch.setattr(sending, "SENT_AT_ONCE", 10)


@pytest.fixture
def job() -> Job:
    segment = Segment.objects.create(name="All", slug="all", kind="static")
    customers = Customer.objects.bulk_create(Customer(external_id=f"c{number}") for number in range(N))
    CustomerProfile.objects.bulk_create(
        CustomerProfile(customer=each, has_consent=True) for each in customers
    )
    SegmentMember.objects.bulk_create(SegmentMember(segment=segment, customer=each) for each in customers)
    campaign = create_campaign(name="Spring", segment=segment, variants=[TEXT], holdout_share=0.0)
    return start_campaign(campaign)


def work(*jobs: Job) -> None:
    """Each in a thread of its own, with a connection of its own."""

    def run(pk: int) -> None:
        try:
            execute_job(pk)
        except SystemExit:
            pass  # as a worker that is killed
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=(job.pk,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def helpers_of(job: Job) -> list[Job]:
    """Have the rows assigned and the helpers called, as the first worker does, without sending."""
    campaign = Campaign.objects.get()
    sending.assign(campaign)
    sending._call_helpers(campaign, sending.RunningJob(job, None))
    return list(Job.objects.filter(arguments__helps=job.pk))


def times() -> Counter:
    return Counter(message.to[0] for message in Server.taken)


def test_four_workers_send_each_mail_once(job):
    helpers = helpers_of(job)
    assert len(helpers) == 3
    work(job, *helpers)
    assert times() == Counter({f"c{number}@customers.example": 1 for number in range(N)})
    assert Campaign.objects.get().state == Campaign.State.FINISHED
    assert Delivery.objects.filter(state="sent").count() == N
    assert Event.objects.filter(type="message_sent").count() == N
    claimants = set(Delivery.objects.values_list("claimed_by", flat=True))
    assert len(claimants) > 1, "they did share it"
    assert not Job.objects.filter(state=Job.State.QUEUED, kind="marketing.campaign").exists()


def test_a_second_attempt_calls_no_second_set_of_helpers(job):
    assert len(helpers_of(job)) == 3
    assert len(helpers_of(job)) == 3


def test_the_limit_of_a_minute_is_shared(job, settings, monkeypatch):
    from marketing.services import limits

    settings.ECOMAI = settings.ECOMAI | {"MARKETING": settings.ECOMAI["MARKETING"] | {"MAILS_PER_MINUTE": 60}}
    minute = [1_800_000_000.0]

    def sleeps(seconds):
        """Who would have to wait for the next minute ends here."""
        raise SystemExit

    monkeypatch.setattr(limits.time, "time", lambda: minute[0])
    monkeypatch.setattr(limits.time, "sleep", sleeps)
    jobs = [job, *helpers_of(job)]
    work(*jobs)
    assert len(Server.taken) == 60
    minute[0] += 60
    Job.objects.filter(pk__in=[each.pk for each in jobs]).update(
        state=Job.State.QUEUED, run_after=timezone.now(), attempts=0, lease_token=None, lease_until=None
    )
    work(*jobs)
    assert len(Server.taken) == 120
    assert set(times().values()) == {1}


def test_workers_that_end_at_once_queue_one_job_for_those_who_sleep(job):
    helpers = helpers_of(job)
    later = timezone.now() + sending.timedelta(hours=3)
    Delivery.objects.filter(pk__in=list(Delivery.objects.values_list("pk", flat=True)[:30])).update(
        not_before=later
    )
    work(job, *helpers)
    assert len(Server.taken) == N - 30
    (queued,) = Job.objects.filter(kind="marketing.campaign", state=Job.State.QUEUED)
    assert queued.run_after == later


def test_a_campaign_whose_job_was_lost_is_taken_up(job):
    Job.objects.filter(pk=job.pk).update(
        state=Job.State.FAILED, finished_at=timezone.now() - sending.timedelta(hours=1)
    )
    sending.assign(Campaign.objects.get())
    assert [sending.send_waiting(now=timezone.now()) for _time in range(2)] == [1, 0]


def test_a_worker_that_dies_among_others_loses_none_and_doubles_none(job, settings, monkeypatch):
    settings.EMAIL_BACKEND = "tests.marketing.mailing_shop.KnowingServer"
    helpers = helpers_of(job)
    dead = helpers.pop()
    held = sending.claim_some(Campaign.objects.get(), by=dead.pk, n=10)
    channel = sending.open_channel(Campaign.objects.get())
    ready = sending.Addressing(Campaign.objects.get(), channel).look_through(held)
    channel.hand_over(ready[:4])  # then it is killed, and nothing is marked
    work(job, *helpers)
    assert len(Server.taken) == N - 10 + 4
    work(dead)
    assert times() == Counter({f"c{number}@customers.example": 1 for number in range(N)})
    assert Delivery.objects.filter(state="sent").count() == N
    assert Campaign.objects.get().state == Campaign.State.FINISHED


def test_two_campaigns_at_once_give_no_customer_more_than_a_week_allows(job, settings):
    """The second of them waits a moment where the first holds the customer, and then leaves them out."""
    settings.ECOMAI = settings.ECOMAI | {"MARKETING": settings.ECOMAI["MARKETING"] | {"MESSAGES_PER_WEEK": 1}}
    first = Campaign.objects.get()
    other = create_campaign(name="Summer", segment=first.segment, variants=[TEXT], holdout_share=0.0)
    jobs = [job, start_campaign(other)]
    work(*jobs)
    Delivery.objects.filter(state="waiting").update(not_before=None)
    for campaign in (first, other):
        Campaign.objects.filter(pk=campaign.pk, state="sending").update(state="paused")
        campaign.refresh_from_db()
        if campaign.state == "paused":
            work(start_campaign(campaign))
    assert times() == Counter({f"c{number}@customers.example": 1 for number in range(N)})
    assert Delivery.objects.filter(state="skipped").count() == N


def test_who_is_held_by_another_campaign_waits_a_moment(job, settings):
    settings.ECOMAI = settings.ECOMAI | {"MARKETING": settings.ECOMAI["MARKETING"] | {"MESSAGES_PER_WEEK": 1}}
    first = Campaign.objects.get()
    sending.assign(first)
    held = sending.claim_some(first, by=job.pk, n=10)
    other = create_campaign(name="Summer", segment=first.segment, variants=[TEXT], holdout_share=0.0)
    second = start_campaign(other)
    work(second)
    waiting = Delivery.objects.filter(campaign=other, state="waiting")
    assert set(waiting.values_list("customer_id", flat=True)) == {row.customer_id for row in held}
    assert all(row.not_before > timezone.now() for row in waiting)
    assert len(Server.taken) == N - 10


def test_a_worker_that_was_taken_for_dead_sends_no_more_and_overwrites_nothing(job, settings, monkeypatch):
    """It slept while another one settled its claims, and wakes up in the middle of its batch."""
    settings.EMAIL_BACKEND = "tests.marketing.mailing_shop.KnowingServer"
    settings.ECOMAI = settings.ECOMAI | {
        "REGISTRY": settings.ECOMAI.get("REGISTRY", {}) | {"REPORT_INTERVAL_SECONDS": 0.0}
    }
    sending.assign(Campaign.objects.get())
    send, woken = KnowingServer.send_messages, []

    def sleeps_at_the_fifth(self, messages):
        n = send(self, messages)
        if len(Server.taken) == 5 and not woken:
            woken.append(True)
            # Its lease ends, and the next attempt does all there is.
            Job.objects.filter(pk=job.pk).update(
                state=Job.State.QUEUED, lease_token=None, lease_until=None, run_after=timezone.now()
            )
            work(job)
        return n

    monkeypatch.setattr(KnowingServer, "send_messages", sleeps_at_the_fifth)
    work(job)
    assert times() == Counter({f"c{number}@customers.example": 1 for number in range(N)})
    assert Delivery.objects.filter(state="sent").count() == N
