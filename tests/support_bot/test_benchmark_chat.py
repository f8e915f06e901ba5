"""`chat`: what its customers' books and the database say of messages that are missing or double."""

import pytest
from django.db import connection

from support_bot.benchmarks import chat as benchmark
from support_bot.models import Conversation, Message
from support_bot.services.conversations import append_message


@pytest.fixture
def conversation(db):
    return Conversation.objects.create(visitor_digest="x")


def test_what_the_database_lacks_or_has_twice_is_counted(conversation):
    for number in range(3):
        append_message(conversation, sender=Message.Sender.CUSTOMER, text="Hello", key=f"key-{number:04}")
    for _number in range(4):
        append_message(conversation, sender=Message.Sender.BOT, text="Hello")
    assert benchmark._compare(["key-0000", "key-0001", "key-0002", "key-0003"]) == (1, 1)


@pytest.mark.parametrize(("reason", "lost"), [("asked", 0), ("", 1)], ids=["a person goes on", "nobody does"])
def test_what_was_said_in_one_go_with_the_wish_for_a_person_has_its_reply(conversation, reason, lost):
    for number in range(2):
        append_message(conversation, sender=Message.Sender.CUSTOMER, text="Hello", key=f"key-{number:04}")
    append_message(conversation, sender=Message.Sender.BOT, text="I ask a person.")
    Conversation.objects.update(handoff_reason=reason)
    assert benchmark._compare(["key-0000", "key-0001"]) == (lost, 0)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="Other processes need the scratch database.")
def test_a_few_customers_chat_through_a_restart(django_db_blocker):
    said = []
    with django_db_blocker.unblock():
        found = benchmark.chat(
            None, device="cpu", seed=0, report=lambda share, what: said.append(what),
            hyperparameters={"n_sockets": 4, "seconds": 12, "has_encoder": 0},
        )  # fmt: skip
    for figures in (found["metrics"], found["splits"]["restart"]):
        assert (figures["lost"], figures["doubled"]) == (0, 0), found
        assert figures["n_messages"] > 0
        assert 0 < figures["p50_first_reply_ms"] <= figures["p95_first_reply_ms"]
    assert found["metrics"]["n_reconnects"] == 0
    assert found["splits"]["restart"]["n_reconnects"] > 0
    assert len(said) == 2
