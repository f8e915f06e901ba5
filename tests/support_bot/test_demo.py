"""The demo shop: fifty conversations of some weeks, people who answer, and one customer who waits."""

from datetime import timedelta

import pytest
from django.db.models import Count
from django.utils import timezone, translation

from ecomai.commerce.models import Customer, Order
from support_bot.demo import seed_demo
from support_bot.models import AgentProfile, CannedAnswer, ContactVolume, Conversation, Message, OfficeHours
from support_bot.services.judging import count_hours

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(db):
    for number in range(6):
        customer = Customer.objects.create(external_id=f"c-{number}")
        Order.objects.create(
            external_id=f"o-{number}", customer=customer, currency="EUR", total=20,
            placed_at=timezone.now() - timedelta(days=number),
        )  # fmt: skip


def test_the_demo_is_told_once():
    seed_demo()
    rows = (Conversation, Message, AgentProfile, CannedAnswer, ContactVolume, OfficeHours)
    counts = [model.objects.count() for model in rows]
    seed_demo()
    assert [model.objects.count() for model in rows] == counts
    assert all(counts)


def test_what_was_counted_before_the_demo_was_told_does_not_keep_it_from_being_told():
    count_hours()  # beat may come first
    seed_demo()
    assert ContactVolume.objects.filter(n_conversations__gt=0).count() > 500


def test_fifty_are_past_and_one_waits():
    seed_demo()
    past = Conversation.objects.filter(state="closed")
    assert past.count() == 50
    assert not past.filter(closed_at__gt=timezone.now()).exists()
    assert past.values("intent").distinct().count() >= 10
    assert past.exclude(rating=None).exists()
    assert past.exclude(handoff_reason="").exclude(person_answered_at=None).exists()
    waiting = Conversation.objects.get(state="waiting")
    assert waiting.customer.external_id == "c-0"
    assert "o-0" in waiting.messages.first().text


def test_messages_are_numbered_as_the_chat_numbers_them():
    seed_demo()
    for row in Conversation.objects.annotate(n=Count("messages")):
        assert row.n == row.last_sequence
    assert not Message.objects.filter(reply_state="waiting").exists()


def test_it_is_told_in_the_language_of_the_shop():
    with translation.override("zh-hans"):
        seed_demo()
    assert set(Conversation.objects.values_list("language", flat=True)) == {"zh-hans"}
    assert "订单" in Conversation.objects.get(state="waiting").messages.first().text


def test_a_shop_without_orders_has_a_demo_too():
    Order.objects.all().delete()
    seed_demo()
    assert Conversation.objects.count() == 51
