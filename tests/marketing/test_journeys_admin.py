"""The pages of journeys: a builder, the flow with its customers, start, pause and stop asked once more."""

import json

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from marketing.models import Journey, JourneyRun
from marketing.services.journeys import start_journey
from marketing.services.travelling import enter

from .journey_shop import STEPS, later, make_customers, make_journey, make_segment, places

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _mailing_shop(settings):
    commerce = settings.ECOMAI.get("COMMERCE", {}) | {"ADAPTER": "tests.marketing.mailing_shop.MailingShop"}
    settings.ECOMAI = settings.ECOMAI | {
        "COMMERCE": commerce,
        "MARKETING": {"BASE_URL": "https://shop.example"},
    }


def person(client, *codenames: str) -> User:
    user = User.objects.create_user("somebody", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return user


@pytest.fixture
def marketer(client) -> User:
    return person(
        client, "view_journey", "add_journey", "change_journey", "run_journey", "view_journeyrun"
    )  # fmt: skip


def address(name: str, *args) -> str:
    return reverse(f"admin:ecomai_marketing_journey_{name}", args=args)


def form(**changes) -> dict:
    return {
        "name": "Baskets", "segment": "", "event": "cart", "goal": "purchase", "reentry_days": "",
        "holdout_share": "0.1", "effect_days": "14", "storefront": "",
        "cost_per_message": "0", "fixed_cost": "0", "margin_share": "0.3", "steps": json.dumps(STEPS),
    } | changes  # fmt: skip


def test_a_journey_is_built_changed_and_copied(client, marketer):
    assert client.get(address("add")).status_code == 200
    answer = client.post(address("add"), form())
    journey = Journey.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, address("change", journey.pk))
    assert (journey.steps, journey.event, journey.created_by) == (STEPS, "cart", marketer)
    segment = make_segment()
    client.post(address("edit", journey.pk), form(name="Other", event="", segment=segment.pk))
    journey.refresh_from_db()
    assert (journey.name, journey.segment, journey.event) == ("Other", segment, "")
    start_journey(journey)
    assert client.get(address("edit", journey.pk)).status_code == 403
    client.post(address("copy", journey.pk))
    assert Journey.objects.get(name="Other (2)").state == "draft"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"steps": json.dumps([{**STEPS[2], "next": "mail"}])}, "in a circle: Reminder → Reminder"),
        ({"steps": "[]"}, "it has no step yet"),
        ({"steps": "{"}, "it has no step yet"),
        ({"steps": '[{"type": ["x"]}, 1, null]'}, "a step is one of"),
        ({"event": ""}, "Choose one"),
        ({"name": ""}, "This field is required"),
        ({"holdout_share": "2"}, "less than or equal to 0.9"),
    ],
)
def test_what_cannot_be_saved_says_why_and_is_not_lost(client, marketer, changes, sentence):
    answer = client.post(address("add"), form(**changes))
    assert answer.status_code == 200
    assert sentence in answer.content.decode()
    assert not Journey.objects.exists()
    if changes.keys() & {"name", "event", "holdout_share"}:
        assert "Bought before?" in answer.content.decode()


def test_the_preview_draws_steps_or_leads_to_the_fault(client, marketer):
    drawn = client.post(address("preview"), {"steps": json.dumps(STEPS)}).content.decode()
    assert drawn.count("<rect") == 5
    faulty = client.post(address("preview"), {"steps": json.dumps([{**STEPS[2], "variants": []}])})
    assert 'data-path="[0].variants"' in faulty.content.decode()
    assert client.get(address("preview")).status_code == 405


def test_start_is_asked_once_more(client, marketer, make_customer):
    make_customers(make_customer, 1)
    journey = make_journey(takes_members=True)
    asked = client.get(address("action", journey.pk, "start")).content.decode()
    assert "0 customers are in the segment now" in asked
    assert "Without a holdout" in asked
    journey.refresh_from_db()
    assert journey.state == "draft"
    for action, state in (
        ("start", "running"),
        ("pause", "paused"),
        ("start", "running"),
        ("stop", "stopped"),
    ):
        client.post(address("action", journey.pk, action))
        journey.refresh_from_db()
        assert journey.state == state
    assert (
        address("action", journey.pk, "start")
        not in client.get(address("change", journey.pk)).content.decode()
    )
    assert client.post(address("action", journey.pk, "dance")).status_code == 404


def test_the_flow_tells_how_many_are_where(client, marketer, make_customer):
    journey = make_journey()
    empty = client.get(address("change", journey.pk)).content.decode()
    assert "Nobody has begun yet." in empty
    start_journey(journey)
    customers = make_customers(make_customer, 7, n_buyers=3)
    enter(journey, [customer.pk for customer in customers[:5]])
    later()
    later(days=2)
    enter(journey, [customer.pk for customer in customers[5:]])
    later()
    page = client.get(address("change", journey.pk))
    rows = {row["step"].key: row for row in page.context["steps"]}
    assert (rows["wait"]["n"], rows["mail"]["n_waiting"], rows["welcome"]["n_waiting"]) == (2, 3, 2)
    assert "What it brought" in page.content.decode()
    assert address("customers", journey.pk) + "?step=wait" in page.content.decode()


def test_who_is_where_is_found_by_customer_step_and_state(client, marketer, make_customer):
    journey = make_journey()
    start_journey(journey)
    customers = make_customers(make_customer, 53)
    enter(journey, [customer.pk for customer in customers])
    later()
    JourneyRun.objects.filter(customer=customers[0]).update(state="goal")
    page = client.get(address("customers", journey.pk))
    assert len(page.context["rows"]) == 50
    assert (
        len(client.get(address("customers", journey.pk), {"before": page.context["older"]}).context["rows"])
        == 3
    )

    def found(**asked) -> list[str]:
        rows = client.get(address("customers", journey.pk), asked).context["rows"]
        return [run.customer.external_id for run, _step in rows]

    assert found(q="c7") == ["c7"]
    assert found(state="goal") == ["c0"]
    assert found(step="wait", q="c0") == []
    assert found(state="x", before="x", q="nobody") == []
    assert "Nobody is found here" in client.get(address("customers", journey.pk), {"q": "x"}).content.decode()


def test_the_page_asks_as_often_for_many_customers_as_for_few(client, marketer, make_customer):
    journey = make_journey()
    start_journey(journey)
    counts = []
    for n, prefix in ((3, "a"), (30, "b")):
        enter(journey, [customer.pk for customer in make_customers(make_customer, n, prefix=prefix)])
        for page in (address("change", journey.pk), address("customers", journey.pk)):
            client.get(page)
            with CaptureQueriesContext(connection) as asked:
                client.get(page)
            counts.append(len(asked))
    assert counts[:2] == counts[2:]


def test_who_may_only_look_starts_nothing_and_sees_no_customers(client, make_customer):
    person(client, "view_journey")
    journey = make_journey()
    page = client.get(address("change", journey.pk)).content.decode()
    assert address("action", journey.pk, "start") not in page
    assert address("customers", journey.pk) not in page
    for name, *args in (("edit",), ("copy",), ("customers",), ("action", "start")):
        assert client.post(address(name, journey.pk, *args), form()).status_code == 403, name
    assert client.post(address("add"), form(name="New")).status_code == 403
    assert places() == {}
    assert Journey.objects.get().state == "draft"


def test_messages_of_journeys_are_not_among_the_campaigns(client, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("boss"))
    start_journey(make_journey())
    text = client.get(reverse("admin:ecomai_marketing_campaign_changelist")).content.decode()
    assert "Left a basket: Reminder" not in text
