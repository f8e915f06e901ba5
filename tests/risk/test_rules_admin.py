"""The admin's pages of rules, lists, back-tests and policies."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ecomai.registry.jobs import execute_job
from risk.models import Assessment, Backtest, ListEntry, Policy, Rule
from risk.scenario import scenario
from risk.services import current_policy, rules
from risk.services.lists import put_on_list
from risk.services.rule_versions import put_rule_live

pytestmark = pytest.mark.django_db

RULE = {
    "name": "Large", "storefront": "", "kinds": ["payment_fraud"], "condition": "amount > 100",
    "action": "review", "order": 100, "reason": "It is large.", "reason_code": "large",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_rules_remembered():
    rules.forget_rules()
    yield
    rules.forget_rules()


@pytest.fixture
def staff(django_user_model) -> Any:
    """A person with some permissions."""

    def login(*codenames: str) -> Client:
        user = django_user_model.objects.create_user("staff", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client()
        client.force_login(user)
        return client

    return login


@pytest.fixture
def rule() -> Rule:
    return Rule.objects.create(**RULE)


def page(name: str, *args: Any) -> str:
    return reverse(f"admin:ecomai_risk_{name}", args=args)


# -- rules --------------------------------------------------------------------------------------


def test_a_rule_is_written_in_the_admin(admin_client):
    answer = admin_client.post(page("rule_add"), RULE)
    assert answer.status_code == 302
    rule = Rule.objects.get()
    assert (rule.number, rule.state, rule.kinds, rule.created_by.username) == (
        1, "draft", ["payment_fraud"], "admin"
    )  # fmt: skip


def test_a_mistake_is_named_where_it_was_made(admin_client):
    answer = admin_client.post(page("rule_add"), RULE | {"condition": "amont > 100"})
    assert "amont" in answer.context["errors"][0][0]
    assert "A condition may name" in answer.content.decode()
    assert not Rule.objects.exists()


def test_a_condition_is_judged_while_it_is_written(admin_client, ask):
    for n in range(4):
        ask(f"o-{n}", amount=Decimal(60 * n))
    found = admin_client.post(page("rule_dry_run"), {"condition": "amount >"}).json()
    assert "cannot be read" in found["problem"]
    assert admin_client.post(page("rule_dry_run"), {"condition": "amount > 5"}).json() == {"problem": ""}
    asked = {"condition": "amount > 100", "count": "1", "kinds": ["payment_fraud"], "days": "7"}
    found = admin_client.post(page("rule_dry_run"), asked).json()
    assert found["sentences"][0] == "It would have met 2 of 4 assessments (50.0 %)."
    assert [each["id"] for each in found["samples"]] == ["o-3", "o-2"]
    assert found["samples"][0]["url"].startswith("/admin/")


def test_nothing_assessed_is_said(admin_client):
    asked = {"condition": "amount > 100", "count": "1", "days": "<script>"}
    found = admin_client.post(page("rule_dry_run"), asked).json()
    assert found["sentences"] == ["Nothing was assessed in this period."]


def test_the_page_offers_every_fact_without_any_inline_script(admin_client, rule):
    text = admin_client.get(page("rule_change", rule.pk)).content.decode()
    assert '"card_payments_1h"' in text
    assert "payments with the card within 1 hour" in text
    assert "ecomai/risk/rules.js" in text
    for part in (" style=", "<style", "onclick=", "javascript:"):
        assert part not in text.split('<div id="content"')[1]


def test_what_was_written_is_escaped(admin_client):
    evil = Rule.objects.create(**RULE | {"name": "<script>alert(1)</script>"})
    evil.problem, evil.problem_at = "<img src=x onerror=alert(1)>", timezone.now()
    evil.save()
    for address in (page("rule_change", evil.pk), page("rule_changelist"), page("backtest_changelist")):
        text = admin_client.get(address).content.decode()
        assert "<script>alert(1)" not in text
        assert "<img src=x" not in text


def test_a_rule_goes_live_after_a_second_question(admin_client, rule, ask):
    ask("o-1", amount=Decimal(500))
    address = page("rule_action", rule.pk, "go-live")
    asked = admin_client.get(address).content.decode()
    assert "nearly everything: 1 of 1" in asked
    rule.refresh_from_db()
    assert rule.is_draft
    admin_client.post(address)
    rule.refresh_from_db()
    assert (rule.state, rule.put_live_by.username) == ("live", "admin")
    text = admin_client.get(page("rule_change", rule.pk)).content.decode()
    assert "it stays as it is" in text
    assert 'name="condition"' not in text


def test_what_is_live_is_not_changed_by_its_form(admin_client, rule):
    put_rule_live(rule=rule)
    answer = admin_client.post(page("rule_change", rule.pk), RULE | {"condition": "amount > 1"})
    assert answer.status_code == 403
    rule.refresh_from_db()
    assert rule.condition == "amount > 100"
    assert admin_client.post(page("rule_delete", rule.pk), {"post": "yes"}).status_code == 403
    admin_client.post(page("rule_copy", rule.pk))
    draft = Rule.objects.get(state="draft")
    admin_client.post(page("rule_change", draft.pk), RULE | {"name": "Other", "condition": "amount > 1"})
    draft.refresh_from_db()
    assert (draft.name, draft.number, draft.condition) == ("Large", 2, "amount > 1")


def test_the_second_of_two_people_is_told(admin_client, rule):
    put_rule_live(rule=rule)
    answer = admin_client.post(page("rule_action", rule.pk, "go-live"), follow=True)
    assert "it is live by now" in answer.content.decode()


def test_the_usual_rules_are_one_button_away(admin_client):
    assert "Make drafts of the usual rules" in admin_client.get(page("rule_changelist")).content.decode()
    admin_client.post(page("rule_usual"))
    assert Rule.objects.filter(state="draft").count() == 6


def test_the_list_asks_as_much_for_many_rules(admin_client, django_assert_max_num_queries):
    for n in range(30):
        Rule.objects.create(**RULE | {"name": f"Rule {n}"})
    with django_assert_max_num_queries(12):
        admin_client.get(page("rule_changelist"))


def test_a_reviewer_reads_and_a_manager_decides(rule, staff):
    """What the ready-made groups may do."""
    reviewer = scenario.group_permissions["risk_reviewer"]
    assert "ecomai_risk.view_rule" in reviewer
    assert not {"ecomai_risk.put_rule_live", "ecomai_risk.add_listentry"} & set(reviewer)
    client = staff("view_rule", "view_listentry", "view_backtest", "view_policy")
    assert client.get(page("rule_change", rule.pk)).status_code == 200
    for address in (
        page("rule_action", rule.pk, "go-live"), page("rule_copy", rule.pk), page("rule_usual"),
        page("listentry_import"), page("backtest_changelist"), page("policy_next", "payment_fraud"),
    ):  # fmt: skip
        assert client.post(address).status_code in (302, 403), address
    assert Rule.objects.get().is_draft
    assert "ecomai_risk.put_rule_live" in scenario.group_permissions["merchandiser"]


# -- lists --------------------------------------------------------------------------------------


def test_a_value_is_put_on_a_list_and_not_shown_again(admin_client):
    sent = {"list": "block", "kind": "email", "value": "mia@shop.example", "storefront": "", "note": "x"}
    assert admin_client.post(page("listentry_add"), sent).status_code == 302
    entry = ListEntry.objects.get()
    assert (entry.shown, entry.created_by.username) == ("m…@shop.example", "admin")
    for address in (page("listentry_changelist"), page("listentry_change", entry.pk)):
        text = admin_client.get(address).content.decode()
        assert "m…@shop.example" in text
        assert "mia@shop.example" not in text
    found = admin_client.get(page("listentry_changelist"), {"q": "email:MIA@shop.example"})
    assert found.context["cl"].result_count == 1
    assert admin_client.get(page("listentry_changelist"), {"q": "email:a@b"}).context["cl"].result_count == 0
    admin_client.post(page("listentry_change", entry.pk), {"list": "watch", "note": "y"})
    entry.refresh_from_db()
    assert (entry.list, entry.note) == ("watch", "y")


def test_what_is_no_value_is_named_in_the_form(admin_client):
    sent = {"list": "block", "kind": "ip", "value": "0.0.0.0/0"}
    assert "a network has from /8" in admin_client.post(page("listentry_add"), sent).content.decode()
    assert not ListEntry.objects.exists()


def test_a_file_is_imported_and_exported(admin_client):
    content = "\ufefflist,kind,value\nblock,card,card-1\nblock,card,\n".encode()
    answer = admin_client.post(page("listentry_import"), {"file": SimpleUploadedFile("x.csv", content)})
    text = answer.content.decode()
    assert "Stored: 1. Refused: 1." in text
    assert ListEntry.objects.count() == 1
    exported = b"".join(admin_client.get(page("listentry_export")).streaming_content).decode()
    assert exported.startswith("list,kind,shown,key,")
    assert exported.count("\n") == 2


def test_a_file_that_is_no_text_is_refused(admin_client):
    file = SimpleUploadedFile("x.csv", b"list,kind,value\n\xff\xfe\x00,card,x\n")
    assert "CSV" in admin_client.post(page("listentry_import"), {"file": file}).content.decode()
    assert not ListEntry.objects.exists()


def test_entries_are_taken_off_one_by_one_and_together(admin_client):
    entries = [put_on_list(list="block", kind="card", value=f"card-{n}") for n in range(3)]
    admin_client.post(page("listentry_delete", entries[0].pk), {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [e.pk for e in entries[1:]], "post": "yes"}
    admin_client.post(page("listentry_changelist"), chosen)
    assert not ListEntry.objects.exists()


# -- back-tests and policies --------------------------------------------------------------------


@pytest.fixture
def history() -> None:
    newest = timezone.now() - timedelta(days=60)
    Assessment.objects.bulk_create([
        Assessment(
            kind="payment_fraud", external_id=f"o-{n}", occurred_at=newest, amount_reporting=Decimal(100),
            received_at=newest - timedelta(hours=n), probability=(n % 10) / 10, decision="approve",
            wanted_decision="approve", is_fraud=True if n % 10 >= 8 else None, answered_by="model",
        )
        for n in range(200)
    ])  # fmt: skip


def days() -> dict[str, str]:
    today = timezone.localdate()
    return {"first_day": str(today - timedelta(days=120)), "last_day": str(today)}


def test_a_back_test_is_started_followed_and_read(admin_client, rule, history):
    Rule.objects.update(condition="probability >= 0.8", action="decline")
    assert str(rule.pk) in admin_client.get(page("backtest_changelist"), {"rule": rule.pk}).content.decode()
    sent = {"kind": "payment_fraud", "name": "First", "rules": [rule.pk], **days()}
    admin_client.post(page("backtest_changelist"), sent)
    test = Backtest.objects.get()
    assert "It waits for a worker." in admin_client.get(page("backtest_change", test.pk)).content.decode()
    assert admin_client.get(page("backtest_csv", test.pk)).status_code == 404
    execute_job(test.job_id)
    text = admin_client.get(page("backtest_change", test.pk)).content.decode()
    assert "less than what is live" in text
    assert "200 assessments: 40 were fraud, 160 honest" in text
    exported = b"".join(admin_client.get(page("backtest_csv", test.pk)).streaming_content).decode()
    assert "n_caught,40," in exported
    assert admin_client.get(page("backtest_progress", test.pk))["HX-Refresh"] == "true"


def test_a_back_test_is_stopped(admin_client):
    admin_client.post(page("backtest_changelist"), {"kind": "payment_fraud", **days()})
    test = Backtest.objects.get()
    admin_client.post(page("backtest_cancel", test.pk))
    assert test.job.is_finished or test.job.__class__.objects.get(pk=test.job_id).is_finished


@pytest.mark.parametrize(
    "sent",
    [{}, {"kind": "x"}, {"first_day": "2026-02-30"}, {"first_day": "2027-01-01", "last_day": "2026-01-01"}],
    ids=["nothing", "no kind", "no day", "backwards"],
)
def test_a_back_test_of_nonsense_is_not_started(admin_client, sent):
    assert admin_client.post(page("backtest_changelist"), sent).status_code == 200
    assert not Backtest.objects.exists()


def test_the_list_of_back_tests_asks_as_much_for_many(admin_client, django_assert_max_num_queries):
    now = timezone.now()
    for _ in range(20):
        Backtest.objects.create(kind="payment_fraud", configuration={}, period_start=now, period_end=now)
    with django_assert_max_num_queries(14):
        admin_client.get(page("backtest_changelist"))


def test_thresholds_are_chosen_by_cost_and_put_live(admin_client, history):
    address = page("policy_thresholds")
    assert admin_client.get(address).status_code == 200
    found = admin_client.get(address, {"kind": "payment_fraud", "storefront": "", **days()})
    text = found.content.decode()
    assert "200 assessments" in text
    assert "Cost by the threshold for reviews" in text
    best = {name: value for name, value in found.context["best"].items() if value is not None}
    admin_client.post(page("policy_draft"), {"kind": "payment_fraud", "storefront": "", **best})
    draft = Policy.objects.get()
    assert not draft.is_current
    admin_client.post(page("policy_action", draft.pk, "use"))
    used = current_policy(storefront="", kind="payment_fraud")
    assert used.decline_from == draft.decline_from
    assert not used.is_live
    assert "Go live?" in admin_client.get(page("policy_action", used.pk, "go-live")).content.decode()
    admin_client.post(page("policy_action", used.pk, "go-live"))
    assert current_policy(storefront="", kind="payment_fraud").is_live


def test_an_empty_shop_is_told_what_is_missing(admin_client):
    found = admin_client.get(page("policy_thresholds"), {"kind": "payment_fraud", **days()})
    assert "known frauds" in found.content.decode()
    assert "in shadow" in admin_client.get(page("policy_changelist")).content.decode()


def test_a_policy_is_changed_by_its_next_version(admin_client):
    address = page("policy_next", "payment_fraud")
    form = admin_client.get(address).context["form"]
    sent = {name: value for name, value in form.initial.items() if value is not None}
    sent |= {"margin": 0.5, "forbidden_features": "[]", "based_on": 0}
    admin_client.post(address, sent)
    assert current_policy(storefront="", kind="payment_fraud").margin == 0.5
    again = admin_client.post(address, sent | {"margin": 0.1}, follow=True)
    assert "was changed meanwhile" in again.content.decode()
    assert current_policy(storefront="", kind="payment_fraud").margin == 0.5
    backwards = sent | {"based_on": 1, "review_from": 0.1, "step_up_from": 0.9}
    assert "rising order" in admin_client.post(address, backwards).content.decode()
    assert admin_client.get(page("policy_next", "theft")).status_code == 404
