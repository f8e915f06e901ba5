import json
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from ecomai.commerce.models import Customer, Event, Order
from ecomai.fusion.models import ErasureRequest

from .markers import plant_in_fusion, plant_in_shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("toy_scenario", "shop")]

CHANGELISTS = ["fact", "consentrecord", "sessionlink", "erasurerequest", "retrainmark", "customerpicture"]


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.ECOMAI = {"REGISTRY": {"FOLDER": tmp_path}}


@pytest.fixture
def clerk(client, django_user_model):
    """A member of staff; call it with the permissions to have."""
    user = django_user_model.objects.create(username="clerk", is_staff=True)

    def with_permissions(*codenames):
        user.user_permissions.set(
            Permission.objects.filter(content_type__app_label="ecomai_fusion", codename__in=codenames)
        )
        client.force_login(user)
        return client

    return with_permissions


@pytest.fixture
def known(shop):
    customer = plant_in_shop("mark123456789")
    plant_in_fusion("mark123456789", customer)
    return customer


def picture_of(customer):
    return reverse("admin:ecomai_fusion_customerpicture_change", args=[customer.pk])


@pytest.mark.parametrize("name", CHANGELISTS)
def test_lists_show_empty_and_full_in_few_queries(admin_client, name, known, django_assert_max_num_queries):
    url = reverse(f"admin:ecomai_fusion_{name}_changelist")
    with django_assert_max_num_queries(15):
        assert admin_client.get(url).status_code == 200
    assert admin_client.get(url, {"q": "nothing like it"}).status_code == 200


@pytest.mark.parametrize("name", CHANGELISTS)
def test_lists_need_a_permission(clerk, name):
    assert clerk().get(reverse(f"admin:ecomai_fusion_{name}_changelist")).status_code == 403


def test_the_picture_shows_all_that_is_known_in_few_queries(
    admin_client, known, django_assert_max_num_queries
):
    with django_assert_max_num_queries(15):
        page = admin_client.get(picture_of(known)).content.decode()
    for text in (
        "0.7",
        "probability",
        "newsletter",
        "o-1001",
        "shoes for mark123456789",
        "s-mark123456789",
        "Nickname",
    ):
        assert text in page


def test_the_picture_of_a_new_customer_says_what_is_missing(admin_client, anna):
    page = admin_client.get(picture_of(anna)).content.decode()
    assert page.count('class="empty"') == 5


def test_the_picture_has_neither_inline_script_nor_style(admin_client, known):
    page = admin_client.get(picture_of(known)).content.decode()
    content = page[page.index('class="ecomai-picture"') :]
    assert "style=" not in content.split("<footer")[0]
    assert "onclick" not in page


def test_without_the_permissions_there_are_no_buttons_and_no_way_around(clerk, known):
    client = clerk("view_customerpicture")
    page = client.get(picture_of(known))
    assert page.status_code == 200
    export, erase = (reverse(f"admin:ecomai_fusion_{name}", args=[known.pk]) for name in ("export", "erase"))
    assert export not in page.content.decode()
    assert erase not in page.content.decode()
    assert client.post(export).status_code == 403
    assert client.post(erase, {"confirmation": known.external_id}).status_code == 403
    assert Customer.objects.filter(pk=known.pk).exists()


def test_the_export_downloads_json_by_post_only(clerk, known):
    client = clerk("view_customerpicture", "export_customer")
    url = reverse("admin:ecomai_fusion_export", args=[known.pk])
    assert client.get(url).status_code == 403
    response = client.post(url)
    assert "attachment" in response["Content-Disposition"]
    assert json.loads(response.content)["customer"]["id"] == known.external_id


def test_the_erasure_asks_for_the_id_and_shows_the_receipt(clerk, known):
    client = clerk("view_customerpicture", "view_erasurerequest", "erase_customer")
    url = reverse("admin:ecomai_fusion_erase", args=[known.pk])
    assert "Type the customer" in client.get(url).content.decode()
    assert "Nothing was erased" in client.post(url, {"confirmation": "someone"}).content.decode()
    assert Customer.objects.filter(pk=known.pk).exists()
    receipt_page = client.post(url, {"confirmation": known.external_id}, follow=True)
    receipt = ErasureRequest.objects.get()
    assert receipt.requested_by.username == "clerk"
    assert receipt.subject_digest[:12] in receipt_page.content.decode()
    assert "commerce.orders: orders deidentified (3)" in receipt_page.content.decode()
    assert "mark123456789" not in receipt_page.content.decode()
    assert client.get(picture_of(known), follow=True).status_code in (200, 403)


def test_rows_are_read_only(admin_client, known):
    assert admin_client.get(reverse("admin:ecomai_fusion_consentrecord_add")).status_code == 403
    record = known.consents.first()
    url = reverse("admin:ecomai_fusion_consentrecord_delete", args=[record.pk])
    assert admin_client.post(url, {"post": "yes"}).status_code == 403


def test_picture_says_values_as_people_write_them(admin_client, anna):
    anna.traits = {"age_band": "25-34", "newsletter": False, "likes": ["tea", "hiking"]}
    anna.save()
    Order.objects.create(
        external_id="o-7", customer=anna, total=Decimal("11.9"), currency="EUR", placed_at=timezone.now()
    )
    Event.objects.create(key="7" * 32, type="cart", customer=anna, occurred_at=timezone.now())
    page = admin_client.get(picture_of(anna)).content.decode()
    for text in ("Age band", "<td>no</td>", "tea, hiking", "€11.90", "added to basket"):
        assert text in page
