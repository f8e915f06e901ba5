"""Tools that change something: asked first, once, on record, in time, and only one's own."""

import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from ecomai.commerce.models import ActionRecord, Customer, Order
from ecomai.registry.models import AuditEntry
from support_bot.actions import TOOLS, Actor, ChangingTool, performing
from support_bot.actions.performing import confirm_call, propose_call
from support_bot.exceptions import ToolRefusedError
from support_bot.models import Conversation, Flow, Message, ToolCall
from support_bot.services import conversations, replying
from support_bot.services.flows import add_shipped_flows, put_live, save_version

pytestmark = pytest.mark.django_db
STATE = ToolCall.State


@pytest.fixture(autouse=True)
def _shop(acting, shelf):
    add_shipped_flows()


@pytest.fixture
def asked_to_cancel(customer, ada, make_order):
    """A customer who was asked whether the order shall be cancelled."""
    make_order("1001", ada)
    assert "Shall I cancel the whole order?" in customer.say("cancel my order")
    return customer


def use(tool, actor, given):
    if isinstance(tool, ChangingTool):
        propose_call(actor, tool, given, key=f"{tool.name}-{given['order']}")
    else:
        tool.read(actor, tool.read_arguments(given))


def actor_of(customer):
    return Actor(Conversation.objects.create(customer=customer, visitor_digest="x"))


def test_nothing_happens_before_a_yes(asked_to_cancel, acting):
    assert acting.done == {}
    assert ToolCall.objects.get().state == STATE.PROPOSED


@pytest.mark.parametrize("answer", ["yes", "Yes please", "ok", "是的", "好的"])
def test_a_yes_in_words_does_it(asked_to_cancel, acting, answer):
    asked_to_cancel.say(answer)
    assert acting.done == {"cancel_order": 1}
    assert Order.objects.get().status == "cancelled"


@pytest.mark.parametrize("answer", ["no", "No, thanks", "不用了"])
def test_a_no_leaves_everything(asked_to_cancel, acting, answer):
    asked_to_cancel.say(answer)
    assert acting.done == {}
    assert ToolCall.objects.get().state == STATE.WITHDRAWN


@pytest.mark.parametrize("answer", ["yesterday I saw a lamp", "What does it cost?", "yes or no, I wonder"])
def test_what_is_no_clear_yes_does_nothing(asked_to_cancel, acting, answer):
    asked_to_cancel.say(answer)
    assert acting.done == {}
    assert ToolCall.objects.get().state == STATE.PROPOSED


def test_the_same_confirmation_twice_happens_once(asked_to_cancel, acting):
    button = asked_to_cancel.choices[0]
    first = asked_to_cancel.say(button["label"], button["value"])
    again = asked_to_cancel.say(button["label"], button["value"])
    assert first == again
    assert acting.done == {"cancel_order": 1}


def test_what_was_done_is_on_record(asked_to_cancel):
    asked_to_cancel.choose("Yes, please")
    call = ToolCall.objects.get()
    assert (call.state, call.arguments, call.result["status"]) == (STATE.DONE, {"order": "1001"}, "cancelled")
    actions = list(AuditEntry.objects.values_list("action", "actor_label"))
    who = f"customer in chat {asked_to_cancel.conversation.pk}"
    assert ("chat_cancel_order", who) in actions
    assert ("shop_cancel_order", who) in actions


def test_a_new_question_closes_the_one_before(asked_to_cancel, ada, acting):
    old = asked_to_cancel.choices[0]
    asked_to_cancel.say("never mind")
    asked_to_cancel.say("cancel my order")
    reply = asked_to_cancel.say(old["label"], old["value"])
    assert "not open any more" in reply
    assert acting.done == {}


def test_a_button_of_another_conversation_does_nothing(asked_to_cancel, guest, acting):
    value = asked_to_cancel.choices[0]["value"]
    assert "not open any more" in guest.say("Yes, please", value)
    assert acting.done == {}


@pytest.mark.parametrize("value", ["confirm:", "confirm:x", "confirm:" + "0" * 32, "decline:nonsense"])
def test_a_button_that_we_never_made_does_nothing(customer, acting, value):
    customer.say("Yes", value)
    assert acting.done == {}


def test_a_yes_that_was_written_before_the_question_is_none(customer, ada, make_order, acting):
    """Sent in one go by a phone that was offline."""
    make_order("1001", ada)
    first = conversations.take_message(customer.visitor, None, text="cancel my order", key="key-00001")
    second = conversations.take_message(customer.visitor, first.conversation, text="yes", key="key-00002")
    replying.reply_to(first)
    (reply,) = replying.reply_to(second)
    assert "yes or no" in reply.text
    assert acting.done == {}


