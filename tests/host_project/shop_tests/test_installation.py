import ast
from pathlib import Path

import pytest
from django.apps import apps
from django.core import checks
from django.urls import reverse
from host_project import adapter as adapter_module
from host_project.accounts.models import User
from host_project.adapter import Adapter
from host_project.orders.models import Order

from ecomai.commerce.adapters import ItemMapping
from ecomai.commerce.adapters.backfill import backfill
from ecomai.commerce.adapters.checks import check_adapter
from ecomai.commerce.models import Customer
from ecomai.fusion.models import SessionLink
from ecomai.fusion.services import erase_customer, export_customer


def test_the_adapter_has_less_than_sixty_lines_of_code():
    source = Path(adapter_module.__file__).read_text()
    ast.parse(source)
    assert len([line for line in source.splitlines() if line.strip()]) < 60


def test_the_system_checks_have_nothing_to_say():
    assert [message for message in checks.run_checks() if message.level >= checks.WARNING] == []


def test_the_shops_own_marketing_app_keeps_its_label():
    assert apps.get_app_config("marketing").name == "host_project.marketing"
    assert apps.get_model("marketing.Campaign")._meta.db_table == "marketing_campaign"


def test_an_adapter_that_cannot_be_imported_is_named(settings):
    settings.ECOMAI = {"COMMERCE": {"ADAPTER": "host_project.nowhere.Adapter"}}
    assert [message.id for message in check_adapter()] == ["ecomai_commerce.E010"]
    settings.ECOMAI = {"COMMERCE": {"ADAPTER": "host_project.accounts.models.User"}}
    assert [message.id for message in check_adapter()] == ["ecomai_commerce.E010"]


def test_a_mapping_of_a_missing_model_is_named(settings, monkeypatch):
    monkeypatch.setattr(Adapter, "items", [ItemMapping(model="catalogue.Gone", title="name")])
    messages = check_adapter()
    assert [message.id for message in messages] == ["ecomai_commerce.E011"]
    assert "catalogue.Gone" in messages[0].msg


@pytest.mark.django_db
def test_our_pages_live_in_the_shops_own_admin(client, history):
    client.force_login(User.objects.get(is_staff=True))
    backfill()
    for name in ("ecomai_fusion_customerpicture_changelist", "catalogue_product_changelist", "index"):
        assert client.get(reverse(f"admin:{name}")).status_code == 200
    customer = Customer.objects.first()
    page = client.get(
        reverse("admin:ecomai_fusion_customerpicture_change", args=[customer.pk])
    ).content.decode()
    assert "O000" in page


@pytest.mark.django_db
def test_the_shops_login_by_email_makes_the_session_the_customers(client, history):
    user = User.objects.get(email="user3@shop.example")
    client.force_login(user)
    response = client.get("/api/ecomai/fusion/me/")
    assert response.json()["customer"]["id"] == str(user.pk)
    from django.contrib.auth.signals import user_logged_in
    from django.test import RequestFactory

    request = RequestFactory().post("/login/", headers={"X-Ecomai-Session": "session-0001"})
    request.user = user
    user_logged_in.send(sender=User, request=request, user=user)
    assert SessionLink.objects.get().customer.external_id == str(user.pk)


@pytest.mark.django_db
def test_a_customer_of_the_shop_is_exported_and_erased(history, settings, tmp_path):
    settings.ECOMAI = {**settings.ECOMAI, "REGISTRY": {"FOLDER": tmp_path}}
    backfill()
    user = User.objects.get(email="user3@shop.example")
    known = export_customer(storefront="", external_id=str(user.pk))
    assert [order["id"] for order in known["orders"]] == ["O00003", "O00023", "O00043"]
    erase_customer(storefront="", external_id=str(user.pk))
    assert Order.objects.filter(buyer=user).count() == 3, "the shop's own rows are the shop's"
    assert not Customer.objects.filter(external_id=str(user.pk)).exists()
