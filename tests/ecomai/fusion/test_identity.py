from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in
from django.test import RequestFactory
from django.utils import timezone

from ecomai.commerce import services as commerce
from ecomai.commerce.models import Customer, Event, Order
from ecomai.exceptions import InvalidInputError
from ecomai.fusion import services, signals
from ecomai.fusion.exceptions import SessionTakenError
from ecomai.fusion.models import ConsentRecord, SessionLink

pytestmark = pytest.mark.django_db

SESSION = "session-0001"


def view(session_id=SESSION, **kwargs):
    row = {"type": "view", "item_id": "17", "session_id": session_id, "occurred_at": timezone.now(), **kwargs}
    assert [result.status for result in commerce.ingest_events([row])] == ["accepted"]


def owners(model=Event):
    return [row.customer and row.customer.external_id for row in model.objects.order_by("pk")]


@pytest.fixture
def browsed(shop):
    """An anonymous session that viewed an item, ordered, and consented; another that viewed."""
    view()
    view("session-0002")
    commerce.upsert_orders(
        [
            {
                "external_id": "o1",
                "currency": "EUR",
                "placed_at": timezone.now(),
                "session_id": SESSION,
                "lines": [{"position": 1, "item_id": "17", "unit_price": "9.00"}],
            }
        ]
    )
    services.record_consent(purpose="newsletter", is_granted=True, source="banner", session_id=SESSION)


def test_a_session_becomes_the_customers_with_events_orders_and_consents(browsed, anna):
    services.link_session(session_id=SESSION, customer=anna)
    assert set(Event.objects.filter(session_id=SESSION).values_list("customer", flat=True)) == {anna.pk}
    assert Event.objects.get(session_id="session-0002").customer is None
    assert owners(Order) == ["anna"]
    assert owners(ConsentRecord) == ["anna"]
    assert services.has_consent(purpose="newsletter", customer=anna)


def test_linking_twice_changes_nothing_and_tells_once(browsed, anna, django_capture_on_commit_callbacks):
    told = []
    signals.session_linked.connect(
        lambda **kwargs: told.append(kwargs["session_id"]), weak=False, dispatch_uid="t"
    )
    try:
        with django_capture_on_commit_callbacks(execute=True):
            first = services.link_session(session_id=SESSION, customer=anna)
            assert services.link_session(session_id=SESSION, customer=anna) == first
    finally:
        signals.session_linked.disconnect(dispatch_uid="t")
    assert told == [SESSION]
    assert SessionLink.objects.count() == 1


def test_a_session_never_moves_to_a_second_customer(browsed, anna, bert):
    services.link_session(session_id=SESSION, customer=anna)
    view()
    with pytest.raises(SessionTakenError) as refused:
        services.link_session(session_id=SESSION, customer=bert)
    assert refused.value.code == "session_taken"
    assert "bert" not in owners()
    assert SessionLink.objects.get().customer == anna


def test_events_of_another_customer_in_the_session_stay_theirs(anna, bert):
    view(customer_id="bert")
    view()
    services.link_session(session_id=SESSION, customer=anna)
    assert owners() == ["bert", "anna"]


def test_a_failure_half_way_links_nothing(browsed, anna, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("the database went away")

    monkeypatch.setattr(ConsentRecord._default_manager, "filter", fail)
    with pytest.raises(RuntimeError):
        services.link_session(session_id=SESSION, customer=anna)
    assert not SessionLink.objects.exists()
    assert set(owners()) == {None}


def test_a_customer_of_another_storefront_and_an_empty_session_are_refused(anna):
    with pytest.raises(InvalidInputError):
        services.link_session(session_id=SESSION, customer=anna, storefront="de")
    with pytest.raises(InvalidInputError):
        services.link_session(session_id="", customer=anna)


def test_events_from_before_the_login_that_arrive_later_are_the_customers_too(
    anna, django_capture_on_commit_callbacks
):
    services.link_session(session_id=SESSION, customer=anna)
    with django_capture_on_commit_callbacks(execute=True):
        view(occurred_at=timezone.now() - timedelta(minutes=5))
    SessionLink.objects.update(linked_at=timezone.now() - timedelta(minutes=4))
    with django_capture_on_commit_callbacks(execute=True):
        view(occurred_at=timezone.now() - timedelta(minutes=1))
    assert owners() == ["anna", None], "what happens after a logout stays anonymous"


def test_a_proven_visitor_who_sends_events_is_linked(anna, django_capture_on_commit_callbacks):
    from ecomai.commerce.visitors import Visitor

    view()
    visitor = Visitor(customer=anna, session_id=SESSION)
    with django_capture_on_commit_callbacks(execute=True):
        commerce.ingest_events([{"type": "view", "item_id": "18"}], visitor=visitor, is_from_browser=True)
    assert owners() == ["anna", "anna"]


def log_in(user, **headers):
    request = RequestFactory().post("/login/", headers=headers)
    request.user = user
    user_logged_in.send(sender=type(user), request=request, user=user)


def test_djangos_login_links_the_browsers_session(browsed, django_user_model):
    user = django_user_model.objects.create(username="carla")
    log_in(user, **{"X-Ecomai-Session": SESSION})
    assert SessionLink.objects.get().customer.external_id == str(user.pk)
    assert str(user.pk) in owners(Order)


def test_a_second_customers_login_in_the_session_succeeds_and_moves_nothing(browsed, anna, django_user_model):
    services.link_session(session_id=SESSION, customer=anna)
    log_in(django_user_model.objects.create(username="carla"), **{"X-Ecomai-Session": SESSION})
    assert SessionLink.objects.get().customer == anna


def test_a_login_without_a_session_makes_no_customer(shop):
    log_in(get_user_model().objects.create(username="staff"))
    assert Customer.objects.count() == 2
