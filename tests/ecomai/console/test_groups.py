"""Ready-made groups: made once, completed by new scenarios, and never against an admin's will."""

import io
from typing import get_args

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from ecomai import scenarios
from ecomai.console.groups import FOUNDATION, make_groups, wanted_permissions
from ecomai.console.models import ReadyGroup
from ecomai.scenarios import Role, Scenario

pytestmark = pytest.mark.django_db


def permissions_of(name):
    rows = Group.objects.get(name=name).permissions.select_related("content_type")
    return {f"{row.content_type.app_label}.{row.codename}" for row in rows}


@pytest.fixture
def risk():
    """A scenario that is installed later."""
    given = {"risk_reviewer": ("auth.view_user", "later.review")}
    scenario = Scenario(name="later", verbose_name="Later", group_permissions=given)
    yield lambda: scenarios.register(scenario)
    scenarios.unregister("later")


def test_each_role_becomes_a_group_with_permissions_that_exist():
    made = make_groups()
    assert [group.name for group in made] == [
        "ecomai analyst", "ecomai merchandiser", "ecomai risk reviewer", "ecomai support agent",
        "ecomai marketer",
    ]  # fmt: skip
    for role in get_args(Role):
        name = f"ecomai {role.replace('_', ' ')}"
        assert permissions_of(name) == set(wanted_permissions(role)), "a permission is misspelt"


def test_a_second_call_changes_nothing():
    make_groups()
    before = {name: permissions_of(name) for name in Group.objects.values_list("name", flat=True)}
    assert {(group.outcome, *group.given) for group in make_groups()} == {("unchanged",)}
    assert {name: permissions_of(name) for name in before} == before


def test_what_an_admin_took_away_or_added_stays_so():
    make_groups()
    group = Group.objects.get(name="ecomai merchandiser")
    group.permissions.remove(Permission.objects.get(codename="go_live_modelversion"))
    group.permissions.add(Permission.objects.get(codename="view_user"))
    group.name = "Shop floor"
    group.save()
    make_groups()
    assert "ecomai_registry.go_live_modelversion" not in permissions_of("Shop floor")
    assert "auth.view_user" in permissions_of("Shop floor")
    assert not Group.objects.filter(name="ecomai merchandiser").exists(), "a renamed group is not made again"


def test_a_group_that_an_admin_deleted_is_not_made_again():
    make_groups()
    Group.objects.get(name="ecomai marketer").delete()
    assert {group.outcome for group in make_groups() if group.name == "ecomai marketer"} == {"deleted"}
    assert not Group.objects.filter(name="ecomai marketer").exists()


def test_a_scenario_that_comes_later_completes_its_groups(risk):
    make_groups()
    risk()
    outcomes = {group.name: group for group in make_groups()}
    assert outcomes["ecomai risk reviewer"].given == ["auth.view_user"]
    assert outcomes["ecomai analyst"].outcome == "unchanged"
    assert "later.review" not in ReadyGroup.objects.get(pk="risk_reviewer").given, (
        "it is given once it exists"
    )


def test_a_group_of_that_name_from_before_keeps_what_it_has():
    group = Group.objects.create(name="ecomai analyst")
    group.permissions.add(Permission.objects.get(codename="view_user"))
    make_groups()
    assert permissions_of("ecomai analyst") == {"auth.view_user", *wanted_permissions("analyst")}


def test_a_scenario_cannot_name_a_group_that_does_not_exist():
    scenario = Scenario(name="later", verbose_name="Later", group_permissions={"boss": ()})
    with pytest.raises(ImproperlyConfigured, match="boss"):
        scenarios.register(scenario)


def test_only_a_merchandiser_decides_what_customers_see():
    deciding = {"ecomai_registry.promote_modelversion", "ecomai_registry.go_live_modelversion"}
    assert [role for role in FOUNDATION if deciding & set(wanted_permissions(role))] == ["merchandiser"]


def test_the_command_says_what_it_did_and_a_member_reaches_the_console(client):
    out = io.StringIO()
    call_command("ecomai_groups", stdout=out)
    assert "ecomai support agent: made, with" in out.getvalue()
    call_command("ecomai_groups", stdout=out)
    assert "ecomai analyst: has everything already." in out.getvalue()
    user = get_user_model().objects.create_user("ann", password="x", is_staff=True)
    user.groups.add(Group.objects.get(name="ecomai analyst"))
    client.force_login(user)
    assert client.get("/admin/ecomai_console/console/").status_code == 200
    assert client.get("/admin/ecomai_registry/modeldeployment/").status_code == 200
    assert client.get("/admin/ecomai_commerce/apikey/").status_code == 403
