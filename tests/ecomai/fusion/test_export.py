import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from ecomai import scenarios
from ecomai.exceptions import NotFoundError, PermissionDeniedError
from ecomai.fusion import registration, services
from ecomai.registry.models import AuditEntry

from .markers import plant_in_fusion, plant_in_shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("toy_scenario", "shop")]


@pytest.fixture
def known():
    """What is exported of a customer who used everything, with an exporter of a host's app."""
    registration.register_exporter("host.coupons", "tests.ecomai.fusion.host_app.know_coupons")
    customer = plant_in_shop("mark123456789")
    plant_in_fusion("mark123456789", customer)
    yield services.export_customer(storefront="", external_id=customer.external_id)
    registration.unregister("host.coupons")


def test_an_export_holds_all_that_is_known_as_json(known):
    text = json.dumps(known)
    assert known["customer"]["traits"] == {"nickname": "mark123456789", "tags": ["mark123456789"]}
    assert known["sessions"] == ["s-mark123456789"]
    assert {order["id"] for order in known["orders"]} == {"o-1001", "o-1002", "c-mark123456789-0003"}
    assert known["orders"][0]["lines"][0]["item"] == "17"
    assert {"shoes for mark123456789", "key"} & {event["query"] for event in known["events"]}
    assert {event["type"] for event in known["events"]} >= {"search", "view", "cart", "message_open"}
    assert [fact["value"] for fact in known["facts"]] == [0.7]
    assert known["vectors"][0]["values"] == [1.0, 1.0, 1.0]
    assert {record["purpose"] for record in known["consents"]} == {"newsletter", "profiling"}
    assert len(known["rejected_rows"]) == 3
    assert json.loads(text) == known


def test_scenarios_and_host_apps_tell_what_they_know(known):
    assert known["scenarios"]["host.coupons"] == {"coupons": ["coupon of c-mark123456789"]}


def test_an_export_is_audited_under_a_hash(known):
    entry = AuditEntry.objects.get(action="export_customer")
    assert "mark123456789" not in entry.subject


def test_an_export_says_nothing_of_others(anna, bert):
    services.record_consent(purpose="newsletter", is_granted=True, source="x", customer=bert)
    known = services.export_customer(storefront="", external_id="anna")
    assert "bert" not in json.dumps(known)
    assert known["consents"] == []


def test_an_unknown_customer_is_not_found():
    with pytest.raises(NotFoundError):
        services.export_customer(storefront="", external_id="nobody")


def test_the_permission_is_checked(anna, django_user_model):
    with pytest.raises(PermissionDeniedError):
        services.export_customer(
            storefront="", external_id="anna", user=django_user_model.objects.create(username="clerk")
        )


def test_the_command_prints_or_writes_a_new_file(anna, tmp_path):
    out = StringIO()
    call_command("ecomai_export_customer", "anna", stdout=out)
    assert json.loads(out.getvalue())["customer"]["id"] == "anna"
    target = tmp_path / "anna.json"
    call_command("ecomai_export_customer", "anna", output=target)
    assert json.loads(target.read_text())["customer"]["id"] == "anna"
    with pytest.raises(CommandError, match="exists already"):
        call_command("ecomai_export_customer", "anna", output=target)
    with pytest.raises(CommandError):
        call_command("ecomai_export_customer", "nobody")


def test_everybody_with_an_exporter_is_in_the_export(anna):
    known = services.export_customer(storefront="", external_id="anna")
    with_exporter = {scenario.name for scenario in scenarios.installed() if scenario.exporter}
    assert with_exporter
    assert set(known["scenarios"]) == with_exporter | {"experiments"}
