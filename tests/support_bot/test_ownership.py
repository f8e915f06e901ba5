"""Guests prove an order by a mailed code, and nobody learns whether an order exists."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from ecomai.commerce.models import Order
from ecomai.fusion.subjects import Subject
from support_bot.actions import Actor
from support_bot.actions.ownership import Checked, ask_for_proof, check_code, mail_code, mail_forgotten_codes
from support_bot.models import OwnershipProof
from support_bot.services.flows import add_shipped_flows
from support_bot.tasks import mail_ownership_code
from support_bot.visitors import chat_visitor

from .conftest import Talk

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _shop(acting, make_order):
    add_shipped_flows()
    make_order("100001", status="shipped")
    make_order("100002", status="shipped")


def mailed_code():
    """Let the worker do its part, and return what was mailed."""
    mail_ownership_code(OwnershipProof.objects.latest("pk").pk)
    return re.search(r"\d{6}$", mail.outbox[-1].subject)[0] if mail.outbox else ""


def without_number(text):
    return re.sub(r"\d{4,}", "N", text)


def wrong(code):
    return "111111" if code != "111111" else "222222"


def test_a_guest_proves_an_order_and_sees_it(guest):
    reply = guest.say("where is my order 100001")
    assert "if there is an order 100001, a code is being mailed" in reply
    code = mailed_code()
    assert mail.outbox[0].to == ["buyer-of-100001@shop.example"]
    assert "Red desk lamp" not in reply
    assert "on its way" in guest.say(f"it is {code}")
    assert "on its way" in guest.say("where is my order 100001"), "it holds for a while"


def test_a_guest_may_do_with_a_proven_order_what_a_customer_may(guest, make_order, acting):
    make_order("100003")
    guest.say("cancel my order 100003")
    assert "Shall I cancel" in guest.say(mailed_code())
    guest.choose("Yes, please")
    assert Order.objects.get(external_id="100003").status == "cancelled"


def test_no_order_looks_the_same_as_one(guest):
    """Same words, same buttons, same rows, same attempts, whatever is written as the code."""
    other = Talk(chat_visitor(language="en"))
    seen = []
    for talk, number in ((guest, "100001"), (other, "999999")):
        texts = [talk.say(f"where is my order {number}")]
        mailed_code()
        labels = [talk.labels]
        for _n in range(6):
            texts.append(talk.say("123456"))
            labels.append(talk.labels)
        proof = OwnershipProof.objects.latest("pk")
        seen.append(
            ([without_number(text) for text in texts], labels, proof.n_attempts, bool(proof.code_digest))
        )
    assert seen[0] == seen[1]
    assert len(mail.outbox) == 1


def test_a_code_is_good_for_its_order_and_its_conversation_alone(guest):
    guest.say("where is my order 100001")
    guest.say(mailed_code())
    assert "code is being mailed" in guest.say("where is my order 100002")
    stranger = Talk(chat_visitor(language="en"))
    assert "code is being mailed" in stranger.say("where is my order 100001")


def test_a_code_of_another_conversation_proves_nothing(guest):
    guest.say("where is my order 100001")
    code, proof = mailed_code(), OwnershipProof.objects.get()
    stranger = Talk(chat_visitor(language="en"))
    stranger.say("hello there")
    assert check_code(Actor(stranger.conversation), proof.pk, code) is Checked.SPENT
    assert Actor(stranger.conversation).find_order("100001") is None


def test_after_too_many_tries_the_right_code_is_wrong_too(guest):
    guest.say("where is my order 100001")
    code = mailed_code()
    for _n in range(5):
        assert "not the code" in guest.say(wrong(code))
    assert "tried too often" in guest.say(code)
    assert Actor(guest.conversation).find_order("100001") is None


def test_a_code_ends_and_so_does_what_it_proved(guest):
    guest.say("where is my order 100001")
    code = mailed_code()
    OwnershipProof.objects.update(created_at=timezone.now() - timedelta(minutes=16))
    assert "too old" in guest.say(code)
    guest.choose("Mail a new code")
    assert "on its way" in guest.say(mailed_code())
    OwnershipProof.objects.update(proven_at=timezone.now() - timedelta(minutes=31))
    assert Actor(guest.conversation).find_order("100001") is None


def test_a_code_proves_once(guest):
    guest.say("where is my order 100001")
    code, proof = mailed_code(), OwnershipProof.objects.get()
    actor = Actor(guest.conversation)
    assert check_code(actor, proof.pk, code) is Checked.RIGHT
    assert check_code(actor, proof.pk, code) is Checked.SPENT


def test_nobody_is_mailed_without_end(guest):
    """Neither about one order by many visitors, nor by one visitor about many orders."""
    for _n in range(5):
        stranger = Talk(chat_visitor(language="en"))
        assert "code is being mailed" in stranger.say("where is my order 100001")
    assert "log in" in guest.say("where is my order 100001")
    for number in range(5):
        assert ask_for_proof(Actor(guest.conversation), f"20000{number}") is not None
    assert ask_for_proof(Actor(guest.conversation), "300000") is None


def test_only_a_digest_is_kept_and_a_second_call_mails_nothing(guest):
    guest.say("where is my order 100001")
    code, proof = mailed_code(), OwnershipProof.objects.get()
    assert code not in str(OwnershipProof.objects.values().get())
    assert len(proof.code_digest) == 64
    assert mail_code(proof.pk) is False
    assert len(mail.outbox) == 1


def test_a_code_that_no_worker_heard_of_is_mailed_by_beat(guest):
    guest.say("where is my order 100001")
    assert mail_forgotten_codes() == 0, "a worker is given a moment"
    OwnershipProof.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    assert mail_forgotten_codes() == 1
    assert len(mail.outbox) == 1


def test_a_shop_that_cannot_mail_offers_a_person(guest, settings):
    commerce = {name: value for name, value in settings.ECOMAI["COMMERCE"].items() if name != "ADAPTER"}
    settings.ECOMAI = settings.ECOMAI | {"COMMERCE": commerce}
    assert "log in" in guest.say("where is my order 100001")
    assert guest.labels == ["Talk to a person"]
    assert OwnershipProof.objects.count() == 0


def test_a_customer_cannot_ask_for_codes_of_others_orders(customer):
    customer.say("where is my order 100001")
    assert OwnershipProof.objects.count() == 0
    assert "I cannot find an order 100001 of yours" in customer.reply.text


def test_proofs_go_with_the_conversation(guest):
    from support_bot.services.privacy import erase

    visitor = chat_visitor(language="en", session_id="session-0000000001")
    talk = Talk(visitor)
    talk.say("where is my order 100001")
    erase(Subject(storefront="", external_id="", customer_pk=None, session_ids=["session-0000000001"]))
    assert OwnershipProof.objects.count() == 0
