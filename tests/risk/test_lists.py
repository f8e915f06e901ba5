"""Lists of what is let through, stopped and watched."""

import csv
import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from ecomai.commerce.services import create_api_key
from ecomai.exceptions import InvalidInputError, PermissionDeniedError
from ecomai.registry.models import AuditEntry
from risk.models import ListEntry, Rule
from risk.services import lists, rules
from risk.services.lists import (
    export_entries,
    import_entries,
    key_of,
    lists_of,
    put_on_list,
    take_off_list,
)

pytestmark = pytest.mark.django_db

HEAD = "list,kind,value,expires_at,note\n"


@pytest.fixture(autouse=True)
def _no_rules_remembered():
    rules.forget_rules()
    yield
    rules.forget_rules()


@pytest.fixture
def server() -> Any:
    """What a shop's server sends with its key."""
    _key, secret = create_api_key(name="server", kind="secret", scopes=["risk:lists"])
    return {"headers": {"Authorization": f"Bearer {secret}"}, "content_type": "application/json"}


# -- what is listed, and what of it is known ----------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("customer", "c-1", "c-1"),
        ("card", "card-1", "…"),
        ("device", "device-1", "de…-1"),
        ("email", "MIA.Jones+shop@Shop.Example", "m…@shop.example"),
        ("email_domain", "@shop.example", "shop.example"),
        ("address", "1 high street, BATH", "1 …TH"),
        ("ip", "203.0.113.7", "an address in 203.0.113.0/24"),
        ("ip", "203.0.113.0/24", "203.0.113.0/24"),
        ("ip", "203.0.0.0/16", "203.0.0.0/16"),
    ],
)
def test_what_is_listed_is_found_and_not_shown(ask, kind, value, shown):
    """Each spells what the ordinary order has, in another way."""
    asked = ask()
    assert lists_of(asked) == {}
    entry = put_on_list(list="block", kind=kind, value=value)
    assert entry.shown == shown
    assert lists_of(asked) == {kind: "block"}
    if value not in shown:
        assert value not in str(list(ListEntry.objects.values()))
        assert value not in str(list(AuditEntry.objects.values()))


def test_ipv6_networks_are_listed_as_well(ask):
    asked = ask(ip_address="2001:db8:1:2::7")
    put_on_list(list="watch", kind="ip", value="2001:db8::/32")
    assert lists_of(asked) == {"ip": "watch"}
    put_on_list(list="block", kind="ip", value="2001:0db8:0001:0002:0000:0000:0000:0007")
    assert lists_of(asked) == {"ip": "block"}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", "mia.jones"), ("email", "@shop.example"), ("email_domain", "shop"), ("ip", "203.0.113"),
        ("ip", "203.0.113.0/30"), ("ip", "0.0.0.0/0"), ("ip", "::/0"), ("address", "--"), ("card", ""),
        ("card", "x" * 501), ("device", "a\0b"), ("planet", "Mars"), ("ip", "203.0.113.0/24/8"),
    ],
)  # fmt: skip
def test_what_is_no_such_value_is_refused(kind, value):
    with pytest.raises(InvalidInputError):
        put_on_list(list="block", kind=kind, value=value)
    assert not ListEntry.objects.exists()


def test_a_lookup_is_one_query(ask, django_assert_num_queries):
    asked = ask()
    put_on_list(list="block", kind="card", value="card-1")
    with django_assert_num_queries(1):
        lists_of(asked)


def test_a_value_is_on_one_list_at_a_time():
    put_on_list(list="block", kind="card", value="card-1")
    put_on_list(list="allow", kind="card", value="card-1", note="It was a mistake.")
    assert [(entry.list, entry.note) for entry in ListEntry.objects.all()] == [("allow", "It was a mistake.")]


def test_an_entry_ends(ask):
    asked = ask()
    entry = put_on_list(
        list="block", kind="card", value="card-1", expires_at=timezone.now() + timedelta(hours=1)
    )
    assert lists_of(asked) == {"card": "block"}
    ListEntry.objects.filter(pk=entry.pk).update(expires_at=timezone.now() - timedelta(hours=1))
    assert lists_of(asked) == {}
    with pytest.raises(InvalidInputError, match="ended already"):
        put_on_list(list="block", kind="card", value="x", expires_at=timezone.now() - timedelta(days=1))


def test_storefronts_have_lists_of_their_own(ask):
    asked = ask()
    put_on_list(storefront="b2b", list="block", kind="card", value="card-1")
    assert lists_of(asked) == {}


def test_a_rule_sees_lists_at_the_checkout(ask, live_policy):
    live_policy()
    rule = Rule.objects.create(
        name="Blocked", kinds=["payment_fraud"], condition='"block" in lists and card_list == "block"',
        action="decline", state="live", reason="It is blocked.",
    )  # fmt: skip
    assert ask("o-1").decision == "approve"
    entry = put_on_list(list="block", kind="card", value="card-1")
    asked = ask("o-2", amount=Decimal(9))
    assert (asked.decision, asked.rules_fired[0]["rule"]) == ("decline", rule.pk)
    take_off_list(entry=entry)
    take_off_list(entry=entry)
    assert ask("o-3").decision == "approve"
    assert [each.action for each in AuditEntry.objects.filter(subject__startswith="card").order_by("pk")] == [
        "put_on_list", "take_off_list"
    ]  # fmt: skip


