"""Channels besides the mail: each message once, by the rules of all, to whoever allows that channel."""

import json
from datetime import timedelta
from threading import Thread

import pytest
from django.urls import reverse
from django.utils import timezone

from ecomai import capabilities, scenarios
from ecomai.capabilities import MessageReceipt, Unavailable
from ecomai.console import webhooks
from ecomai.fusion.services import record_consent
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import Job
from marketing.channels.base import MOST_ATTEMPTS
from marketing.exceptions import CampaignNotReadyError
from marketing.models import (
    Campaign,
    CustomerProfile,
    Delivery,
    OnsiteMessage,
    Segment,
    SegmentMember,
    Topic,
    WebhookEndpoint,
)
from marketing.services import sending
from marketing.services.campaigns import create_campaign, start_campaign, stop_campaign
from marketing.services.claims import claim_some, settle_claims
from tests.ecomai.console.test_alert_rules import Receiver

from .mailing_shop import Server, open_shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("without_support_bot")]
State = Delivery.State
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36"}
TEXT = {"name": "A", "subject": "Hello {{ name }}", "body": "<b>New</b> for you.", "target_url": "/sale/"}


@pytest.fixture(autouse=True)
def _shop(settings):
    open_shop(settings)
    settings.ECOMAI = settings.ECOMAI | {"CONSOLE": {"WEBHOOK_MAY_BE_PRIVATE": True}}


@pytest.fixture
def members(make_customer):
    def make(n: int = 5) -> Segment:
        segment = Segment.objects.create(name="All", slug="all", kind="static")
        for number in range(n):
            customer = make_customer(f"c{number}")
            CustomerProfile.objects.create(customer=customer, has_consent=True)
            SegmentMember.objects.create(segment=segment, customer=customer)
        return segment

    return make


@pytest.fixture
def receiver():
    server = Receiver()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def endpoint(receiver) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(name="Telephones", url=receiver.url, secret="a secret")


class Chat:
    """A chat that takes what it is given, and knows a message by its key."""

    said: dict[str, dict] = {}
    why: Unavailable | None = None

    @property
    def unavailable(self) -> Unavailable | None:
        return None

    def send(self, **message) -> MessageReceipt:
        if Chat.why:
            return MessageReceipt(unavailable=Chat.why)
        Chat.said.setdefault(message["context"]["key"], message)
        return MessageReceipt(is_sent=True)


@pytest.fixture
def chat():
    from marketing.scenario import scenario

    Chat.said, Chat.why = {}, None
    toy = scenarios.Scenario(
        name="toychat", verbose_name="Chat", capabilities={"MessageSender": f"{__name__}.Chat"}
    )
    scenarios.register(toy)
    yield Chat
    scenarios.unregister("toychat")
    assert scenarios.get_scenario("marketing") == scenario


def run(job: Job) -> Job:
    execute_job(job.pk)
    job.refresh_from_db()
    return job


def start(segment: Segment, **fields) -> Campaign:
    usual = {"name": "Spring", "segment": segment, "variants": [TEXT], "holdout_share": 0.0}
    campaign = create_campaign(**usual | fields)
    run(start_campaign(campaign))
    campaign.refresh_from_db()
    return campaign


def counts(campaign: Campaign) -> dict[str, int]:
    return dict(sending._states(campaign))


# -- webhook ------------------------------------------------------------------------------------


def test_a_webhook_takes_signed_messages_with_the_delivery_as_their_key(members, receiver, endpoint):
    campaign = start(members(3), channel="webhook", endpoint=endpoint)
    assert (campaign.state, counts(campaign)) == (Campaign.State.FINISHED, {"sent": 3})
    keys = {f"delivery-{row.pk}" for row in Delivery.objects.all()}
    assert {headers["X-Ecomai-Delivery"] for headers, _body in receiver.got} == keys
    headers, body = receiver.got[0]
    assert webhooks.is_signed(body, headers["X-Ecomai-Signature"], secret="a secret")
    assert not webhooks.is_signed(body, headers["X-Ecomai-Signature"], secret="another")
    told = json.loads(body)
    assert (told["subject"], told["customer_id"], told["url"]) == ("Hello C0", "c0", "/sale/")
    assert not Server.taken, "no mail"


