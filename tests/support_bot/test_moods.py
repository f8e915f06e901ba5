"""A person is asked for anger, risk and loops: once, and not again at once after a person was there."""

import pytest

from ecomai.fusion.services import publish_facts
from support_bot.dialogue import moods, responding
from support_bot.dialogue.turns import Reply
from support_bot.models import Conversation
from support_bot.services import conversations, replying
from support_bot.services.handing_over import give_back, take_over
from support_bot.visitors import chat_visitor

pytestmark = pytest.mark.django_db
FURIOUS = "This is terrible, the worst shop, you are liars!!!"


@pytest.fixture
def say(visitor):
    counted = iter(range(1000))

    def say(text, visitor=visitor, value=""):
        row = Conversation.objects.first()
        asked = conversations.take_message(
            visitor, row, text=text, key=f"key-{next(counted):05}", value=value
        )
        replying.reply_to(asked)
        return Conversation.objects.get()

    return say


def test_one_furious_message_is_enough(say):
    row = say(FURIOUS)
    assert (row.state, row.handoff_reason) == ("waiting", "unhappy")
    assert row.mood < -0.3


def test_two_unhappy_messages_are_enough_and_one_is_not(say):
    assert say("Hmm, the box was damaged").state == "bot"
    assert say("And now I am disappointed").handoff_reason == "unhappy"


def test_after_a_person_gave_it_back_the_old_reason_is_no_reason(say, colleague):
    row = say(FURIOUS)
    take_over(row, user=colleague)
    give_back(row, user=colleague)
    assert say(FURIOUS).state == "bot"
    for _n in range(4):
        Conversation.objects.update(n_failed_answers=0)
        say("Fine")
    Conversation.objects.update(n_failed_answers=0)
    assert say(FURIOUS).handoff_reason == "unhappy"
    assert Conversation.objects.get().state == "waiting"


def test_the_same_answer_twice_is_a_loop(say, monkeypatch):
    same = Reply(text="Items can be exchanged within 30 days.", answered_by="knowledge")
    monkeypatch.setattr(responding, "RESPONDERS", (lambda turn: same,))
    assert say("Exchange?").state == "bot"
    row = say("But how?")
    assert (row.state, row.handoff_reason) == ("waiting", "loop")
    assert row.messages.filter(text=same.text).count() == 1


def test_a_customer_whose_coupons_are_held_gets_a_person_for_refunds(say, ada, settings):
    publish_facts(name="risk.coupon_hold", values={"ada": True})
    hers = chat_visitor(customer=ada, language="en")
    assert say("where is my order", visitor=hers).handoff_reason == ""
    row = say("I want to return this and send it back", visitor=hers)
    assert row.handoff_reason == "risk"
    assert "coupon" not in row.messages.last().text
    assert moods.COUPON_HOLD == "risk.coupon_hold"


def test_what_helped_is_asked_and_kept(say, monkeypatch):
    told = Reply(text="Two to four days.", answered_by="knowledge")
    with monkeypatch.context() as patched:
        patched.setattr(responding, "RESPONDERS", (lambda turn: told,))
        row = say("How long?")
    assert [choice["value"] for choice in row.messages.last().content["choices"]] == ["helped", "not_helped"]
    assert say("That helped", value="helped").has_helped is True
    row = say("That did not help", value="not_helped")
    assert row.has_helped is False
    assert row.messages.last().content["choices"][0]["value"] == "person"


@pytest.mark.parametrize("text", ["That solved it, thanks", "yes, that helped", "问题解决了"])
def test_who_says_that_it_helped_is_believed(say, text):
    assert say(text).has_helped is True
