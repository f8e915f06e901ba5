"""What the audit log says of assessments and cases. It names no person and quotes nothing they said."""

from collections.abc import Iterable
from typing import Any

from ecomai.registry.models import AuditEntry
from ecomai.registry.models.audit import SYSTEM
from ecomai.registry.request_ids import current_request_id
from ecomai.registry.services import write_audit

from ..models import Assessment, Case

ASSESSED = "assess_risk"


def audit_assessments(assessments: Iterable[Assessment]) -> None:
    """Write an entry for each assessment, all in one query; inside the transaction that keeps them."""
    AuditEntry.objects.bulk_create([assessment_entry(one) for one in assessments], batch_size=1000)


def assessment_entry(assessment: Assessment) -> AuditEntry:
    """Return the entry of an assessment, not stored yet."""
    return AuditEntry(
        action=ASSESSED, subject=assessment_subject(assessment.pk), actor_label=SYSTEM,
        details=_said(assessment), request_id=current_request_id.get(),
    )  # fmt: skip


def _said(assessment: Assessment) -> dict[str, Any]:
    probability = assessment.probability
    return {
        "kind": assessment.kind,
        "decision": assessment.decision,
        "wanted_decision": assessment.wanted_decision,
        "is_shadow": assessment.is_shadow,
        "probability": None if probability is None else round(probability, 6),
        "reasons": [reason.get("code", "") for reason in assessment.reasons],
        "rules": [rule.get("rule") for rule in assessment.rules_fired],
        "model_version": assessment.model_version_id,
        "policy": assessment.policy_id,
        "answered_by": assessment.answered_by,
        "asked": assessment.digest,
    }


def audit_case(case: Case, action: str, user: Any = None, **details: Any) -> None:
    write_audit(action=action, subject=case_subject(case.pk), user=user, details=details)


def assessment_subject(pk: int) -> str:
    return f"risk.assessment:{pk}"


def case_subject(pk: int) -> str:
    return f"risk.case:{pk}"
