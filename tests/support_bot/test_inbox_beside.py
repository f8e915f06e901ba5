"""What stands beside a chat: orders, facts, notes, tags, canned answers, a summary; filters; transcripts."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from ecomai.commerce.models import Order
from ecomai.fusion.services import publish_facts
from ecomai.registry.models import AuditEntry
from support_bot.models import AgentProfile, CannedAnswer, Conversation, Message, Tag
from support_bot.services import canned, conversations
from support_bot.services.handing_over import hand_over, take_over
from support_bot.services.suggesting import suggest_replies
from support_bot.services.summing_up import sum_up
from support_bot.visitors import chat_visitor

from .conftest import may

pytestmark = pytest.mark.django_db
PREFIX = "admin:ecomai_support_bot_conversation"


@pytest.fixture
def agent(colleague):
    return may(
        colleague, "view_conversation", "answer_conversation", "view_customer", "view_order",
        "export_conversation",
    )  # fmt: skip


@pytest.fixture
def talked(ada):
    visitor = chat_visitor(customer=ada, language="en")
    text = "Where is order 58213? Mail ada@example.org"
    asked = conversations.take_message(visitor, None, text=text, key="key-0001")
    return Conversation.objects.get(pk=asked.conversation_id)


def page_of(client, row):
    return client.get(reverse(f"{PREFIX}_change", args=[row.pk]))


def act(client, row, name, **form):
    answer = client.post(reverse(f"{PREFIX}_{name}", args=[row.pk]), form)
    row.refresh_from_db()
    return answer


def order(customer, number, days):
    return Order.objects.create(
        external_id=number, customer=customer, currency="EUR", total=20,
        placed_at=timezone.now() - timedelta(days=days),
    )  # fmt: skip


def test_orders_and_facts_are_beside_the_chat_for_who_may_see_them(agent, colleague, talked, ada):
    order(ada, "o-77", 3)
    publish_facts(name="marketing.churn_probability", values={"ada": 0.4})
    publish_facts(name="marketing.life_cycle", values={"ada": "at_risk"})
    publish_facts(name="risk.coupon_hold", values={"ada": True})
    html = page_of(agent, talked).content.decode()
    assert "o-77" in html
    assert "40 %" in html
    assert "at risk" in html
    assert "at_risk" not in html
    assert "Hold coupons" in html
    blind = may(colleague, "view_conversation")
    html = page_of(blind, talked).content.decode()
    assert "o-77" not in html
    assert "Hold coupons" not in html


def test_the_page_costs_the_same_for_a_long_history(agent, talked, ada, django_assert_max_num_queries):
    for n in range(30):
        order(ada, f"o-{n}", n)
        conversations.append_message(talked, sender=Message.Sender.CUSTOMER, text=f"More {n}")
        Conversation.objects.create(visitor_digest=f"{n}", customer=ada)
    with django_assert_max_num_queries(24):
        page_of(agent, talked)


def test_notes_are_kept_and_never_sent(agent, talked):
    act(agent, talked, "note", text="Is a good customer")
    assert "Is a good customer" in page_of(agent, talked).content.decode()
    assert not talked.messages.filter(text__contains="good customer").exists()
    answer = act(agent, talked, "note", text="   ")
    assert "The message is empty." in agent.get(answer.url).content.decode()
    assert talked.notes.count() == 1


def test_tags_are_set_and_filter_the_list(agent, talked):
    tag = Tag.objects.create(name="delivery")
    Conversation.objects.create(visitor_digest="other", language="zh-hans")
    act(agent, talked, "tag", tags=[tag.pk, "nonsense"])
    assert list(talked.tags.all()) == [tag]

    def found(**query):
        page = agent.get(reverse(f"{PREFIX}_changelist"), query).context["page_of_rows"]
        return [row.pk for row in page.object_list]

    assert found(tag=tag.pk) == [talked.pk]
    assert found(language="zh") != [talked.pk]
    assert len(found(language="zh")) == 1
    assert len(found(tag="' OR 1=1")) == 2
    assert found(whose="mine") == []
    act(agent, talked, "take")
    assert found(whose="mine") == [talked.pk]
    assert found(whose="mine", state="waiting") == []


def test_canned_answers_are_filled_in_in_the_customers_language(agent, colleague, talked, ada, monkeypatch):
    order(ada, "o-old", 9)
    order(ada, "o-new", 1)
    for language, text in (("en", "Hello {name}, order {order} is late. {agent}"), ("zh-hans", "您好")):
        CannedAnswer.objects.create(shortcut="late", language=language, title="Late", text=text)
    (filled,) = canned.canned_for(talked, colleague)
    assert filled.text == "Hello, order o-new is late. Grace"
    monkeypatch.setattr(canned, "customer_name", lambda row: "Ada")
    assert canned.canned_for(talked, colleague)[0].text.startswith("Hello Ada, order")
    Conversation.objects.filter(pk=talked.pk).update(language="zh-hans")
    talked.refresh_from_db()
    assert [each.text for each in canned.canned_for(talked, colleague)] == ["您好"]
    assert 'data-shortcut="late"' in page_of(agent, talked).content.decode()


def test_a_canned_answer_that_fits_is_suggested_and_nothing_is_sent(agent, colleague, talked):
    CannedAnswer.objects.create(shortcut="late", title="Late order", text="Your order is late, I am sorry.")
    CannedAnswer.objects.create(shortcut="size", title="Sizes", text="Shirts come in four sizes.")
    found = suggest_replies(talked, user=colleague)
    assert found[0].text == "Your order is late, I am sorry."
    html = agent.get(reverse(f"{PREFIX}_suggestions", args=[talked.pk])).content.decode()
    assert "Use this" in html
    assert talked.messages.count() == 1


def say(row, sender, text, answered_by=""):
    return conversations.append_message(row, sender=sender, text=text, answered_by=answered_by)


def test_a_summary_says_what_was_asked_answered_and_is_open(talked):
    say(talked, "bot", "It is on its way.", "flow")
    say(talked, "customer", "But it is a week late and I need it on Friday")
    say(talked, "bot", "I'm not sure that I understood.", "fallback")
    summary = sum_up(list(talked.messages.all()))
    assert summary.asked.startswith("Where is order 58213?")
    assert summary.answered == "It is on its way."
    assert summary.open == ["But it is a week late and I need it on Friday"]
    assert sum_up([]).is_empty


def test_a_transcript_is_masked_and_on_record(agent, talked):
    say(talked, "bot", "It is on its way.", "flow")
    plain = act(agent, talked, "transcript", form="text").content.decode()
    assert "ada@example.org" in plain
    masked = json.loads(act(agent, talked, "transcript", form="json", masked="on").content)
    assert "ada@example.org" not in json.dumps(masked)
    assert masked["customer"] == ""
    assert [row["from"] for row in masked["messages"]] == ["customer", "bot"]
    entries = AuditEntry.objects.filter(action="export_transcript")
    assert sorted(entry.details["is_masked"] for entry in entries) == [False, True]


def test_who_may_not_save_transcripts_cannot(colleague, talked):
    client = may(colleague, "view_conversation", "answer_conversation")
    assert act(client, talked, "transcript", form="text").status_code == 403
    assert "Save the transcript" not in page_of(client, talked).content.decode()


def test_who_goes_away_is_given_nothing_and_comes_back(agent, colleague, talked):
    presence = reverse(f"{PREFIX}_presence")
    agent.post(presence, {"away": "0"})
    hand_over(talked, reason=Conversation.HandoffReason.ASKED)
    talked.refresh_from_db()
    assert talked.assigned_to == colleague
    agent.post(presence, {"away": "1"})
    talked.refresh_from_db()
    assert talked.assigned_to is None
    assert AgentProfile.objects.get().is_away


def test_a_person_who_types_is_seen_and_so_is_the_customer(agent, colleague, talked, monkeypatch):
    from support_bot.services import colleagues

    sent = []
    monkeypatch.setattr(colleagues, "announce_frame", lambda row, frame: sent.append(frame))
    assert act(agent, talked, "typing").status_code == 204
    assert sent == [], "the bot has the chat"
    take_over(talked, user=colleague)
    act(agent, talked, "typing")
    assert sent == [{"type": "typing", "from": "agent"}]
    log = reverse(f"{PREFIX}_log", args=[talked.pk])
    seen = agent.get(log).context["seen"]
    conversations.note_typing(talked)
    assert "is typing" in agent.get(log, {"seen": seen}).content.decode()


def test_who_is_waited_for_too_long_is_marked(agent, talked):
    hand_over(talked, reason=Conversation.HandoffReason.ASKED)
    assert "overdue" not in page_of(agent, talked).content.decode()
    Conversation.objects.filter(pk=talked.pk).update(answer_due_at=timezone.now() - timedelta(minutes=1))
    assert "overdue" in page_of(agent, talked).content.decode()
    assert "overdue" in agent.get(reverse(f"{PREFIX}_changelist")).content.decode()
