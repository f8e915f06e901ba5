"""Bounces and complaints: told once each, found by the mail, and what follows for the address."""

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from ecomai.commerce.models import RejectedRow
from ecomai.commerce.services import create_api_key
from ecomai.exceptions import PermissionDeniedError
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import AuditEntry, Job
from marketing.models import (
    Campaign,
    CustomerProfile,
    Delivery,
    MailProblem,
    Segment,
    SegmentMember,
    Suppression,
)
from marketing.services import privacy, sending
from marketing.services.bounces import take_problems
from marketing.services.campaigns import create_campaign, start_campaign
from marketing.services.suppressing import digest_of, lift_suppression

from .mailing_shop import Server, open_shop

pytestmark = pytest.mark.django_db
TEXT = {"name": "A", "subject": "Hello", "body": "New."}


@pytest.fixture(autouse=True)
def _mailing_shop(settings):
    open_shop(settings, MESSAGES_PER_WEEK=100, BOUNCE_ADDRESS="bounces@shop.example")


@pytest.fixture
def segment(make_customer) -> Segment:
    segment = Segment.objects.create(name="All", slug="all", kind="static")
    for number in range(4):
        customer = make_customer(f"c{number}")
        CustomerProfile.objects.create(customer=customer, has_consent=True)
        SegmentMember.objects.create(segment=segment, customer=customer)
    return segment


def send(segment: Segment, name: str = "Spring") -> Campaign:
    campaign = create_campaign(name=name, segment=segment, variants=[TEXT], holdout_share=0.0)
    execute_job(start_campaign(campaign).pk)
    campaign.refresh_from_db()
    return campaign


def counts(campaign: Campaign) -> dict[str, int]:
    return dict(sending._states(campaign))


def told(mail, kind: str = "hard_bounce", key: str = "p1", **fields) -> dict:
    return {"key": key, "kind": kind, "message_id": mail.extra_headers["Message-ID"]} | fields


def test_a_mail_names_its_delivery_in_its_envelope_and_the_shop_in_its_header(segment):
    send(segment)
    mail = Server.taken[0]
    row = Delivery.objects.get(customer__external_id="c0")
    assert mail.from_email.startswith(f"bounces+{row.pk}-")
    assert mail.from_email.endswith("@shop.example")
    assert "bounces" not in mail.message()["From"]


@pytest.mark.parametrize("by", ["message_id", "recipient", "address"])
def test_a_hard_bounce_suppresses_the_address_for_all_campaigns(segment, by):
    send(segment)
    mail = Server.taken[0]
    ways = {
        "message_id": mail.extra_headers["Message-ID"], "recipient": mail.from_email,
        "address": "C0@customers.example",
    }  # fmt: skip
    (result,) = take_problems([{"key": "p1", "kind": "hard_bounce", by: ways[by]}])
    assert result.status == "accepted"
    assert Suppression.objects.get().address_digest == digest_of("c0@customers.example")
    later = send(segment, "Summer")
    assert counts(later) == {"sent": 3, "skipped": 1}
    assert "suppressed" in Delivery.objects.get(campaign=later, state="skipped").reason
    marked = Delivery.objects.filter(bounced_at__isnull=False).count()
    assert marked == (0 if by == "address" else 1)


def test_the_same_problem_twice_is_one(segment):
    send(segment)
    row = told(Server.taken[0])
    statuses = [result.status for result in take_problems([row, row])]
    statuses += [result.status for result in take_problems([row])]
    assert statuses == ["accepted", "duplicate", "duplicate"]
    assert MailProblem.objects.count() == Suppression.objects.count() == 1


def test_soft_bounces_suppress_after_some(segment):
    send(segment)
    mail = Server.taken[0]
    for number in range(2):
        take_problems([told(mail, "soft_bounce", f"s{number}")])
    assert not Suppression.objects.exists()
    take_problems([told(mail, "soft_bounce", "s2")])
    suppression = Suppression.objects.get()
    lift_suppression(suppression)
    take_problems([told(mail, "soft_bounce", "s3")])
    assert not Suppression.objects.filter(lifted_at=None).exists(), "it counts anew"


def test_a_complaint_withdraws_the_consent_too(segment, django_capture_on_commit_callbacks):
    send(segment)
    with django_capture_on_commit_callbacks(execute=True):
        take_problems([told(Server.taken[0], "complaint")])
    assert not CustomerProfile.objects.get(customer__external_id="c0").has_consent
    assert Delivery.objects.filter(complained_at__isnull=False).count() == 1
    lift_suppression(Suppression.objects.get())
    assert counts(send(segment, "Summer")) == {"sent": 3}