def test_the_yes_of_one_question_is_none_to_the_next(customer, ada, make_order, acting):
    """A button that is pressed twice confirms its own question alone."""
    flow = Flow.objects.create(name="careful", title="Careful", place=1)
    steps = [
        {"do": "ask", "slot": "order", "kind": "order", "question": {"en": "Which order?"}},
        {"do": "confirm", "text": {"en": "Did you read our rules?"}},
        {"do": "call", "tool": "cancel_order", "arguments": {"order": "order"}},
    ]
    put_live(save_version(flow, definition={"intents": ["cancel_order"], "steps": steps}))
    make_order("1001", ada)
    assert customer.say("cancel my order") == "Did you read our rules?"
    yes = customer.choices[0]
    assert "Shall I cancel" in customer.say(yes["label"], yes["value"])
    customer.say(yes["label"], yes["value"])
    assert acting.done == {}
    customer.say("yes")
    assert acting.done == {"cancel_order": 1}


def test_a_yes_comes_too_late(asked_to_cancel, acting):
    ToolCall.objects.update(proposed_at=timezone.now() - timedelta(hours=2))
    assert "not open any more" in asked_to_cancel.say("yes")
    assert acting.done == {}


def test_orders_of_others_are_out_of_reach_of_every_tool(ada, make_order):
    make_order("1001", Customer.objects.create(external_id="bob"), status="shipped")
    make_order("1002", None, status="shipped")
    actor = actor_of(ada)
    tools = [tool for tool in TOOLS.values() if "order" in tool.arguments.__struct_fields__]
    assert len(tools) == 6
    more = {"street": "a", "city": "b", "wanted": "c"}
    for tool in tools:
        for number in ("1001", "1002"):
            names = tool.arguments.__struct_fields__
            given = {"order": number} | {name: value for name, value in more.items() if name in names}
            with pytest.raises(ToolRefusedError) as refused:
                use(tool, actor, given)
            assert str(refused.value) == f"I cannot find an order {number} of yours."
    assert ToolCall.objects.count() == 0


def test_an_order_of_another_storefront_is_none(ada, make_order):
    make_order("1001", ada)
    conversation = Conversation.objects.create(customer=ada, visitor_digest="x", storefront="de")
    assert Actor(conversation).find_order("1001") is None


def test_what_changed_since_the_question_counts(asked_to_cancel, acting):
    Order.objects.update(status="shipped")
    reply = asked_to_cancel.say("yes")
    assert "has been sent already" in reply
    assert (acting.done, ToolCall.objects.get().state) == ({}, STATE.REFUSED)


@pytest.mark.parametrize("status", ["shipped", "completed", "cancelled", "returned"])
def test_what_cannot_be_cancelled_is_not_offered(customer, ada, make_order, status):
    make_order("1001", ada, status=status)
    customer.say("cancel my order")
    assert ToolCall.objects.count() == 0
    assert customer.labels == ["Talk to a person"]


def test_the_shop_has_the_last_word_and_its_reason_is_told(asked_to_cancel, acting):
    from ecomai.commerce.adapters import ActionRefusedError

    acting.faults.append(ActionRefusedError(reason="it is being packed"))
    assert asked_to_cancel.say("yes") == "That was not possible: it is being packed"
    assert ToolCall.objects.get().state == STATE.REFUSED
    assert Order.objects.get().status == "placed"


def test_a_shop_that_cannot_do_it_is_not_promised(customer, ada, make_order, settings):
    commerce = {name: value for name, value in settings.ECOMAI["COMMERCE"].items() if name != "ADAPTER"}
    settings.ECOMAI = settings.ECOMAI | {"COMMERCE": commerce}
    make_order("1001", ada)
    assert "I cannot do that here myself" in customer.say("cancel my order")
    assert customer.labels == ["Talk to a person"]


def test_a_fault_of_the_shop_is_not_tried_again_and_a_person_looks(asked_to_cancel, acting):
    acting.faults.append(OSError("connection reset"))
    button = asked_to_cancel.choices[0]
    assert "I cannot tell whether the shop has done it" in asked_to_cancel.say(
        button["label"], button["value"]
    )
    assert (asked_to_cancel.conversation.state, ToolCall.objects.get().state) == ("waiting", STATE.UNCLEAR)
    outcome = confirm_call(Actor(asked_to_cancel.conversation), button["value"].removeprefix("confirm:"))
    assert outcome.needs_person
    assert acting.done == {"cancel_order": 1}


