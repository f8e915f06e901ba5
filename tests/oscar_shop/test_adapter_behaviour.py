"""Views, searches, baskets and reviews: what Oscar kept, and what visitors do in its pages."""

import json
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from oscar.core.loading import get_model
from oscar_fixtures import (
    BROWSER,
    FIRST_DAY,
    SESSION,
    make_basket,
    make_order,
    make_product,
    make_shirt,
    make_user,
)

from ecomai import writing
from ecomai.commerce.adapters.backfill import backfill
from ecomai.commerce.models import Customer, Event, RejectedRow
from ecomai.commerce.visitors import SESSION_COOKIE
from ecomai.fusion.models import SessionLink
from ecomai.fusion.services import record_consent
from marketing.models import Feedback

pytestmark = pytest.mark.django_db


def told(kind):
    rows = Event.objects.filter(type=kind).order_by("occurred_at", "id")
    return [
        (row.customer and row.customer.external_id, row.session_id, row.item and row.item.external_id)
        for row in rows
    ]


def note(model, at=FIRST_DAY, **fields):
    row = get_model("analytics", model).objects.create(**fields)
    type(row).objects.filter(pk=row.pk).update(date_created=at)
    return row


# -- history -----------------------------------------------------------------------------------------


def test_views_and_searches_come_in_with_their_time(user):
    cup, shirt = make_product(), make_shirt(M=("20.00", 3))
    note("UserProductView", user=user, product=cup)
    note("UserProductView", user=user, product=shirt.children.get(), at=FIRST_DAY + timedelta(hours=1))
    note("UserSearch", user=user, query="blue cup")
    note("UserSearch", user=user, query="")
    backfill()
    customer = str(user.pk)
    assert told("view") == [(customer, "", str(cup.pk)), (customer, "", str(shirt.pk))]
    search = Event.objects.get(type="search")
    assert (search.query, search.occurred_at) == ("blue cup", FIRST_DAY)
    assert not RejectedRow.objects.exists()


def test_what_a_customer_looks_at_after_a_refusal_is_not_taken(user):
    """Oscar keeps views whatever was answered; we take none of who refused, until the answer is another."""
    cup, other = make_product(), make_user()
    backfill()
    customer = Customer.objects.get(external_id=str(user.pk))
    record_consent(purpose="tracking", is_granted=True, source="test", customer=customer)
    record_consent(purpose="tracking", is_granted=False, source="test", customer=customer)
    record_consent(purpose="marketing", is_granted=False, source="test",
                   customer=Customer.objects.get(external_id=str(other.pk)))  # fmt: skip
    for one in (user, other):
        note("UserProductView", user=one, product=cup)
        note("UserSearch", user=one, query="cup")
        make_basket(one, cup)
        make_order(one, cup)
        cup.reviews.create(user=one, score=4, title="Good", body="It holds tea.", status=1)
    backfill()
    assert {row[0] for kind in ("view", "search", "cart") for row in told(kind)} == {str(other.pk)}
    both = sorted([str(user.pk), str(other.pk)])
    assert sorted(row[0] for row in told("review")) == both
    assert sorted(row[0] for row in told("purchase")) == both
    record_consent(purpose="tracking", is_granted=True, source="test", customer=customer)
    backfill()
    assert sorted(row[0] for row in told("view")) == both


def test_what_staff_look_at_is_their_work():
    staff = make_user(is_staff=True)
    note("UserProductView", user=staff, product=make_product())
    note("UserSearch", user=staff, query="cup")
    backfill()
    assert not Event.objects.exists()
    assert not Customer.objects.exists()


def test_baskets_are_additions_and_anonymous_ones_are_nobodys(user):
    cup, shirt = make_product(price="10.00"), make_shirt(M=("25.00", 3))
    make_basket(user, (cup, 2), shirt.children.get())
    make_basket(None, cup)
    backfill()
    events = Event.objects.filter(type="cart").order_by("value")
    assert [(event.item.external_id, event.quantity, event.value, event.currency) for event in events] == [
        (str(cup.pk), 2, 20, "EUR"), (str(shirt.pk), 1, 25, "EUR"),
    ]  # fmt: skip
    assert {event.customer.external_id for event in events} == {str(user.pk)}


def test_a_basket_that_a_guest_fills_and_then_logs_in_is_the_customers(user, commit):
    cup, pot = make_product("Cup"), make_product("Pot")
    backfill()
    with commit():
        mine = make_basket(user, cup)
        theirs = make_basket(None, cup, pot)
    assert told("cart") == [(str(user.pk), "", str(cup.pk))]
    with commit():
        mine.merge(theirs)
    assert sorted(told("cart")) == sorted((str(user.pk), "", str(item.pk)) for item in (cup, pot))


def test_a_review_is_told_with_its_words_once_it_is_approved(user, commit):
    cup = make_product()
    backfill()
    with commit():
        review = cup.reviews.create(user=user, score=2, title="So so", body="It broke at once.", status=0)
    assert told("review") == []
    review.status = review.APPROVED
    with commit():
        review.save()
    assert told("review") == [(str(user.pk), "", str(cup.pk))]
    event = Event.objects.get(type="review")
    assert event.properties == {"score": 2, "title": "So so", "text": "It broke at once."}
    heard = Feedback.objects.get()
    assert (heard.text, heard.title, heard.rating) == ("It broke at once.", "So so", 2)
    assert (heard.item.external_id, heard.customer.external_id) == (str(cup.pk), str(user.pk))
    assert "quality" in heard.sentences.values_list("aspect__slug", flat=True)


