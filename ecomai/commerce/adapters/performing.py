"""Asking the shop to do something, once."""

import hashlib
import json
from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from ecomai.commerce.models import ActionRecord
from ecomai.registry.services import write_audit

from .actions import RESULTS, Action, ActionResult
from .base import ShopAdapter, get_adapter
from .exceptions import ActionKeyReusedError, UnsupportedActionError


def perform_action(
    action: Action,
    *,
    key: str,
    storefront: str = "",
    adapter: ShopAdapter | None = None,
    user: Any = None,
    actor_label: str = "",
    **arguments: Any,
) -> ActionResult:
    """Let the shop carry out an action; the same key again answers with the first result and does nothing.

    `arguments` are those of the action's protocol in `ecomai.commerce.adapters.actions`. The act, its record
    and its audit entry are one transaction, so a refusal or a fault leaves none of them and the key free.
    Raises `UnsupportedActionError`, `ActionRefusedError`, and `ActionKeyReusedError` for other arguments.
    """
    adapter = adapter or get_adapter()
    supported = adapter.supports()
    if action not in supported:
        raise UnsupportedActionError(action=action, supported=", ".join(sorted(supported)) or "-")
    digest = _digest(action, storefront, arguments)
    with transaction.atomic():
        # A second caller with the same key waits here until the first has committed.
        record, is_new = ActionRecord.objects.get_or_create(
            key_digest=_key_digest(key),
            defaults={"action": action, "storefront": storefront, "arguments_digest": digest},
        )
        if not is_new:
            return _earlier_result(record, action, digest)
        result: ActionResult = getattr(adapter, action)(**arguments)
        ActionRecord.objects.filter(pk=record.pk).update(result=asdict(result), performed_at=timezone.now())
        write_audit(
            action=f"shop_{action}", subject=f"action:{record.pk}", user=user, actor_label=actor_label,
            details={"reference": result.reference},
        )  # fmt: skip
    return result


def performed_result(action: Action, *, key: str) -> ActionResult | None:
    """Return what came of an action that was carried out under a key; None where none was."""
    record = ActionRecord.objects.filter(key_digest=_key_digest(key), action=action).first()
    return RESULTS[action](**record.result) if record is not None else None


def _key_digest(key: str) -> str:
    return salted_hmac("ecomai.commerce.action", key, algorithm="sha256").hexdigest()


def _earlier_result(record: ActionRecord, action: Action, digest: str) -> ActionResult:
    if record.action != action or record.arguments_digest != digest:
        raise ActionKeyReusedError()
    return RESULTS[action](**record.result)


def _digest(action: Action, storefront: str, arguments: dict[str, Any]) -> str:
    content = json.dumps([action, storefront, arguments], sort_keys=True, default=_plain)
    return hashlib.sha256(content.encode()).hexdigest()


def _plain(value: Any) -> Any:
    return asdict(value) if hasattr(value, "__dataclass_fields__") else str(value)