def test_who_may_not_change_lists_does_not(django_user_model):
    user = django_user_model.objects.create_user("reviewer")
    entry = put_on_list(list="block", kind="card", value="card-1")
    for act in (
        lambda: put_on_list(list="allow", kind="card", value="card-1", user=user),
        lambda: take_off_list(entry=entry, user=user),
        lambda: import_entries([HEAD], user=user),
        lambda: next(export_entries(user=user)),
    ):
        with pytest.raises(PermissionDeniedError):
            act()
    assert ListEntry.objects.get().list == "block"


# -- files --------------------------------------------------------------------------------------


def test_good_lines_are_stored_and_bad_ones_named():
    report = import_entries([
        HEAD,
        "block,card,card-1,2099-01-31,stolen\n",
        "blok,card,card-2,,\n",
        'watch,address,"1 High Street,\n',
        ' Bath",,\n',
        "allow,ip,nowhere,,\n",
        "allow,email,a@b.example,tomorrow,\n",
        "allow,email\n",
        "watch,card,card-1,,seen again\n",
    ])  # fmt: skip
    assert (report.n_stored, report.n_bad) == (3, 4)
    assert [(each["line"], each["reason"]) for each in report.problems] == [
        (3, "there is no list “blok”."),
        (6, "“nowhere” is no IP address."),
        (7, "“tomorrow” is no time; write it as 2027-01-31 or 2027-01-31T12:00Z."),
        (8, "a value has from 1 to 500 characters."),
    ]
    assert sorted(ListEntry.objects.values_list("kind", "list", "note")) == [
        ("address", "watch", ""), ("card", "watch", "seen again")
    ]  # fmt: skip


@pytest.mark.parametrize(
    "lines",
    [[], ["card-1\n"], ["list,value\n", "block,card-1\n"], ["\0\0"]],
    ids=["empty", "no columns", "no kind", "no text"],
)
def test_a_file_without_its_columns_is_refused(lines):
    with pytest.raises(InvalidInputError):
        import_entries(lines)


def test_a_hundred_thousand_entries_are_imported_and_one_more_is_refused(django_assert_max_num_queries):
    lines = [HEAD, *(f"block,card,card-{n},,\n" for n in range(100_000))]
    with django_assert_max_num_queries(2 * 20 + 10):
        assert import_entries(iter(lines)).n_stored == 100_000
    assert ListEntry.objects.count() == 100_000
    ListEntry.objects.all().delete()
    with pytest.raises(InvalidInputError, match="at most 100000 entries"):
        import_entries([*lines, "block,card,one-more,,\n"])
    assert not ListEntry.objects.exists()


def test_what_was_exported_is_imported_again(ask):
    asked = ask()
    put_on_list(list="block", kind="email", value="mia.jones@shop.example", note="=1+1")
    put_on_list(list="watch", kind="ip", value="203.0.113.0/24")
    before = lists_of(asked)
    rows = list(export_entries())
    assert "'=1+1" in rows[1]
    assert "mia.jones" not in str(rows)
    ListEntry.objects.all().delete()
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    assert import_entries(io.StringIO(written.getvalue())).n_bad == 0
    assert lists_of(asked) == before == {"email": "block", "ip": "watch"}


# -- the shop's server --------------------------------------------------------------------------


def test_a_server_puts_on_looks_up_and_takes_off(client, server):
    address = reverse("ecomai:risk-lists")
    entries = [
        {"list": "block", "kind": "card", "value": "card-1", "note": "stolen"},
        {"list": "block", "kind": "email", "value": "nobody"},
    ]
    answer = client.post(address, {"entries": entries}, **server)
    assert answer.status_code == 200
    assert answer.json() == {
        "n_stored": 1, "n_bad": 1,
        "problems": [{"line": 2, "reason": "“nobody” is no e-mail address."}],
    }  # fmt: skip
    found = client.get(address, {"kind": "card", "value": "card-1"}, headers=server["headers"])
    assert (found.json()["list"], found.json()["shown"]) == ("block", "…")
    gone = f"{address}?kind=card&value=card-1"
    assert client.delete(gone, **server).status_code == 204
    assert client.delete(gone, **server).status_code == 204
    assert client.get(gone, headers=server["headers"]).status_code == 404
    said = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
    assert list(said) == ["import_list", "take_off_list"]


@pytest.mark.parametrize(
    "body",
    [{}, {"entries": []}, {"entries": "x"}, {"entries": [5]}, {"entries": [{"value": {"a": 1}}]},
     {"entries": [{}] * 1001}],
    ids=["nothing", "no entry", "a text", "a number", "a mapping", "too many"],
)  # fmt: skip
def test_a_server_that_sends_nonsense_is_told(client, server, body):
    answer = client.post(reverse("ecomai:risk-lists"), body, **server)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_input"
    assert not ListEntry.objects.exists()


def test_a_key_without_the_scope_is_refused(client):
    _key, secret = create_api_key(name="other", kind="secret", scopes=["risk:assess"])
    answer = client.get(
        reverse("ecomai:risk-lists"), {"kind": "card", "value": "x"},
        headers={"Authorization": f"Bearer {secret}"},
    )  # fmt: skip
    assert answer.status_code == 403


def test_keys_are_those_of_entities(ask):
    """A list's hash is the assessment's: one lookup serves."""
    asked = ask()
    assert key_of("", "card", "card-1")[0] == asked.card
    assert key_of("", "address", "1 High Street, Bath")[0] == asked.address
    assert set(lists.keys_of(asked)) >= {asked.card, asked.device, asked.email, asked.ip}