@pytest.mark.parametrize("letter", ["a", "很", "\N{GRINNING FACE}"])
def test_of_a_long_review_as_much_is_told_as_an_event_carries(user, commit, letter):
    cup = make_product()
    backfill()
    body = 5000 * letter
    with commit():
        cup.reviews.create(user=user, score=5, title="Long", body=body, status=1)
    text = Event.objects.get(type="review").properties["text"]
    assert body.startswith(text)
    assert 4096 - 100 <= len(json.dumps({"score": 5, "title": "Long", "text": text})) <= 4096


def test_oscars_counts_are_told_as_they_were(user):
    cup = make_product()
    counts = get_model("analytics", "ProductRecord").objects
    counts.create(product=cup, num_views=20, num_basket_additions=5, num_purchases=2)
    backfill()
    backfill()
    assert Event.objects.get(type="popularity").properties == {
        "views": 20, "basket_additions": 5, "purchases": 2,
    }  # fmt: skip
    counts.update(num_views=30)
    backfill()
    assert Event.objects.filter(type="popularity").count() == 2


# -- while they are there ----------------------------------------------------------------------------


@pytest.fixture
def visitor(client, db, monkeypatch):
    """A browser that has agreed to our tracker."""
    client.cookies[SESSION_COOKIE] = SESSION
    client.defaults.update(BROWSER)
    return client


@pytest.fixture
def cup(db):
    cup = make_product("Cup")
    backfill()
    return cup


def put_into_basket(client, product):
    return client.post(reverse("basket:add", kwargs={"pk": product.pk}), {"quantity": 1})


def test_an_anonymous_visitor_is_known_by_the_session(visitor, cup, commit, settings):
    settings.ROOT_URLCONF = "oscar_search_urls"
    with commit():
        assert visitor.get(cup.get_absolute_url()).status_code == 200
        assert put_into_basket(visitor, cup).status_code == 302
        visitor.get("/oscars-search/", {"q": "blue cup"})
    assert told("view") == told("cart") == [(None, SESSION, str(cup.pk))]
    assert Event.objects.get(type="search").query == "blue cup"


def test_without_consent_there_is_no_session_and_nothing_is_kept(client, cup, commit):
    client.defaults.update(BROWSER)
    with commit():
        client.get(cup.get_absolute_url())
        put_into_basket(client, cup)
    assert told("view") == told("cart") == []


@pytest.mark.parametrize(
    "agent", ["", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"]
)
def test_a_crawler_is_nobody(visitor, cup, commit, agent):
    with commit():
        visitor.get(cup.get_absolute_url(), HTTP_USER_AGENT=agent)
    assert told("view") == []


def test_a_customers_view_counts_once_and_tells_whose_the_session_is(visitor, cup, user, commit):
    with commit():
        visitor.get(cup.get_absolute_url())
    visitor.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    with commit():
        visitor.get(cup.get_absolute_url())
    customer = str(user.pk)
    assert sorted(told("view")) == [(customer, "", str(cup.pk)), (customer, SESSION, str(cup.pk))]
    assert SessionLink.objects.get().customer.external_id == customer


def test_a_guests_addition_that_is_merged_at_login_stays_one(visitor, cup, user, commit):
    with commit():
        put_into_basket(visitor, cup)
    visitor.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    with commit():
        visitor.get(reverse("basket:summary"))
        visitor.get(cup.get_absolute_url())
    assert get_model("basket", "Line").objects.get().basket.owner == user, "Oscar merged it"
    assert told("cart") == [(str(user.pk), SESSION, str(cup.pk))]


def test_staff_are_no_customers(visitor, cup, commit):
    visitor.force_login(make_user(is_staff=True), backend="django.contrib.auth.backends.ModelBackend")
    with commit():
        visitor.get(cup.get_absolute_url())
    assert told("view") == []
    assert not SessionLink.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_page_does_not_wait_for_what_is_written_about_it(visitor, user):
    cup = make_product("Cup")
    backfill()
    visitor.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    visitor.get(cup.get_absolute_url())
    writing.flush()
    with CaptureQueriesContext(connection) as queries:
        visitor.get(cup.get_absolute_url())
    statements = [query["sql"].replace('"', "") for query in queries]
    assert any("INSERT INTO analytics_userproductview" in statement for statement in statements), (
        "Oscar's own"
    )
    assert not any("INSERT INTO ecomai_commerce" in statement for statement in statements)
    writing.flush()
    assert told("view") == [(str(user.pk), "", str(cup.pk))] * 2


@pytest.mark.django_db(transaction=True)
def test_the_thread_writes_by_itself(visitor):
    cup = make_product("Cup")
    backfill()
    visitor.get(cup.get_absolute_url())
    thread = writing._writer._thread
    assert thread is not None
    assert thread.is_alive()
    for _ in range(100):
        if told("view"):
            break
        thread.join(0.05)
    assert told("view") == [(None, SESSION, str(cup.pk))]


@pytest.mark.django_db(transaction=True)
def test_a_fault_of_ours_never_reaches_a_page(visitor, monkeypatch, caplog):
    cup = make_product("Cup")
    backfill()

    def fail(*args, **kwargs):
        raise OSError("our disk is full")

    monkeypatch.setattr("ecomai.commerce.services.ingest_events", fail)
    assert visitor.get(cup.get_absolute_url()).status_code == 200
    writing.flush()
    assert "our disk is full" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_what_happens_while_the_database_is_away_is_written_later(visitor, monkeypatch):
    cup = make_product("Cup")
    backfill()
    with monkeypatch.context() as patched:
        patched.setattr("ecomai.commerce.services.ingest_events", _no_database)
        visitor.get(cup.get_absolute_url())
        writing.flush()
    assert told("view") == []
    writing.flush()
    assert told("view") == [(None, SESSION, str(cup.pk))]


def _no_database(*args, **kwargs):
    raise OperationalError("the server closed the connection")
