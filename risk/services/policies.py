"""Policies: read by every assessment from memory, changed by a version that follows, atomically."""

import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.forms.models import model_to_dict

from ecomai.exceptions import PermissionDeniedError
from ecomai.reading import in_transaction
from ecomai.registry.services import write_audit

from ..exceptions import OldPolicyError
from ..models import Policy

#: After so long at the latest every process follows a change.
SECONDS = 1.0
_known: dict[tuple[str, str], tuple[float, Policy]] = {}
_OWN = ("id", "number", "is_current", "created_at", "created_by", "storefront", "kind")


def current_policy(*, storefront: str, kind: str) -> Policy:
    """Return what a storefront does about a kind, as it was at most a second ago.

    Where nobody decided anything, the default counts, in shadow: it has no primary key.
    """
    key = (storefront, kind)
    known = _known.get(key)
    if known and not in_transaction() and time.monotonic() - known[0] < SECONDS:
        return known[1]
    policy = Policy.objects.filter(storefront=storefront, kind=kind, is_current=True).first()
    policy = policy or Policy(storefront=storefront, kind=kind, number=0)
    if not in_transaction():
        _known[key] = (time.monotonic(), policy)
    return policy


def known_policy(*, storefront: str, kind: str) -> Policy:
    """Return the policy as this process last knew it, without asking the database, which may be away."""
    known = _known.get((storefront, kind))
    return known[1] if known else Policy(storefront=storefront, kind=kind, number=0)


def change_policy(
    *, storefront: str, kind: str, user: Any = None, based_on: int, action: str = "change_policy",
    **changes: Any,
) -> Policy:  # fmt: skip
    """Make the next version of a policy, and let it count. `based_on` is the version that was looked at.

    Raises OldPolicyError if another one counts by now, ValidationError for values that cannot be, and
    PermissionDeniedError: what is live is changed only by those who may put it live. None is the system.
    """
    with transaction.atomic():
        rows = Policy.objects.select_for_update().filter(storefront=storefront, kind=kind)
        before = rows.filter(is_current=True).first()
        if (before.number if before else 0) != based_on:
            raise OldPolicyError()
        is_live = bool(before and before.is_live) or bool(changes.get("is_live"))
        _check_may(user, "put_policy_live" if is_live else "change_policy")
        newest = rows.order_by("-number").first()
        policy = Policy(
            **(values_of(before) if before else {}) | changes,
            storefront=storefront, kind=kind, number=(newest.number if newest else 0) + 1, is_current=True,
            created_by=user,
        )  # fmt: skip
        policy.full_clean(exclude=["created_by"], validate_constraints=False)
        rows.filter(is_current=True).update(is_current=False)
        try:
            policy.save()
        except IntegrityError as error:  # the first version, made by two at a time
            raise OldPolicyError() from error
        write_audit(action=action, subject=f"policy:{storefront}/{policy}", user=user, details=_told(changes))
    forget_policies()
    return policy


def go_live(policy: Policy, *, user: Any = None) -> Policy:
    """From now on the shop is told what the policy wants; until then it was told to approve."""
    return _switch(policy, user, is_live=True)


def back_to_shadow(policy: Policy, *, user: Any = None) -> Policy:
    return _switch(policy, user, is_live=False)


def forget_policies() -> None:
    """Read policies anew at the next question: in tests, and in the process that changed one."""
    _known.clear()


def _switch(policy: Policy, user: Any, *, is_live: bool) -> Policy:
    return change_policy(
        storefront=policy.storefront, kind=policy.kind, user=user, based_on=policy.number, is_live=is_live,
        action="go_live" if is_live else "enter_shadow",
    )  # fmt: skip


def _check_may(user: Any, codename: str) -> None:
    if user is not None and not user.has_perm(f"ecomai_risk.{codename}"):
        raise PermissionDeniedError


def _told(changes: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit log says of changes: numbers as texts, where JSON has none such."""
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in changes.items()}


def values_of(policy: Policy) -> dict[str, Any]:
    """What a version hands on. `model_to_dict` leaves out what forms may not edit, such as `is_live`."""
    values = model_to_dict(policy) | {"is_live": policy.is_live}
    return {name: value for name, value in values.items() if name not in _OWN}
