"""One reply to each message, whatever dies or fails in between, and a person at last."""

from datetime import timedelta

import pytest
from django.utils import timezone

from support_bot import dialogue
from support_bot.models import Conversation, Message
from support_bot.services import conversations, replying
from support_bot.services.handing_over import give_back, say_as_agent, take_over
from support_bot.visitors import chat_visitor

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(visitor):
    return conversations.take_message(visitor, None, text="Xyzzy plugh?", key="key-0001")


def said_by_bot(conversation):
    return [message.text for message in conversation.messages.filter(sender="bot")]


def test_a_message_is_answered_once(asked):
    assert len(replying.reply_to(asked)) == 1
    assert replying.reply_to(asked) == []
    assert len(said_by_bot(asked.conversation)) == 1


def test_what_is_not_known_is_not_guessed_and_a_person_is_offered(asked):
    (reply,) = replying.reply_to(asked)
    assert reply.answered_by == "fallback"
    assert reply.content["choices"] == [{"label": "Talk to a person", "value": "person"}]


def test_the_reply_is_in_the_language_of_the_customer():
    asked = conversations.take_message(chat_visitor(language="zh-hans"), None, text="天书", key="key-0001")
    (reply,) = replying.reply_to(asked)
    assert "换" in reply.text


def test_after_two_answers_that_did_not_help_a_person_is_asked(visitor, asked):
    replying.reply_to(asked)
    again = conversations.take_message(visitor, asked.conversation, text="Plugh!", key="key-0002")
    replying.reply_to(again)
    conversation = Conversation.objects.get()
    assert (conversation.state, conversation.handoff_reason) == ("waiting", "not_understood")
    assert conversation.waiting_since is not None


@pytest.mark.parametrize(
    "text",
    [
        "Can I talk to a human please", "agent", "I want to speak with a real person", 
        "Please put me through to someone",
        "get me a human", "我要人工客服", "转人工",
    ],
)  # fmt: skip
def test_who_asks_for_a_person_gets_one_at_once(visitor, text):
    asked = conversations.take_message(visitor, None, text=text, key="key-0001")
    replying.reply_to(asked)
    assert Conversation.objects.get().handoff_reason == "asked"


@pytest.mark.parametrize(
    "text",
    [
        "Does the travel agent bag fit a person of 190 cm?",
        "A gift for someone who likes tea",
        "Staff discount?",
    ],
)
def test_a_word_for_people_alone_is_no_wish_for_one(visitor, text):
    asked = conversations.take_message(visitor, None, text=text, key="key-0001")
    replying.reply_to(asked)
    assert Conversation.objects.get().state == "bot"


def test_a_message_whose_process_died_is_answered_by_the_next(asked):
    Message.objects.filter(pk=asked.pk).update(
        reply_leased_until=timezone.now() + timedelta(seconds=30), n_reply_attempts=1
    )
    assert replying.reply_to_forgotten() == 0, "somebody is writing the reply"
    long_ago = timezone.now() - timedelta(minutes=2)
    Message.objects.filter(pk=asked.pk).update(reply_leased_until=long_ago, created_at=long_ago)
    assert replying.reply_to_forgotten() == 1
    assert len(said_by_bot(asked.conversation)) == 1


def test_a_fault_is_tried_again_and_then_a_person_is_asked(asked, monkeypatch):
    def fail(turn):
        raise RuntimeError("a tool broke")

    monkeypatch.setattr(dialogue, "respond", fail)
    assert replying.reply_to(asked) == []
    assert Message.objects.get(pk=asked.pk).reply_state == "waiting"
    (reply,) = replying.reply_to(asked)
    assert "went wrong" in reply.text
    assert "broke" not in reply.text
    assert Conversation.objects.get().state == "waiting"


def test_the_bot_stops_at_once_when_a_person_takes_over(asked, colleague, monkeypatch):
    respond = dialogue.respond

    def take_over_meanwhile(turn):
        take_over(turn.conversation, user=colleague)
        return respond(turn)

    monkeypatch.setattr(dialogue, "respond", take_over_meanwhile)
    assert replying.reply_to(asked) == []
    assert said_by_bot(asked.conversation) == []


def test_a_person_talks_and_gives_back_and_the_customer_is_told_by_first_name_alone(
    visitor, asked, colleague
):
    say_as_agent(asked.conversation, text="How can I help?", key="agent-key-1", user=colleague)
    later = conversations.take_message(visitor, asked.conversation, text="My parcel!", key="key-0002")
    assert replying.reply_to(later) == [], "the bot has nothing to say now"
    give_back(asked.conversation, user=colleague)
    texts = list(asked.conversation.messages.exclude(sender="customer").values_list("text", flat=True))
    assert texts == [
        "Grace from our team is here now.",
        "How can I help?",
        "You are talking with the assistant again.",
    ]
    last = conversations.take_message(visitor, asked.conversation, text="Thanks", key="key-0003")
    assert len(replying.reply_to(last)) == 1


def test_an_understanding_that_fails_leaves_nobody_without_a_word_either(asked, monkeypatch):
    def fail(message, **more):
        raise RuntimeError("a model broke")

    monkeypatch.setattr(replying, "understand_turn", fail)
    assert replying.reply_to(asked) == []
    (reply,) = replying.reply_to(asked)
    assert "went wrong" in reply.text
    assert Conversation.objects.get().state == "waiting"
