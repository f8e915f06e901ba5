"""Messages that were not understood well go to people, and are forgotten with their customer."""

import pytest

from ecomai.commerce.adapters import Contact, ShopAdapter
from ecomai.fusion.services import erase_customer
from ecomai.registry.models import LabellingTask
from support_bot.models import Intent, IntentExample, Message
from support_bot.names import INTENT
from support_bot.services import intents
from support_bot.services.conversations import take_message
from support_bot.services.intents import propose_labels
from support_bot.visitors import chat_visitor

pytestmark = pytest.mark.django_db


def said(text, *, visitor, confidence=0.9, is_out_of_scope=False, value=""):
    n = Message.objects.count()
    message = take_message(visitor, None, text=text, key=f"key-{n:04}", value=value)
    message.understanding = {
        "intent": "track_order", "confidence": confidence, "is_out_of_scope": is_out_of_scope,
    }  # fmt: skip
    message.save(update_fields=["understanding"])
    return message


@pytest.fixture
def shopper(ada):
    return chat_visitor(customer=ada)


def test_the_least_certain_messages_of_a_day_are_proposed_once_each(shopper):
    said("Where is it?", visitor=shopper)
    said("Hm, what of mine?", visitor=shopper, confidence=0.5)
    said("HM, WHAT OF MINE?", visitor=shopper, confidence=0.5)
    said("Do you sing?", visitor=shopper, is_out_of_scope=True)
    said("Yes", visitor=shopper, confidence=0.1, value="yes")
    assert propose_labels() == 2
    assert propose_labels() == 0, "each message is asked about once"
    cases = LabellingTask.objects.filter(model_name=INTENT).order_by("confidence")
    assert [(case.text, case.predicted_label) for case in cases] == [
        ("Do you sing?", "track_order"), ("HM, WHAT OF MINE?", "track_order"),
    ]  # fmt: skip
    assert "cancel_order" in cases[0].choices


def test_nobody_is_given_more_where_enough_wait(shopper, monkeypatch):
    monkeypatch.setattr(intents, "MOST_WAITING", 2)
    for n in range(4):
        said(f"Thing number {n}", visitor=shopper, confidence=0.3)
    assert propose_labels() == 2
    said("One more", visitor=shopper, confidence=0.3)
    assert propose_labels() == 0


def test_cases_go_with_their_customer(shopper):
    said("What of my case?", visitor=shopper, confidence=0.3)
    propose_labels()
    erase_customer(storefront="", external_id="ada", actor_label="test")
    assert not LabellingTask.objects.exists()


def test_words_of_a_customer_go_with_them_though_somebody_marked_what_they_name(shopper):
    said("Send it to Lyon please, I am Ada", visitor=shopper, confidence=0.3)
    intent = Intent.objects.create(name="change_address", title="Change")
    for text in ("Send it to [Lyon](city) please, I am Ada", "Send it to [Paris](city) please, I am Ada"):
        IntentExample.objects.create(intent=intent, text=text, source="labelled")
    own = IntentExample.objects.create(intent=intent, text="Send it to Lyon please, I am Ada", source="shop")
    erase_customer(storefront="", external_id="ada", actor_label="test")
    left = set(IntentExample.objects.values_list("text", flat=True))
    assert left == {"Send it to [Paris](city) please, I am Ada", own.text}, "what others wrote stays"


class NamingShop(ShopAdapter):
    def contacts(self, *, customer_ids, storefront):
        return {each: Contact(email=f"{each}@shop.example", name="Lovelace") for each in customer_ids}


def test_what_waits_for_a_label_says_no_name_that_the_shop_knows(shopper, settings):
    adapter = {"ADAPTER": f"{__name__}.NamingShop"}
    settings.ECOMAI = settings.ECOMAI | {"COMMERCE": settings.ECOMAI.get("COMMERCE", {}) | adapter}
    said("why has lovelace no parcel", visitor=shopper, confidence=0.3)
    propose_labels()
    task = LabellingTask.objects.get()
    assert task.text == "why has [name] no parcel"
    intent = Intent.objects.create(name="track_order", title="Track")
    IntentExample.objects.create(intent=intent, text=task.text, source="labelled")
    erase_customer(storefront="", external_id="ada", actor_label="test")
    assert not IntentExample.objects.exists(), "found also as it was masked"
