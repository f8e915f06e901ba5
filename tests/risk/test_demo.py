"""The demo: a ring of accounts on shared devices, forty open cases, two weeks of chargebacks; in shadow."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ecomai.commerce.models import Customer, Item, Order, OrderLine
from ecomai.registry.models import AuditEntry
from risk.demo import N_CASES, seed_demo
from risk.demo.planted import N_ACCOUNTS, N_DEVICES, ring_account
from risk.models import Assessment, Case, EntityState, Label, Policy
from risk.pages.links import link_graph
from risk.replaying import replay_history

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    """Two hundred orders of fifty customers, the newest three weeks ago."""
    now = timezone.now()
    item = Item.objects.create(external_id="mug", title="Mug", category_path="Kitchen > Cups")
    for number in range(50):
        customer = Customer.objects.create(external_id=f"c-{number}", country="FR" if number % 2 else "DE")
        for turn in range(4):
            order = Order.objects.create(
                external_id=f"o-{number}-{turn}", customer=customer, currency="EUR", total=20 + number,
                placed_at=now - timedelta(days=21 + 9 * turn, hours=number),
            )  # fmt: skip
            OrderLine.objects.create(order=order, position=1, item=item, quantity=1, unit_price=20 + number)


def test_the_demo_is_told_once(shop):
    seed_demo()
    counts = [model.objects.count() for model in (Assessment, Case, Label, Policy, AuditEntry)]
    seed_demo()
    assert [model.objects.count() for model in (Assessment, Case, Label, Policy, AuditEntry)] == counts


def test_forty_cases_wait_in_shadow(shop):
    seed_demo()
    assert Case.objects.filter(state="open", order_act="").count() == N_CASES == 40
    assert Case.objects.filter(origin="review").count() > N_CASES / 3
    assert not Case.objects.filter(origin="review").exclude(assessment__wanted_decision="review").exists()
    assert not Policy.objects.filter(is_live=True).exists()
    assert set(Assessment.objects.values_list("decision", "is_shadow")) == {("approve", True)}
    overdue = Case.objects.filter(due_at__lt=timezone.now()).count()
    assert 0 < overdue < N_CASES / 2


def test_the_ring_is_twelve_accounts_on_three_devices_and_all_of_it_is_found(shop):
    seed_demo()
    ring = Assessment.objects.filter(customer_external_id__startswith="ring-")
    assert ring.values("customer").distinct().count() == N_ACCOUNTS == 12
    assert ring.values("device").distinct().count() == N_DEVICES == 3
    graph = link_graph(ring.latest("received_at"))
    found = {node.label for node in graph.accounts}
    assert found == {ring_account(number) for number in range(N_ACCOUNTS)}
    assert graph.n_fraud > 0


def test_chargebacks_came_in_the_last_two_weeks_after_their_orders(shop):
    seed_demo()
    ring = Label.objects.filter(assessment__customer_external_id__startswith="ring-")
    assert ring.count() >= 3
    assert all(label.known_at > timezone.now() - timedelta(days=14) for label in ring)
    assert all(label.known_at > label.assessment.received_at for label in Label.objects.all())
    assert set(Label.objects.values_list("assessment__is_fraud", flat=True)) == {True}


def test_what_was_known_then_is_what_a_replay_finds(shop):
    seed_demo()
    kept = dict(Assessment.objects.values_list("pk", "features"))
    states: dict = {}
    assert dict(replay_history(states=states)) == kept
    assert {key: state.encode() for key, state in states.items()} == {
        row.pk.bytes: bytes(row.state) for row in EntityState.objects.all()
    }


def test_an_empty_shop_shows_the_ring_alone():
    seed_demo()
    assert Assessment.objects.count() == 36
    assert Case.objects.exists()
