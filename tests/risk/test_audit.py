"""Every assessment and every act on a case is in the chained log, and a change of it is found out."""

from decimal import Decimal

import pytest
from django.db import connection

from ecomai.registry.audit_chain import seal_audit_log, verify_audit_log
from ecomai.registry.models import AuditEntry
from risk.models import Case
from risk.services import cases
from risk.services.audit import audit_assessments

from .reviewing import add_assessment, add_reviewer

pytestmark = pytest.mark.django_db


def test_an_assessment_leaves_one_entry_without_anything_of_the_person(ask):
    row = ask(customer_id="customer-77", email="mia.jones@shop.example", ip_address="203.0.113.7")
    entry = AuditEntry.objects.get(action="assess_risk")
    assert entry.subject == f"risk.assessment:{row.pk}"
    assert entry.details["wanted_decision"] == row.wanted_decision
    assert entry.details["asked"] == row.digest
    said = f"{entry.subject} {entry.details} {entry.actor_label}"
    assert not any(word in said for word in ("customer-77", "mia", "shop.example", "203.0.113", "o-1"))
    ask(customer_id="customer-77", email="mia.jones@shop.example", ip_address="203.0.113.7")
    assert AuditEntry.objects.filter(action="assess_risk").count() == 1


def test_many_are_written_in_one_query(django_assert_num_queries):
    rows = [add_assessment(f"o-{number}") for number in range(50)]
    with django_assert_num_queries(1):
        audit_assessments(rows)
    assert AuditEntry.objects.count() == 50


def test_a_changed_entry_is_named():
    row = add_assessment(wanted_decision="decline")
    audit_assessments([row])
    case = cases.open_case(row)
    cases.decide_case(case, verdict="approve", reason_code="harmless", user=add_reviewer())
    seal_audit_log()
    assert verify_audit_log().is_sound
    entry = AuditEntry.objects.get(action="assess_risk")
    with connection.cursor() as cursor:  # as somebody would who goes round the application
        cursor.execute(
            f"UPDATE {AuditEntry._meta.db_table} SET details = %s WHERE id = %s",
            ['{"decision": "approve"}', entry.pk],
        )
    assert [finding.entry for finding in verify_audit_log().findings] == [entry.pk]


def test_a_review_that_is_wanted_opens_a_case_also_in_shadow(ask, live_policy):
    """Orders are touched only where the policy is live."""
    live_policy(review_from=0.0, step_up_from=None, decline_from=None)
    ask("live", amount=Decimal(70))
    case = Case.objects.get()
    assert (case.assessment.external_id, case.order_act) == ("live", "hold_order")
    assert case.expected_loss > 0


def test_in_shadow_a_case_is_opened_and_no_order_is_touched(ask):
    from risk.services import change_policy

    change_policy(
        storefront="", kind="payment_fraud", based_on=0, review_from=0.0, step_up_from=None, decline_from=None
    )
    row = ask("shadow")
    assert (row.decision, row.wanted_decision) == ("approve", "review")
    assert Case.objects.get().order_act == ""
