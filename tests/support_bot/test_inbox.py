"""The inbox: who waits comes first, one click takes over, and only who may answers."""

import pytest
from django.urls import reverse

from ecomai import capabilities
from ecomai.fusion.services import erase_customer
from support_bot.models import Conversation, Intent, IntentExample, Message
from support_bot.services import conversations
from support_bot.services.handing_over import hand_over
from support_bot.visitors import chat_visitor

from .conftest import may

pytestmark = pytest.mark.django_db

LIST = "admin:ecomai_support_bot_conversation_changelist"


@pytest.fixture
def agent(colleague):
    return may(colleague, "view_conversation", "answer_conversation")


@pytest.fixture
def talked(ada):
    asked = conversations.take_message(chat_visitor(customer=ada), None, text="<b>Where</b>?", key="key-0001")
    return Conversation.objects.get(pk=asked.conversation_id)


def act(client, conversation, name, **form):
    address = reverse(f"admin:ecomai_support_bot_conversation_{name}", args=[conversation.pk])
    answer = client.post(address, form)
    conversation.refresh_from_db()
    return answer


def test_an_empty_inbox_says_so(agent):
    assert "Nobody here." in agent.get(reverse(LIST)).content.decode()


def test_who_waits_for_a_person_comes_first_and_texts_are_escaped(agent, talked):
    other = conversations.take_message(chat_visitor(), None, text="Later", key="key-0001")
    hand_over(talked, reason=Conversation.HandoffReason.ASKED)
    html = agent.get(reverse(LIST)).content.decode()
    assert html.index("Customer ada") < html.index(f"Guest, conversation {other.conversation_id}")
    assert "&lt;b&gt;Where&lt;/b&gt;?" in html
    assert "<b>Where" not in html


def test_the_list_costs_the_same_for_many(agent, ada, django_assert_max_num_queries):
    for n in range(30):
        row = Conversation.objects.create(visitor_digest=f"{n}", customer=ada)
        conversations.append_message(row, sender=Message.Sender.CUSTOMER, text="Hello")
    with django_assert_max_num_queries(10):
        html = agent.get(reverse(LIST)).content.decode()
    assert "Page 1 of 2" in html


def test_one_click_takes_over_and_an_answer_is_said_once(agent, talked):
    act(agent, talked, "take")
    assert talked.state == "agent"
    for _twice in range(2):
        act(agent, talked, "say", text="On its way.", key="a" * 32)
    texts = list(talked.messages.filter(sender="agent").values_list("text", flat=True))
    assert texts == ["On its way."]
    act(agent, talked, "give-back")
    assert talked.state == "bot"
    act(agent, talked, "close")
    assert talked.state == "closed"
    answer = act(agent, talked, "say", text="Still there?", key="b" * 32)
    assert "This conversation is closed." in agent.get(answer.url).content.decode()


def test_a_page_without_news_is_not_drawn_anew(agent, talked):
    address = reverse("admin:ecomai_support_bot_conversation_log", args=[talked.pk])
    seen = agent.get(address).context["seen"]
    assert agent.get(address, {"seen": seen}).status_code == 204
    conversations.append_message(talked, sender=Message.Sender.CUSTOMER, text="Hello?")
    assert "Hello?" in agent.get(address, {"seen": seen}).content.decode()


def test_what_another_person_has_is_not_taken_away(agent, talked, django_user_model):
    act(agent, talked, "take")
    other = django_user_model.objects.create_user("bob", is_staff=True)
    second = may(other, "view_conversation", "answer_conversation")
    answer = act(second, talked, "take")
    assert talked.agent.first_name == "Grace"
    assert "talks with this customer already" in second.get(answer.url).content.decode()


def test_who_may_only_look_cannot_answer(colleague, talked):
    onlooker = may(colleague, "view_conversation")
    page = onlooker.get(reverse("admin:ecomai_support_bot_conversation_change", args=[talked.pk]))
    assert "Your answer" not in page.content.decode()
    for name in ("take", "say", "give-back", "close"):
        assert act(onlooker, talked, name, text="x", key="a" * 32).status_code == 403
    assert (talked.state, talked.last_sequence) == ("bot", 1)


def test_the_front_page_says_how_many_wait(agent, colleague, talked):
    agent = may(colleague, "view_conversation", "view_console")
    hand_over(talked, reason=Conversation.HandoffReason.ASKED)
    html = agent.get(reverse("admin:ecomai_console_console_changelist")).content.decode()
    assert "Customers who wait for a person" in html


def test_another_scenario_reaches_a_customer_in_the_chat_once(talked):
    sender = capabilities.get(capabilities.MessageSender)
    for _twice in range(2):
        receipt = sender.send(
            customer_id="ada", channel="chat", subject="Mugs", body="They are back.", purpose="marketing",
            context={"key": "delivery-1", "url": "https://shop.example/mugs"},
        )  # fmt: skip
        assert receipt.is_sent
    (said,) = talked.messages.filter(sender="bot")
    assert said.text == "Mugs\n\nThey are back.\n\nhttps://shop.example/mugs"


def test_a_closed_conversation_is_followed_by_a_new_one_and_a_stranger_is_not_reached(talked):
    conversations.end_conversation(talked)
    sender = capabilities.get(capabilities.MessageSender)
    told = {
        "channel": "chat",
        "subject": "Mugs",
        "body": "",
        "purpose": "marketing",
        "context": {"key": "delivery-1"},
    }
    assert sender.send(customer_id="ada", **told).is_sent
    assert sender.send(customer_id="ada", **told).is_sent
    assert not sender.send(customer_id="nobody", **told).is_sent
    assert Conversation.objects.count() == 2
    assert Message.objects.filter(sender="bot").count() == 1


def test_erasure_reaches_phrases_that_were_a_customers_words(ada, talked):
    intent = Intent.objects.create(name="order_status", title="Where is my order?")
    for text, source in (("<b>Where</b>?", "labelled"), ("Where is it?", "shop")):
        IntentExample.objects.create(intent=intent, text=text, source=source)
    erase_customer(storefront="", external_id="ada", actor_label="test")
    assert list(IntentExample.objects.values_list("text", flat=True)) == ["Where is it?"]