def test_a_server_that_says_there_is_no_such_address_is_a_hard_bounce(segment, monkeypatch):
    import smtplib

    def refuses(self, messages):
        raise smtplib.SMTPRecipientsRefused({messages[0].to[0]: (550, b"5.1.1 no such user")})

    monkeypatch.setattr(Server, "send_messages", refuses)
    send(segment)
    assert Suppression.objects.count() == 4


def test_what_is_no_mail_of_ours_or_no_problem_is_kept_aside(segment):
    send(segment)
    mail = Server.taken[0]
    forged = mail.from_email.replace("-", "-0")[: len(mail.from_email)]
    rows = [
        told(mail, "strange"), told(mail, key=" "), {"key": "a", "kind": "complaint"}, "x",
        {"key": "b", "kind": "hard_bounce", "message_id": f"<{'0' * 64}.1@shop.example>"},
        {"key": "c", "kind": "hard_bounce", "recipient": forged},
        {"key": "d", "kind": "hard_bounce", "colour": "red"},
    ]  # fmt: skip
    assert {result.status for result in take_problems(rows)} == {"rejected"}
    assert not Suppression.objects.exists()
    assert RejectedRow.objects.filter(kind="mail_problem").count() == len(rows)


def test_the_endpoint_takes_a_batch_by_its_own_key_alone(client, segment):
    send(segment)
    address = reverse("ecomai:marketing-bounces")
    body = {"bounces": [told(Server.taken[0]), {"key": "x", "kind": "hard_bounce"}]}
    for scopes, status in ((["feedback:write"], 403), (["bounces:write"], 200)):
        _key, plaintext = create_api_key(name=str(status), kind="secret", scopes=scopes)
        headers = {"Authorization": f"Bearer {plaintext}"}
        answer = client.post(address, body, content_type="application/json", headers=headers)
        assert answer.status_code == status, answer.content
    assert [row["status"] for row in answer.json()["results"]] == ["accepted", "rejected"]
    assert client.post(address, body, content_type="application/json").status_code == 401


def test_another_storefronts_key_marks_no_delivery(segment):
    send(segment)
    (result,) = take_problems([told(Server.taken[0])], storefront="other")
    assert result.status == "rejected"
    assert not Delivery.objects.filter(bounced_at__isnull=False).exists()


def test_a_suppression_is_lifted_by_who_may(client, segment):
    send(segment)
    take_problems([told(Server.taken[0])])
    suppression = Suppression.objects.get()
    user = User.objects.create_user("marketer", is_staff=True)
    with pytest.raises(PermissionDeniedError):
        lift_suppression(suppression, user=user)
    names = ("view_suppression", "lift_suppression")
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    listed = client.get(
        reverse("admin:ecomai_marketing_suppression_changelist"), {"q": "c0@customers.example"}
    )
    address = reverse("admin:ecomai_marketing_suppression_lift", args=[suppression.pk])
    assert address in listed.content.decode()
    nobody = client.get(
        reverse("admin:ecomai_marketing_suppression_changelist"), {"q": "c1@customers.example"}
    )
    assert address not in nobody.content.decode()
    client.get(address)
    suppression.refresh_from_db()
    assert suppression.lifted_at is None
    client.post(address)
    suppression.refresh_from_db()
    assert (suppression.lifted_by.username, suppression.lifted_at is not None) == ("marketer", True)
    assert AuditEntry.objects.filter(action="suppression_lifted").count() == 1
    assert counts(send(segment, "Summer")) == {"sent": 4}


def test_a_campaign_that_bounces_too_often_pauses_and_says_so(segment, settings, client):
    from marketing.services.stopping import front_page_alerts

    settings.ECOMAI = settings.ECOMAI | {
        "MARKETING": settings.ECOMAI["MARKETING"] | {"LEAST_JUDGED": 4, "MOST_BOUNCED": 0.25}
    }
    campaign = send(segment)
    Campaign.objects.filter(pk=campaign.pk).update(state=Campaign.State.SENDING)
    take_problems([told(Server.taken[0], key="a")])
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.SENDING, "a quarter is not more than a quarter"
    take_problems([told(Server.taken[1], key="b")])
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.PAUSED
    assert campaign.halted_reason == "Of 4 messages 2 bounced."
    (alert,) = front_page_alerts()
    assert "Spring" in alert.title
    execute_job(start_campaign(campaign).pk)
    assert front_page_alerts() == []
    assert Job.objects.filter(kind="marketing.campaign").count() == 2


def test_an_erased_customers_address_stays_suppressed_and_nobodys(segment):
    send(segment)
    take_problems([told(Server.taken[0])])
    from ecomai.fusion.subjects import Subject

    customer = Suppression.objects.get().customer
    subject = Subject(storefront="", external_id="c0", customer_pk=customer.pk, session_ids=())
    assert privacy.export(subject)["suppressions"][0]["kind"] == "hard_bounce"
    privacy.erase(subject)
    assert Suppression.objects.get().customer is None
    assert MailProblem.objects.get().delivery is None
