"""Chats that ended are heard beside reviews: what customers said, masked, each once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ecomai import capabilities, scenarios
from ecomai.commerce.models import Customer
from marketing.models import CustomerProfile, Feedback, FeedbackAspect
from marketing.services import work_requests
from support_bot.models import ContactVolume, Conversation, Message
from support_bot.services import passing_on
from support_bot.tasks import count

pytestmark = pytest.mark.django_db
NOW = timezone.now()
HOUR = timedelta(hours=1)


def ended(*said: tuple[str, str], hours_ago: float = 1, **fields) -> Conversation:
    at = NOW - hours_ago * HOUR
    fields = {"state": "closed", "closed_at": at, "language": "en", "visitor_digest": "v"} | fields
    row = Conversation.objects.create(started_at=at, last_message_at=at, last_sequence=len(said), **fields)
    for number, (sender, text) in enumerate(said, 1):
        Message.objects.create(
            conversation=row, sequence=number, sender=sender, text=text, created_at=at
        )  # fmt: skip
    return row


def heard() -> list[str]:
    return list(Feedback.objects.order_by("pk").values_list("text", flat=True))


def test_what_customers_said_is_heard_once_and_nothing_else_is():
    mia = Customer.objects.create(external_id="mia")
    row = ended(
        ("customer", "The delivery took three weeks."), ("bot", "I am sorry to hear of the delivery."),
        ("customer", "Write to mia@example.com, order #1234567."), customer=mia, rating_text="Too slow.",
    )  # fmt: skip
    ended(("customer", "Still here."), state="bot", closed_at=None)
    ended(("customer", "Long ago."), hours_ago=200)
    ended(("customer", "👍"))
    for _twice in range(2):
        passing_on.pass_on_ended(now=NOW)
    text = Feedback.objects.get()
    assert (text.source, text.external_id, text.customer) == ("chat", str(row.public_id), mia)
    assert text.written_at == row.last_message_at
    assert text.text.startswith("The delivery took three weeks.")
    assert "Too slow." in text.text
    assert "sorry" not in text.text
    assert "mia@example.com" not in text.text
    assert "1234567" not in text.text
    assert FeedbackAspect.objects.filter(aspect__slug="delivery", feedback=text).exists()
    work_requests()
    assert CustomerProfile.objects.get(customer=mia).n_texts == 1


def test_it_goes_on_from_where_contacts_were_counted():
    ended(("customer", "It came late."), hours_ago=30)
    ContactVolume.objects.create(storefront="", hour=NOW - 31 * HOUR)
    count()
    assert heard() == ["It came late."]


def test_many_chats_are_told_in_batches(monkeypatch):
    monkeypatch.setattr(passing_on, "AT_ONCE", 3)
    for number in range(7):
        ended(("customer", f"Parcel {number} is late."), storefront="" if number % 2 else "de")
    assert passing_on.pass_on_ended(now=NOW) == 7
    assert len(heard()) == 7
    assert set(Feedback.objects.values_list("storefront", flat=True)) == {"", "de"}


def test_where_nobody_listens_nothing_is_read(monkeypatch):
    monkeypatch.setattr(scenarios, "installed", list)
    ended(("customer", "The delivery took three weeks."))
    assert passing_on.pass_on_ended(now=NOW) == 0
    assert capabilities.get(capabilities.VoiceListener).hear([]).unavailable.reason == "not_installed"
    assert not Feedback.objects.exists()