def test_a_webhook_that_is_away_is_asked_again_and_given_up_at_last(members, receiver, endpoint):
    receiver.statuses = [503, 204]
    campaign = start(members(2), channel="webhook", endpoint=endpoint)
    row = Delivery.objects.get(state=State.WAITING)
    assert (counts(campaign), row.n_attempts) == ({"sent": 1, "waiting": 1}, 1)
    assert row.not_before > timezone.now()
    Delivery.objects.filter(pk=row.pk).update(n_attempts=MOST_ATTEMPTS - 1, not_before=None)
    receiver.statuses = [503]
    job = Job.objects.filter(kind="marketing.campaign", state=Job.State.QUEUED).get()
    Job.objects.filter(pk=job.pk).update(run_after=timezone.now())
    run(job)
    assert counts(campaign) == {"sent": 1, "failed": 1}


def test_a_webhook_that_refuses_is_not_asked_again(members, receiver, endpoint):
    receiver.statuses = [410]
    campaign = start(members(2), channel="webhook", endpoint=endpoint)
    assert counts(campaign) == {"sent": 1, "failed": 1}
    assert "410" in Delivery.objects.get(state=State.FAILED).reason


def test_a_webhook_leads_to_no_private_address(members, receiver, endpoint, settings):
    settings.ECOMAI = settings.ECOMAI | {"CONSOLE": {"WEBHOOK_MAY_BE_PRIVATE": False}}
    campaign = start(members(2), channel="webhook", endpoint=endpoint)
    assert counts(campaign) == {"failed": 2}
    assert not receiver.got


def test_what_a_dead_worker_held_is_told_to_the_webhook_again_under_the_same_key(members, receiver, endpoint):
    campaign = create_campaign(
        name="Spring", segment=members(3), variants=[TEXT], holdout_share=0.0, channel="webhook",
        endpoint=endpoint,
    )  # fmt: skip
    job = start_campaign(campaign)
    sending.assign(campaign)
    held = claim_some(campaign, by=job.pk, n=3)
    sending.open_channel(campaign).hand_over(
        [sending.Addressing(campaign, _channel(campaign)).look_through(held)[0]]
    )
    run(job)
    assert counts(campaign) == {"sent": 3}
    keys = [headers["X-Ecomai-Delivery"] for headers, _body in receiver.got]
    assert (len(keys), len(set(keys))) == (4, 3), "the receiver knows the one that came twice"


def _channel(campaign: Campaign):
    return sending.open_channel(campaign)


def test_a_slow_worker_that_holds_a_lease_keeps_its_claims(members, endpoint):
    campaign = create_campaign(
        name="Spring", segment=members(3), variants=[TEXT], holdout_share=0.0, channel="webhook",
        endpoint=endpoint,
    )  # fmt: skip
    job = start_campaign(campaign)
    sending.assign(campaign)
    claim_some(campaign, by=job.pk, n=3)
    long_ago = timezone.now() - timedelta(hours=1)
    Delivery.objects.update(claimed_at=long_ago)
    Job.objects.filter(pk=job.pk).update(
        state=Job.State.RUNNING, lease_until=timezone.now() + timedelta(minutes=1)
    )
    channel = _channel(campaign)
    assert settle_claims(campaign, channel, job_pk=job.pk + 1) == {}
    Job.objects.filter(pk=job.pk).update(lease_until=long_ago)
    assert settle_claims(campaign, channel, job_pk=job.pk + 1) == {"sent": 0, "waiting": 3}


# -- chat ---------------------------------------------------------------------------------------


def test_without_a_chat_a_campaign_does_not_start_and_says_why(members):
    campaign = create_campaign(name="Spring", segment=members(2), variants=[TEXT], channel="chat")
    with pytest.raises(CampaignNotReadyError, match="no chat is installed"):
        start_campaign(campaign)


def test_the_chat_says_each_message_once(members, chat):
    campaign = start(members(3), channel="chat")
    assert counts(campaign) == {"sent": 3}
    assert sorted(message["subject"] for message in chat.said.values()) == [
        "Hello C0",
        "Hello C1",
        "Hello C2",
    ]
    assert {message["purpose"] for message in chat.said.values()} == {"marketing"}


