"""What the staff do: groups made, started, paused and ended, advertisements approved."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.exceptions import InvalidInputError, PermissionDeniedError
from ecomai.registry.services.access import write_audit

from ...app_settings import app_settings
from ...exceptions import AdGroupNotReadyError, AdGroupStateError, AdTargetError
from ...models import AdCreative, AdGroup

State = AdGroup.State
PLACEMENT = re.compile(r"[a-zA-Z0-9_-]{1,64}")
#: They are addresses of their own below `ads/`.
RESERVED = frozenset({"seen", "click", "groups"})


def create_group(*, user: Any = None, **fields: Any) -> AdGroup:
    """Write a draft. Raises InvalidInputError where a placement is no name."""
    check_permission(user, "add_adgroup")
    with transaction.atomic():
        group = AdGroup(created_by=user, **fields)
        check_placements(group.placements)
        group.full_clean()
        group.save()
        write_audit(action="ad_group_created", subject=group, user=user)
    return group


def create_group_with_creatives(
    *, creatives: Sequence[Mapping[str, Any]], user: Any = None, **fields: Any
) -> AdGroup:
    """Write a draft with advertisements that wait for approval, or nothing at all. Raises as its parts."""
    with transaction.atomic():
        group = create_group(user=user, **fields)
        for creative in creatives:
            add_creative(group, user=user, **creative)
    return group


def set_budgets(group: AdGroup, *, user: Any = None, **budgets: Decimal | None) -> AdGroup:
    """Change `daily_budget` or `total_budget`; None is no bound. Raises AdGroupStateError after its end."""
    check_permission(user, "change_adgroup")
    with transaction.atomic():
        locked = AdGroup.objects.select_for_update().get(pk=group.pk)
        if locked.state == State.ENDED:
            raise AdGroupStateError(name=locked.name, state=locked.get_state_display())
        for name in ("daily_budget", "total_budget"):
            setattr(locked, name, budgets.get(name, getattr(locked, name)))
        locked.save(update_fields=["daily_budget", "total_budget"])
        told = {name: None if value is None else str(value) for name, value in budgets.items()}
        write_audit(action="ad_budgets_set", subject=locked, user=user, details=told)
    group.refresh_from_db()
    return group


def add_creative(group: AdGroup, *, user: Any = None, **fields: Any) -> AdCreative:
    """Write an advertisement that waits for approval. Raises AdTargetError."""
    check_permission(user, "change_adgroup")
    creative = AdCreative(group=group, **fields)
    check_target(creative.target_url)
    creative.full_clean()
    creative.save()
    return creative


def approve_creatives(group: AdGroup, *, user: Any = None) -> int:
    """Let all advertisements that wait be shown; returns how many."""
    check_permission(user, "run_adgroup")
    with transaction.atomic():
        waiting = AdCreative.objects.filter(group=group, state=AdCreative.State.DRAFT)
        n = waiting.update(state=AdCreative.State.APPROVED, approved_by=user, approved_at=timezone.now())
        write_audit(action="ads_approved", subject=group, user=user, details={"n": n})
    return n


def refuse_creatives(group: AdGroup, *, user: Any = None) -> int:
    """Keep all advertisements that wait from being shown; returns how many."""
    check_permission(user, "run_adgroup")
    with transaction.atomic():
        n = AdCreative.objects.filter(group=group, state=AdCreative.State.DRAFT).update(
            state=AdCreative.State.REFUSED
        )
        write_audit(action="ads_refused", subject=group, user=user, details={"n": n})
    return n


def start_group(group: AdGroup, *, user: Any = None) -> AdGroup:
    """Begin, or go on after a pause. Raises AdGroupStateError, AdGroupNotReadyError."""
    return _change(group, State.RUNNING, user, State.DRAFT, State.PAUSED)


def pause_group(group: AdGroup, *, user: Any = None) -> AdGroup:
    """Show nothing of it until somebody starts it again."""
    return _change(group, State.PAUSED, user, State.RUNNING)


def end_group(group: AdGroup, *, user: Any = None) -> AdGroup:
    """End it for good; its figures stay."""
    return _change(group, State.ENDED, user, State.DRAFT, State.RUNNING, State.PAUSED)


def _change(group: AdGroup, state: str, user: Any, *allowed: str) -> AdGroup:
    check_permission(user, "run_adgroup")
    with transaction.atomic():
        locked = AdGroup.objects.select_for_update().get(pk=group.pk)
        if locked.state not in allowed:
            raise AdGroupStateError(name=locked.name, state=locked.get_state_display())
        if state == State.RUNNING:
            _check_ready(locked)
            locked.pass_rate, locked.paced_at = 1.0, None
        locked.state = state
        locked.save(update_fields=["state", "pass_rate", "paced_at"])
        write_audit(action=f"ad_group_{state}", subject=locked, user=user)
    group.refresh_from_db()
    return group


def _check_ready(group: AdGroup) -> None:
    reasons = [
        (not group.placements, _("it has no placement.")),
        (not group.creatives.filter(state=AdCreative.State.APPROVED).exists(),
         _("none of its advertisements is approved.")),
        (group.segment is not None and group.segment.is_archived, _("its segment is archived.")),
        (group.ends_at is not None and group.ends_at <= timezone.now(), _("its time is over.")),
    ]  # fmt: skip
    for is_missing, reason in reasons:
        if is_missing:
            raise AdGroupNotReadyError(name=group.name, reason=reason)


def check_target(address: str) -> None:
    """Raise AdTargetError unless an address is a page of the shop, or on a host that the settings name."""
    if not is_allowed_target(address):
        raise AdTargetError(address=address[:200])


def is_allowed_target(address: str) -> bool:
    # Browsers drop tabs and line ends, and take a backslash for a slash.
    if not address or re.search(r"[\\\x00-\x20\x7f]", address):
        return False
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").lower()
    except ValueError:
        return False
    if not parts.scheme and not parts.netloc:
        return address.startswith("/") and not address.startswith("//")
    own = (urlsplit(app_settings.BASE_URL).hostname or "").lower()
    hosts = {each.lower() for each in (own, *app_settings.AD_TARGET_HOSTS) if each}
    return parts.scheme in ("http", "https") and host in hosts and parts.username is None


def check_placements(placements: Any) -> None:
    """Raise InvalidInputError unless it is a list of names that can stand in an address."""
    is_list = isinstance(placements, list) and all(isinstance(name, str) for name in placements)
    if not is_list or any(not PLACEMENT.fullmatch(name) or name in RESERVED for name in placements):
        reason = _(
            "A placement is a name of letters, digits, “-” and “_”, other than “seen”, “click” and “groups”."
        )
        raise InvalidInputError(reason=reason)


def check_permission(user: Any, codename: str) -> None:
    """None is the system, which may."""
    if user is not None and not user.has_perm(f"ecomai_marketing.{codename}"):
        raise PermissionDeniedError
