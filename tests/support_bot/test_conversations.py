"""What is said is kept once, in order, and only for whose it is."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ecomai.fusion.services import erase_customer, export_customer
from support_bot import selectors
from support_bot.app_settings import app_settings
from support_bot.exceptions import (
    ConversationClosedError,
    EmptyMessageError,
    MessageTooLongError,
    TooManyMessagesError,
    UnknownConversationError,
)
from support_bot.models import Conversation, Message
from support_bot.services import conversations, privacy
from support_bot.visitors import chat_visitor

pytestmark = pytest.mark.django_db


def say(visitor, text="Hello", key="key-0001", conversation=None):
    return conversations.take_message(visitor, conversation, text=text, key=key)


def test_messages_are_numbered_without_gaps(visitor):
    numbers = [say(visitor, key=f"key-000{n}").sequence for n in range(1, 4)]
    assert numbers == [1, 2, 3]


def test_the_same_key_is_one_message(visitor):
    first, again = say(visitor), say(visitor, text="Hello?")
    assert (first.pk, Message.objects.count()) == (again.pk, 1)


def test_a_conversation_begins_with_the_first_message_and_goes_on_with_the_next(visitor):
    first = say(visitor)
    second = say(visitor, key="key-0002")
    assert first.conversation_id == second.conversation_id
    assert Conversation.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "error"),
    [("", EmptyMessageError), (" \n\x00 ", EmptyMessageError), ("x" * 2_001, MessageTooLongError)],
)
def test_what_cannot_be_said_leaves_no_row(visitor, text, error):
    with pytest.raises(error):
        say(visitor, text=text)
    assert not Conversation.objects.exists()


def test_texts_of_any_script_are_kept_as_they_came(visitor):
    text = "مرحبا 👋🏽 你好 \u202eabc"
    assert Message.objects.get(pk=say(visitor, text=text).pk).text == text


def test_a_visitor_may_not_say_more_than_the_shop_allows(visitor, settings):
    settings.ECOMAI = {**settings.ECOMAI, "SUPPORT_BOT": {"MESSAGES_PER_MINUTE": 2}}
    for n in range(2):
        say(visitor, key=f"key-000{n}")
    with pytest.raises(TooManyMessagesError):
        say(visitor, key="key-0009")
    assert Message.objects.count() == 2


def test_another_browser_does_not_know_the_conversation(visitor):
    public_id = str(say(visitor).conversation.public_id)
    assert selectors.conversation_of(visitor, public_id).public_id
    for other in (chat_visitor(), chat_visitor(storefront="b", secret=visitor.secret)):
        with pytest.raises(UnknownConversationError):
            selectors.conversation_of(other, public_id)
    with pytest.raises(UnknownConversationError):
        selectors.conversation_of(visitor, "no uuid")


def test_who_logs_in_takes_the_conversation_along_and_who_logs_out_leaves_it(visitor, ada):
    public_id = str(say(visitor).conversation.public_id)
    logged_in = chat_visitor(secret=visitor.secret, customer=ada)
    assert conversations.claim_conversations(logged_in) == 1
    assert selectors.conversation_of(logged_in, public_id).customer == ada
    with pytest.raises(UnknownConversationError):
        selectors.conversation_of(visitor, public_id)


def test_only_a_digest_of_the_secret_is_kept(visitor):
    conversation = say(visitor).conversation
    assert visitor.secret not in str(vars(conversation))


def test_a_closed_conversation_takes_nothing_more_and_the_next_message_begins_another(visitor):
    conversation = say(visitor).conversation
    conversations.end_conversation(conversation)
    with pytest.raises(ConversationClosedError):
        say(visitor, key="key-0002", conversation=conversation)
    assert say(visitor, key="key-0003").conversation_id != conversation.pk


def test_acknowledgements_never_go_back_nor_beyond_what_was_said(visitor):
    conversation = say(visitor).conversation
    say(visitor, key="key-0002")
    for sequence, seen in ((2, 2), (1, 2), (9, 2)):
        conversations.acknowledge(conversation, sequence)
        conversation.refresh_from_db()
        assert conversation.acknowledged == seen


def test_idle_conversations_close_but_not_those_that_wait_for_a_person(visitor, ada):
    idle = say(visitor).conversation
    waiting = say(chat_visitor(customer=ada)).conversation
    Conversation.objects.filter(pk=waiting.pk).update(state=Conversation.State.WAITING)
    Conversation.objects.update(last_message_at=timezone.now() - timedelta(hours=25))
    assert privacy.close_idle() == 1
    assert list(Conversation.objects.filter(state="closed")) == [idle]


def test_old_conversations_are_removed_after_the_time_that_the_shop_keeps_them(visitor):
    conversation = say(visitor).conversation
    conversations.end_conversation(conversation)
    assert privacy.remove_old() == 0
    long_ago = timezone.now() - timedelta(days=app_settings.KEEP_DAYS + 1)
    Conversation.objects.update(last_message_at=long_ago)
    assert privacy.remove_old() == 1
    assert not Message.objects.exists()


def test_erasure_and_export_reach_what_a_customer_said(ada):
    say(chat_visitor(customer=ada), text="I want to return my shoes.")
    say(chat_visitor(), text="Somebody else.")
    told = export_customer(storefront="", external_id="ada", actor_label="test")
    assert "I want to return my shoes." in str(told)
    assert "Somebody else." not in str(told)
    erase_customer(storefront="", external_id="ada", actor_label="test")
    assert [message.text for message in Message.objects.all()] == ["Somebody else."]