def test_a_chat_that_is_switched_off_meanwhile_is_asked_again_later(members, chat):
    chat.why = Unavailable("switched_off")
    campaign = start(members(2), channel="chat")
    assert counts(campaign) == {"waiting": 2}
    assert {row.n_attempts for row in Delivery.objects.all()} == {1}


def test_the_null_sender_says_it_is_not_there():
    receipt = capabilities.get(capabilities.MessageSender).send(customer_id="c1")
    assert receipt.unavailable.reason == "not_installed"


# -- consent, topics, caps ---------------------------------------------------------------------


def test_who_refuses_a_channel_or_a_topic_gets_none_by_it(members, receiver, endpoint):
    segment = members(3)
    topic = Topic.objects.create(slug="news", name="News")
    one, two, _three = (member.customer for member in segment.members.order_by("pk"))
    record_consent(customer=one, purpose="marketing", channel="webhook", is_granted=False, source="t")
    record_consent(customer=two, purpose="marketing.news", is_granted=False, source="t")
    campaign = start(segment, channel="webhook", endpoint=endpoint, topic=topic)
    assert counts(campaign) == {"sent": 1, "skipped": 2}
    reasons = set(Delivery.objects.filter(state=State.SKIPPED).values_list("reason", flat=True))
    assert reasons == {"refused marketing", "refused this topic"}
    mails = start(segment, name="Summer")
    assert counts(mails) == {"sent": 3}, "the mail, and no topic, are refused by nobody"


def test_the_holdout_gets_nothing_by_any_channel(members, receiver, endpoint):
    campaign = start(members(60), channel="webhook", endpoint=endpoint, holdout_share=0.5)
    found = counts(campaign)
    assert len(receiver.got) == found["sent"]
    assert found["held_out"] + found["sent"] == 60


def test_what_waits_on_the_site_counts_for_no_week_and_waits_for_no_morning(members, settings):
    hour = timezone.now().hour
    settings.ECOMAI = settings.ECOMAI | {
        "MARKETING": settings.ECOMAI["MARKETING"]
        | {"MESSAGES_PER_WEEK": 1, "QUIET_HOURS": (hour, (hour + 2) % 24)}
    }
    segment = members(2)
    campaign = start(segment, channel="onsite", slot="home")
    assert counts(campaign) == {"sent": 2}
    settings.ECOMAI = settings.ECOMAI | {"MARKETING": settings.ECOMAI["MARKETING"] | {"QUIET_HOURS": (0, 0)}}
    assert counts(start(segment, name="Mails")) == {"sent": 2}


def test_messages_of_a_channel_have_a_limit_of_their_own(members, receiver, endpoint, settings, monkeypatch):
    from marketing.services import limits

    settings.ECOMAI = settings.ECOMAI | {
        "MARKETING": settings.ECOMAI["MARKETING"] | {"MESSAGES_PER_MINUTE": 4}
    }
    clock, slept = [1_800_000_000.0], []
    monkeypatch.setattr(limits.time, "time", lambda: clock[0])

    def sleeps(seconds):
        slept.append(len(receiver.got))
        clock[0] += 60

    monkeypatch.setattr(limits.time, "sleep", sleeps)
    campaign = start(members(10), channel="webhook", endpoint=endpoint)
    assert counts(campaign) == {"sent": 10}
    assert slept[:2] == [4, 8]


def test_a_text_that_names_what_is_not_known_any_more_is_refused_at_the_start_and_on_the_way(members):
    campaign = create_campaign(name="Spring", segment=members(2), variants=[TEXT], holdout_share=0.0)
    campaign.variants.update(body="{{ password }}")
    with pytest.raises(CampaignNotReadyError, match="password"):
        start_campaign(campaign)
    campaign.variants.update(body="Hello")
    job = start_campaign(campaign)
    campaign.variants.update(body="{{ password }}")
    run(job)
    assert counts(campaign) == {"failed": 2}
    assert not Server.taken


# -- on the site --------------------------------------------------------------------------------


