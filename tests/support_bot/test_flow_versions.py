"""Versions of flows: written in the admin, replayed against the past, put live, and gone back to."""

import json

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core import mail
from django.urls import reverse

from ecomai.exceptions import PermissionDeniedError
from ecomai.registry.models import AuditEntry
from support_bot.flows.replaying import replay
from support_bot.flows.shipped import SHIPPED
from support_bot.models import Flow, FlowVersion, Message, ToolCall
from support_bot.receivers import create_first_flows
from support_bot.services.flows import PUT_LIVE, add_shipped_flows, put_live, save_version, switch_off

pytestmark = pytest.mark.django_db
SAYS = {"intents": ["track_order"], "steps": [{"do": "say", "text": {"en": "Soon."}}]}


@pytest.fixture(autouse=True)
def _shop(acting, shelf):
    add_shipped_flows()


@pytest.fixture
def tracking():
    return Flow.objects.get(name="track_order")


def client_of(client, *codenames):
    user = get_user_model().objects.create_user("clerk@shop.example", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return user


def address(name, *args):
    return reverse(f"admin:ecomai_support_bot_flow_{name}", args=args)


def form_of(flow, definition):
    return {
        "title": flow.title,
        "name": flow.name,
        "place": flow.place,
        "definition": definition,
        "note": "x",
    }


def test_what_is_saved_is_the_next_version_and_not_live(client, tracking):
    user = client_of(client, "change_flow", "view_flow")
    answer = client.post(address("change", tracking.pk), form_of(tracking, json.dumps(SAYS)))
    assert answer.status_code == 302
    newest = tracking.versions.first()
    assert (newest.number, newest.definition, newest.note, newest.created_by) == (2, SAYS, "x", user)
    tracking.refresh_from_db()
    assert tracking.live_version.number == 1


@pytest.mark.parametrize(
    ("definition", "sentence"),
    [
        ("{", "This is no JSON"),
        ("[" * 40_000, "This is no JSON"),
        ('{"intents": ["a"], "steps": [{"do": "call", "tool": "rm"}]}', "there is no tool “rm”"),
        ('{"intents": ["a"]}', "steps"),
    ],
)
def test_what_cannot_be_followed_is_not_saved_and_the_reason_is_told(client, tracking, definition, sentence):
    client_of(client, "change_flow", "view_flow")
    answer = client.post(address("change", tracking.pk), form_of(tracking, definition))
    assert sentence in answer.content.decode()
    assert tracking.versions.count() == 1


def test_a_new_flow_begins_switched_off(client):
    client_of(client, "add_flow", "view_flow", "change_flow")
    form = {"title": "New", "name": "new", "place": 1, "definition": json.dumps(SAYS), "note": ""}
    assert client.post(address("add"), form).status_code == 302
    flow = Flow.objects.get(name="new")
    assert (flow.versions.count(), flow.live_version) == (1, None)


def test_going_live_takes_the_permission_and_a_yes_and_is_on_record(client, tracking):
    version = save_version(tracking, definition=SAYS)
    client_of(client, "change_flow", "view_flow")
    assert client.post(address("live", tracking.pk, version.number)).status_code == 403
    get_user_model().objects.all().delete()
    client_of(client, "view_flow", "put_flow_live")
    assert "Put it live?" in client.get(address("live", tracking.pk, version.number)).content.decode()
    tracking.refresh_from_db()
    assert tracking.live_version.number == 1, "asking changes nothing"
    client.post(address("live", tracking.pk, version.number))
    tracking.refresh_from_db()
    assert tracking.live_version == version
    entry = AuditEntry.objects.get(action="put_flow_live")
    assert (entry.subject, entry.details) == ("flow:track_order", {"version": 2, "before": 1})


def test_going_back_is_putting_the_earlier_one_live(customer, ada, make_order, tracking):
    make_order("1001", ada, status="shipped")
    first = tracking.live_version
    put_live(save_version(tracking, definition=SAYS))
    assert customer.say("where is my order") == "Soon."
    put_live(first)
    assert "on its way" in customer.say("where is my order")


def test_a_flow_that_is_switched_off_begins_no_more(client, customer, tracking):
    client_of(client, "view_flow", "put_flow_live")
    client.post(address("off", tracking.pk))
    customer.say("where is my order")
    assert customer.reply.answered_by == "fallback"
    assert AuditEntry.objects.filter(action="switch_off_flow").count() == 1


def test_services_ask_for_the_permission_themselves(django_user_model, tracking):
    clerk = django_user_model.objects.create_user("clerk")
    assert not clerk.has_perm(PUT_LIVE)
    with pytest.raises(PermissionDeniedError):
        put_live(tracking.live_version, user=clerk)
    with pytest.raises(PermissionDeniedError):
        switch_off(tracking, user=clerk)


def test_a_replay_of_what_is_live_finds_no_difference(customer, ada, make_order, acting, tracking):
    make_order("1001", ada, status="shipped", items=("L1", "L2"))
    customer.say("where is my order")
    customer.say("I want to return this")
    customer.say("the blue one")
    customer.choose("It is damaged")
    customer.choose("Yes, please")
    found = replay(tracking.live_version)
    assert found.counts == {"same": 5, "changed": 0, "new": 0, "gone": 0}
    assert (found.n_conversations, found.n_messages, found.n_differing) == (1, 5, 0)


def test_a_replay_says_what_would_be_said_otherwise(customer, guest, ada, make_order, tracking):
    make_order("1001", ada, status="shipped")
    customer.say("where is my order")
    guest.say("hello there")
    found = replay(save_version(tracking, definition=SAYS))
    assert found.counts == {"same": 0, "changed": 1, "new": 0, "gone": 0}
    (one,) = found.conversations
    assert "on its way" in one.rows[0].was_said
    assert one.rows[0].would_say == "Soon."


def test_a_replay_finds_what_would_be_answered_anew_or_no_more(customer, ada, make_order, tracking):
    make_order("1001", ada, status="shipped")
    customer.say("please send me an invoice")
    customer.say("where is my order")
    definition = {"intents": ["get_invoice"], "steps": [{"do": "say", "text": {"en": "By mail."}}]}
    found = replay(save_version(tracking, definition=definition))
    assert found.counts == {"same": 0, "changed": 0, "new": 1, "gone": 1}


def test_a_replay_does_mails_and_writes_nothing(guest, customer, ada, make_order, acting, client):
    make_order("1001", ada)
    make_order("100002")
    customer.say("cancel my order")
    customer.choose("Yes, please")
    guest.say("where is my order 100002")
    before = counted()
    for name in SHIPPED:
        replay(Flow.objects.get(name=name).live_version)
    assert counted() == before
    assert acting.done == {"cancel_order": 1}
    assert mail.outbox == []
    assert list(ToolCall.objects.values_list("state", flat=True)) == ["done"]


def counted():
    models = apps.get_app_config("ecomai_support_bot").get_models()
    return {model.__name__: model._default_manager.count() for model in models}


def test_a_replay_is_shown_to_whom_may_read_conversations(client, customer, ada, make_order, tracking):
    make_order("1001", ada, status="shipped")
    customer.say("where is my order")
    Message.objects.filter(sender="customer").update(text="where is my order <script>")
    version = save_version(tracking, definition=SAYS)
    client_of(client, "view_flow")
    assert client.get(address("replay", tracking.pk, version.number)).status_code == 403
    get_user_model().objects.all().delete()
    client_of(client, "view_flow", "view_conversation")
    page = client.get(address("replay", tracking.pk, version.number)).content.decode()
    assert "1 would go otherwise" in page
    assert "&lt;script&gt;" in page
    assert "Soon." in page
    assert client.get(address("replay", tracking.pk, 99)).status_code == 404


def test_the_pages_of_flows_say_what_each_version_does(client, tracking):
    client_of(client, "view_flow")
    page = client.get(address("change", tracking.pk)).content.decode()
    assert "Asks for order" in page
    assert "Uses track_order." in page
    assert "id_definition" not in page, "who may not change it is offered no field"
    assert "Where is my order" in client.get(address("changelist")).content.decode()


def test_what_the_bot_did_is_listed(client, customer, ada, make_order):
    make_order("1001", ada)
    customer.say("cancel my order")
    customer.choose("Yes, please")
    client_of(client, "view_toolcall")
    page = client.get(reverse("admin:ecomai_support_bot_toolcall_changelist")).content.decode()
    assert "cancel_order" in page
    assert "done" in page
    call = ToolCall.objects.get()
    page = client.get(reverse("admin:ecomai_support_bot_toolcall_change", args=[call.pk]))
    assert page.status_code == 200


def test_what_was_removed_stays_away_and_can_be_added_again(tracking):
    Flow.objects.filter(pk=tracking.pk).update(live_version=None)
    FlowVersion.objects.filter(flow=tracking).delete()
    tracking.delete()
    create_first_flows(sender=None, using="default")
    assert not Flow.objects.filter(name="track_order").exists()
    assert add_shipped_flows() == 1
    Flow.objects.update(live_version=None)
    FlowVersion.objects.all().delete()
    Flow.objects.all().delete()
    create_first_flows(sender=None, using="default")
    assert Flow.objects.exclude(live_version=None).count() == len(SHIPPED)
