"""The page on which customers say what to hear of: by a signed link or a login, in the consent ledger."""

import pytest
from django.urls import reverse

from ecomai.commerce.models import Customer
from ecomai.fusion.models import ConsentRecord
from ecomai.fusion.services import record_consent
from marketing.models import Campaign, Channel, CustomerProfile, Delivery, Segment, Topic
from marketing.services.preferences import preferences_of
from marketing.services.unsubscribing import preferences_url

pytestmark = pytest.mark.django_db
ALL = set(Channel.values)


@pytest.fixture(autouse=True)
def _shop(settings):
    settings.ECOMAI = settings.ECOMAI | {
        "FUSION": {"DEFAULT_CONSENT": {"marketing": True}},
        "MARKETING": {"BASE_URL": "https://shop.example", "LEAST_JUDGED": 1, "MOST_UNSUBSCRIBED": 0.5},
        "COMMERCE": settings.ECOMAI.get("COMMERCE", {}) | {"CUSTOMER_ID": lambda user: user.username},
    }


@pytest.fixture
def customer(make_customer) -> Customer:
    customer = make_customer("c1")
    CustomerProfile.objects.create(customer=customer, has_consent=True)
    Topic.objects.create(slug="news", name="News", description="What is new.")
    Topic.objects.create(slug="sales", name="Sales")
    return customer


@pytest.fixture
def link(customer) -> str:
    segment = Segment.objects.create(name="All", slug="all", kind="static")
    campaign = Campaign.objects.create(name="Spring", segment=segment, state=Campaign.State.SENDING)
    row = Delivery.objects.create(campaign=campaign, customer=customer, state=Delivery.State.SENT)
    return preferences_url(customer_pk=customer.pk, delivery_pk=row.pk).removeprefix("https://shop.example")


def test_a_link_shows_the_choices_without_a_login_and_changes_nothing(client, link):
    answer = client.get(link)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert text.count('type="checkbox"') == len(ALL) + 2
    assert text.count(" checked") == len(ALL) + 2
    assert "no-referrer" in text, "the link is a proof, and goes to nobody else"
    assert not ConsentRecord.objects.exists()
    assert client.get(link[:-5] + "abcd/").status_code == 404


def test_choices_of_channels_and_topics_are_noted_in_the_ledger(client, link, customer):
    client.post(link, {"channel": ["email", "onsite"], "topic": ["news"]})
    known = preferences_of(customer)
    assert (known.is_allowed, known.channels, known.topics) == (True, {"email", "onsite"}, {"news"})
    noted = {(row.purpose, row.channel, row.is_granted) for row in ConsentRecord.objects.all()}
    assert noted == {
        ("marketing", "webhook", False), ("marketing", "chat", False), ("marketing.sales", "", False),
    }  # fmt: skip
    client.post(link, {"channel": ["email", "onsite"], "topic": ["news"]})
    assert ConsentRecord.objects.count() == 3, "what did not change is not noted again"
    client.post(link, {"channel": list(ALL), "topic": ["news", "sales"]})
    assert preferences_of(customer).channels == ALL


def test_unsubscribe_from_everything_and_come_back(
    client, link, customer, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        text = client.post(link, {"refuse": "1"}).content.decode()
    assert "no more messages" in text
    known = preferences_of(customer)
    assert (known.is_allowed, known.channels) == (False, set())
    assert not CustomerProfile.objects.get().has_consent
    assert Delivery.objects.get().unsubscribed_at is not None
    assert Campaign.objects.get().state == Campaign.State.PAUSED, "its only mail made somebody leave"
    with django_capture_on_commit_callbacks(execute=True):
        client.post(link, {"channel": ["email"], "topic": ["news", "sales"]})
    known = preferences_of(customer)
    assert (known.is_allowed, known.channels) == (True, {"email"})
    assert CustomerProfile.objects.get().has_consent


def test_no_channel_at_all_is_a_refusal(client, link, customer):
    client.post(link, {"topic": ["news"]})
    assert not preferences_of(customer).is_allowed


def test_who_is_logged_in_sees_ones_own_and_others_are_sent_to_the_login(
    client, customer, django_user_model, make_customer
):
    address = reverse("ecomai:marketing-preferences")
    answer = client.get(address)
    assert (answer.status_code, "next=" in answer["Location"]) == (302, True)
    other = make_customer("c2")
    client.force_login(django_user_model.objects.create_user("c1"))
    assert client.get(address).status_code == 200
    client.post(address, {"channel": ["chat"], "topic": []})
    assert preferences_of(customer).channels == {"chat"}
    assert preferences_of(other).channels == ALL


def test_a_login_needs_the_forms_token(customer, django_user_model):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(django_user_model.objects.create_user("c1"))
    assert client.post(reverse("ecomai:marketing-preferences"), {"refuse": "1"}).status_code == 403
    assert preferences_of(customer).is_allowed


def test_the_page_speaks_the_customers_language(client, link, customer):
    Customer.objects.filter(pk=customer.pk).update(language="zh-hans")
    text = client.get(link).content.decode()
    assert '<html lang="zh-hans">' in text
    assert "全部退订" in text


def test_a_later_answer_for_all_channels_counts_for_each(customer):
    record_consent(customer=customer, purpose="marketing", channel="email", is_granted=True, source="t")
    record_consent(customer=customer, purpose="marketing", is_granted=False, source="t")
    assert preferences_of(customer).channels == set()
