"""Politeness is understood, and never in the way of what is wanted."""

import pytest

from support_bot.dialogue import small_talk
from support_bot.models import Conversation
from support_bot.services import conversations, replying

pytestmark = pytest.mark.django_db


def reply_to(visitor, text, *, n=1):
    asked = conversations.take_message(visitor, None, text=text, key=f"key-{n:04}")
    (reply, *_more) = replying.reply_to(asked)
    return reply


@pytest.mark.parametrize(
    "text",
    ["Hi", "hello there!", "Good morning", "thanks a lot", "OK, thank you very much!", "bye", "你好",
     "谢谢你", "再见", "Are you a robot?", "你是机器人吗？"],
)  # fmt: skip
def test_politeness_is_answered_and_no_failure(visitor, text):
    reply = reply_to(visitor, text)
    assert reply.answered_by == "small_talk"
    assert Conversation.objects.get().n_failed_answers == 0


@pytest.mark.parametrize(
    "text",
    [
        "hi, where is my order",
        "hello kitty mug",
        "thanks but it never came",
        "good morning mug",
        "谢谢，可是没收到",
    ],
)
def test_a_message_that_wants_something_is_not_only_greeted(visitor, text):
    assert reply_to(visitor, text).answered_by != small_talk.ANSWERED_BY


def test_who_is_greeted_twice_is_not_handed_over(visitor):
    reply_to(visitor, "Hello")
    reply_to(visitor, "Hello", n=2)
    assert Conversation.objects.get().state == "bot"


def test_thanks_that_say_that_it_helped_are_kept(visitor):
    reply_to(visitor, "Thanks, that helped")
    assert Conversation.objects.get().has_helped is True