@pytest.fixture
def shopper(client, django_user_model, make_customer, settings):
    """A customer who is logged in."""
    user = django_user_model.objects.create_user("c0")
    settings.ECOMAI = settings.ECOMAI | {
        "COMMERCE": settings.ECOMAI["COMMERCE"] | {"CUSTOMER_ID": lambda user: user.username}
    }
    client.force_login(user)
    return client


def ask(client, slot="home", **query):
    return client.get(reverse("ecomai:marketing-onsite", args=[slot]), query, headers=BROWSER)


def act(client, token, name):
    body = {"token": token, "act": name}
    return client.post(
        reverse("ecomai:marketing-onsite-act"), body, content_type="application/json", headers=BROWSER
    )


def test_customers_see_their_own_and_nobody_else_sees_any(shopper, members):
    start(members(2), channel="onsite", slot="home")
    (message,) = ask(shopper).json()["messages"]
    assert (message["title"], message["text"], message["url"]) == (
        "Hello C0",
        "<b>New</b> for you.",
        "/sale/",
    )
    assert ask(shopper, "other").json()["messages"] == []
    theirs = OnsiteMessage.objects.exclude(customer__external_id="c0").get()
    from marketing.services.onsite import token_of

    assert act(shopper, token_of(theirs), "dismissed").status_code == 404
    assert act(shopper, "forged", "seen").status_code == 404
    shopper.logout()
    assert ask(shopper).status_code == 401
    assert act(shopper, message["token"], "seen").status_code in (401, 403)
    assert OnsiteMessage.objects.filter(dismissed_at__isnull=False).count() == 0


def test_seen_clicked_and_dismissed_are_told_once_and_the_cap_holds(shopper, members):
    from ecomai.commerce.models import Event

    start(members(1), channel="onsite", slot="home", most_views=2)
    (message,) = ask(shopper).json()["messages"]
    assert act(shopper, message["token"], "clicked").json() == {"url": "/sale/"}
    for _time in range(2):
        assert len(ask(shopper).json()["messages"]) == 1
        act(shopper, message["token"], "seen")
    assert ask(shopper).json()["messages"] == [], "seen as often as it may be"
    types = sorted(Event.objects.filter(channel="onsite").values_list("type", flat=True))
    assert types == ["message_click", "message_open", "message_sent"]


def test_what_was_dismissed_expired_stopped_or_refused_is_not_shown(shopper, members):
    segment = members(1)
    campaign = start(segment, channel="onsite", slot="home")
    assert campaign.state == Campaign.State.SENDING, "it is there until its time is over"
    assert len(ask(shopper).json()["messages"]) == 1
    OnsiteMessage.objects.update(expires_at=timezone.now())
    assert ask(shopper).json()["messages"] == []
    OnsiteMessage.objects.update(expires_at=timezone.now() + timedelta(days=1))
    customer = segment.members.get().customer
    record_consent(customer=customer, purpose="marketing", channel="onsite", is_granted=False, source="t")
    assert ask(shopper).json()["messages"] == []
    record_consent(customer=customer, purpose="marketing", channel="onsite", is_granted=True, source="t")
    (message,) = ask(shopper).json()["messages"]
    act(shopper, message["token"], "dismissed")
    assert ask(shopper).json()["messages"] == []
    OnsiteMessage.objects.update(dismissed_at=None)
    stop_campaign(campaign)
    assert ask(shopper).json()["messages"] == []


def test_a_campaign_on_the_site_ends_with_its_time(members):
    from marketing.services.campaigns import close_campaigns

    campaign = start(members(1), channel="onsite", slot="home", effect_days=3)
    assert close_campaigns() == 0
    assert close_campaigns(now=timezone.now() + timedelta(days=3)) == 1
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.FINISHED