def test_a_process_that_died_before_it_asked_the_shop_leaves_a_clear_state(asked_to_cancel, acting):
    """The same message is answered by the next process: nothing is done twice, and nobody is told a guess."""
    began = timezone.now() - timedelta(minutes=1)
    ToolCall.objects.update(state=STATE.RUNNING, started_at=began)
    reply = asked_to_cancel.say("yes")
    assert "I cannot tell whether the shop has done it" in reply
    assert (acting.done, ToolCall.objects.get().state) == ({}, STATE.UNCLEAR)
    assert asked_to_cancel.conversation.state == "waiting"


def test_a_process_that_died_after_the_shop_did_it_tells_what_was_done(asked_to_cancel, acting, monkeypatch):
    """Killed between the deed and the note of it."""
    note = performing._end

    def die(call, *args, **kwargs):
        raise SystemExit

    monkeypatch.setattr(performing, "_end", die)
    call = ToolCall.objects.get()
    with pytest.raises(SystemExit):
        confirm_call(Actor(asked_to_cancel.conversation), call.public_id.hex)
    monkeypatch.setattr(performing, "_end", note)
    call.refresh_from_db()
    assert call.state == STATE.RUNNING
    assert "is cancelled" in asked_to_cancel.say("yes")
    assert acting.done == {"cancel_order": 1}
    assert ToolCall.objects.get().state == STATE.DONE


def test_the_next_process_answers_the_same_yes_and_does_nothing_again(asked_to_cancel, acting):
    """The reply's lease runs out after the deed and before the reply was written."""
    button = asked_to_cancel.choices[0]
    message = conversations.take_message(
        asked_to_cancel.visitor, asked_to_cancel.conversation, text="Yes, please", key="yes-00001",
        value=button["value"],
    )  # fmt: skip
    confirm_call(Actor(asked_to_cancel.conversation), button["value"].removeprefix("confirm:"))
    Message.objects.filter(pk=message.pk).update(n_reply_attempts=1)
    (reply,) = replying.reply_to(message)
    assert "is cancelled" in reply.text
    assert (acting.done, ActionRecord.objects.count()) == ({"cancel_order": 1}, 1)


@pytest.mark.django_db(transaction=True)
def test_a_shop_that_hangs_is_not_waited_for_and_a_late_answer_is_noted(asked_to_cancel, acting, settings):
    settings.ECOMAI = settings.ECOMAI | {"SUPPORT_BOT": {"TOOL_SECONDS": 1}}
    end = threading.Event()
    acting.hanging.append(end)
    reply = asked_to_cancel.say("yes")
    assert "did not answer in time" in reply
    assert (asked_to_cancel.conversation.state, ToolCall.objects.get().state) == ("waiting", STATE.UNCLEAR)
    end.set()
    for _n in range(100):
        if ToolCall.objects.get().state == STATE.DONE:
            break
        threading.Event().wait(0.05)
    assert ToolCall.objects.get().state == STATE.DONE
    assert acting.done == {"cancel_order": 1}


@pytest.mark.django_db(transaction=True)
def test_two_tabs_that_say_yes_at_once_do_it_once(asked_to_cancel, acting):
    call, actor = ToolCall.objects.get(), Actor(asked_to_cancel.conversation)
    together, told = threading.Barrier(4), []

    def press():
        from django.db import connections

        together.wait()
        told.append(confirm_call(actor, call.public_id.hex).text)
        connections.close_all()

    threads = [threading.Thread(target=press) for _n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(told) == 4
    assert acting.done == {"cancel_order": 1}


def test_an_address_is_changed_before_it_is_sent(customer, ada, make_order, acting):
    make_order("1001", ada)
    customer.say("change my delivery address")
    assert customer.say("Am Wall 1") == "And the postcode?"
    assert customer.say("28195") == "And the city?"
    assert "Am Wall 1, 28195, Bremen" in customer.say("Bremen")
    customer.choose("Yes, please")
    address = {"street": "Am Wall 1", "zip": "28195", "city": "Bremen"}
    assert acting.addresses == [("1001", address)]


def test_an_exchange_says_what_is_wanted_instead(customer, ada, make_order, acting):
    make_order("1001", ada, status="completed")
    customer.say("I want to exchange it for another size")
    customer.say("the lamp")
    customer.say("the blue one")
    customer.choose("Yes, please")
    assert acting.returns == [("1001", [("L1", 1)], "Exchange for: the blue one")]


def test_prices_and_stock_are_told_and_items_compared(ada, shelf):
    actor = actor_of(ada)
    found = TOOLS["check_item"].read(actor, TOOLS["check_item"].read_arguments({"item": "M1"}))
    assert found.text == "Tea mug costs €12.00 and is sold out at the moment."
    compare = TOOLS["compare_items"]
    text = compare.read(actor, compare.read_arguments({"item": "L1", "other": "L2"})).text
    assert "Price: €30.00 / €45.00" in text
    assert "colour: red / blue" in text
    assert "Brand" not in text, "what is the same is not listed"
