"""Who may, and who did."""

from typing import Any

from ecomai.exceptions import PermissionDeniedError
from ecomai.registry.models import AuditEntry
from ecomai.registry.models.audit import SYSTEM
from ecomai.registry.request_ids import current_request_id

APP = "ecomai_registry"


def check_permission(user: Any, codename: str) -> None:
    """Raise `PermissionDeniedError` unless the user may; None is the system, which may."""
    if user is not None and not user.has_perm(f"{APP}.{codename}"):
        raise PermissionDeniedError


def write_audit(
    *,
    action: str,
    subject: Any,
    user: Any = None,
    actor_label: str = "",
    details: dict[str, Any] | None = None,
) -> AuditEntry:
    """Record who did what; inside the transaction of the act, so that both stand or neither."""
    return AuditEntry.objects.create(
        action=action,
        subject=str(subject)[:200],
        actor=user,
        actor_label=actor_label or (user.get_username() if user is not None else SYSTEM),
        details=details or {},
        request_id=current_request_id.get(),
    )