def test_the_tag_shows_escaped_content_to_its_customer_alone(rf, django_user_model, members, settings):
    from django.contrib.auth.models import AnonymousUser
    from django.template import engines

    settings.ECOMAI = settings.ECOMAI | {
        "COMMERCE": settings.ECOMAI["COMMERCE"] | {"CUSTOMER_ID": lambda user: user.username}
    }
    start(members(2), channel="onsite", slot="home")
    page = engines["django"].from_string('{% load ecomai_onsite %}<main>{% ecomai_onsite "home" %}</main>')
    request = rf.get("/", headers=BROWSER)
    request.user = AnonymousUser()
    assert page.render(request=request) == "<main></main>"
    request.user = django_user_model.objects.create_user("c0")
    text = page.render(request=request)
    assert "Hello C0" in text
    assert "&lt;b&gt;New" in text
    assert "<b>New" not in text
    assert "Hello C1" not in text
    assert 'href="/sale/"' in text


def test_a_message_is_written_once_however_often_it_is_handed_over(members):
    campaign = start(members(2), channel="onsite", slot="home")
    Delivery.objects.update(state=State.WAITING)
    run(start_campaign_again(campaign))
    assert OnsiteMessage.objects.count() == 2


def start_campaign_again(campaign: Campaign) -> Job:
    Campaign.objects.filter(pk=campaign.pk).update(state=Campaign.State.PAUSED)
    return start_campaign(campaign)


# -- on a journey -------------------------------------------------------------------------------


def test_messages_of_a_journey_go_by_their_own_channels(members, receiver, endpoint):
    from marketing.services.journeys import create_journey, start_journey
    from marketing.services.travelling import advance_journeys, enter

    Topic.objects.create(slug="news", name="News")
    text = [{"subject": "Hello {{ name }}", "body": "Hi.", "target_url": "/sale/"}]
    steps = [
        {"key": "a", "type": "message", "name": "Call", "channel": "webhook", "endpoint": "Telephones",
            "topic": "news", "variants": text, "next": "b"},
        {"key": "b", "type": "message", "name": "Slot", "channel": "onsite", "slot": "home", "variants": text,
            "next": "end"},
    ]  # fmt: skip
    segment = members(3)
    journey = create_journey(name="Hello", segment=segment, steps=steps, holdout_share=0.0)
    start_journey(journey)
    enter(journey, [member.customer_id for member in segment.members.all()])
    advance_journeys()
    for job in Job.objects.filter(kind="marketing.campaign", state=Job.State.QUEUED):
        run(job)
    assert len(receiver.got) == OnsiteMessage.objects.count() == 3
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}
    campaigns = {campaign.step: campaign for campaign in Campaign.objects.all()}
    assert (campaigns["a"].topic.slug, campaigns["b"].slot) == ("news", "home")


@pytest.mark.parametrize(
    ("way", "sentence"),
    [
        ({"channel": "chat"}, "no chat is installed"),
        ({"channel": "webhook", "endpoint": "Nobody"}, "no webhook is chosen"),
        ({"topic": "nothing"}, "topic is not in use"),
    ],
)
def test_a_journey_whose_message_could_not_be_sent_does_not_start(members, way, sentence):
    from marketing.exceptions import JourneyNotReadyError
    from marketing.services.journeys import create_journey, start_journey

    step = {"key": "a", "type": "message", "name": "A", "next": "end"} | way
    steps = [step | {"variants": [{"subject": "Hello", "body": "Hi."}]}]
    journey = create_journey(name="Hello", segment=members(1), steps=steps)
    with pytest.raises(JourneyNotReadyError, match=sentence):
        start_journey(journey)


@pytest.mark.parametrize(
    ("way", "path"),
    [
        ({"channel": "pigeon"}, "[0].channel"),
        ({"channel": "webhook"}, "[0].endpoint"),
        ({"channel": "onsite"}, "[0].slot"),
        ({"channel": "onsite", "slot": "a b"}, "[0].slot"),
        ({"channel": ["email"]}, "[0].channel"),
    ],
)
def test_a_message_without_what_its_channel_needs_is_not_saved(way, path):
    from marketing.exceptions import InvalidJourneyError
    from marketing.journeys.graph import parse_steps

    step = {"key": "a", "type": "message", "name": "A", "next": "end"} | way
    with pytest.raises(InvalidJourneyError) as refused:
        parse_steps([step | {"variants": [{"subject": "Hello", "body": "Hi."}]}])
    assert refused.value.details["path"] == path
