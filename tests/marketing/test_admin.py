"""The pages of profiles: who sees them, what they say, how often they ask the database."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from ecomai.commerce.services.keys import create_api_key
from marketing.models import CustomerProfile
from marketing.services import refresh_profiles, voice, work_requests

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def marketer(client) -> User:
    user = User.objects.create_user("marketer", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_customerprofile"))
    client.force_login(user)
    return user


@pytest.fixture
def warned(make_customer, make_item, make_order):
    """A good customer who is ten days late and has looked around since."""
    mia = make_customer("mia")
    tea = make_item(category_path="Food > Tea", brand="Leaf")
    now = timezone.now()
    for days in (70, 60, 50, 40, 30):
        make_order(mia, now - days * DAY, item=tea, total=100)
    refresh_profiles([mia.pk])
    profiles = CustomerProfile.objects.filter(customer=mia)
    profiles.update(has_consent=True, monetary_score=5, last_seen_at=now - DAY)
    return mia


def test_a_profile_is_a_page_of_sentences_and_figures(client, marketer, warned):
    page = client.get(reverse("admin:ecomai_marketing_customerprofile_change", args=[warned.pk]))
    text = page.content.decode()
    assert "5 orders since" in text
    assert "Is later than usual with the next order" in text
    assert "Buys most of all: Tea." in text
    assert "from 5 orders" in text
    assert "All that is known" not in text, "that page wants another permission"


def test_pages_say_it_in_chinese(client, marketer, warned):
    with translation.override("zh-hans"):
        page = client.get(
            reverse("admin:ecomai_marketing_customerprofile_change", args=[warned.pk]),
            headers={"accept-language": "zh-hans"},
        )
    assert "最常购买：Tea。" in page.content.decode()


def test_the_early_warning_says_why_and_what_to_do(client, marketer, warned):
    text = client.get(reverse("admin:ecomai_marketing_profile_early_warning")).content.decode()
    assert "One good customer may leave" in text
    assert "Is 20 days late." in text
    assert "Has looked around since, without an order." in text
    assert "Show what is new in Tea." in text


def test_who_complained_last_is_answered_before_anything_is_offered(client, marketer, warned):
    voice.take_feedback([{"external_id": "r", "text": "It came broken.", "rating": 1, "customer_id": "mia"}])
    work_requests()
    CustomerProfile.objects.filter(customer=warned).update(has_consent=True, monetary_score=5)
    text = client.get(reverse("admin:ecomai_marketing_profile_early_warning")).content.decode()
    assert "What was written last is negative." in text
    assert "Answer what was written, before anything is offered." in text


@pytest.mark.parametrize(
    "change",
    [
        {"has_consent": False},
        {"monetary_score": 3},
        {"alive_probability": 0.9},
        {"alive_probability": 0.001},
        {"at_risk_at": timezone.now() + DAY},
    ],
    ids=["refused", "small", "alive", "gone", "in_time"],
)
def test_who_is_not_warned_of(client, marketer, warned, change):
    CustomerProfile.objects.filter(customer=warned).update(**change)
    text = client.get(reverse("admin:ecomai_marketing_profile_early_warning")).content.decode()
    assert "Nobody of them is late or likely to leave." in text


def test_the_early_warning_asks_as_often_for_many_as_for_one(client, marketer, warned, make_customer):
    address = reverse("admin:ecomai_marketing_profile_early_warning")
    client.get(address)
    counts = []
    for n_more in (0, 8):
        for _number in range(n_more):
            CustomerProfile.objects.create(
                customer=make_customer(), has_consent=True, monetary_score=5, spent=Decimal(9),
                alive_probability=0.3,
            )  # fmt: skip
        with CaptureQueriesContext(connection) as asked:
            client.get(address)
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_a_profile_over_rest_is_for_keys_that_may_read_it(client, warned):
    address = "/ecomai/marketing/customers/mia/profile/"
    assert client.get(address).status_code in (401, 403)
    _key, wrong = create_api_key(name="shop", kind="secret")
    assert client.get(address, headers={"authorization": f"Bearer {wrong}"}).status_code == 403
    _key, right = create_api_key(name="reader", kind="secret", scopes=["marketing:read"])
    headers = {"authorization": f"Bearer {right}"}
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200
    assert (answer.json()["stage"], answer.json()["n_orders"]) == ("at_risk", 5)
    nobody = client.get("/ecomai/marketing/customers/nobody/profile/", headers=headers)
    assert (nobody.status_code, nobody.json()["error"]["code"]) == (404, "not_found")
