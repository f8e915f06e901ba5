"""Rows that could not be taken: kept whole with the reason, mended by what arrives later, and replayed."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from django.utils import timezone
from django.utils.module_loading import import_string

from ecomai.commerce.app_settings import app_settings
from ecomai.commerce.bulk import insert_rows
from ecomai.commerce.exceptions import NotReplayableError
from ecomai.commerce.models import RejectedRow
from ecomai.commerce.records import RowResult

# Who sent these could not be proven; a replay by the admin must not turn a claim into a fact.
UNPROVEN = frozenset({"customer_not_proven", "needs_secret_key"})
#: Kind of rows of a scenario -> dotted path of its `(rows, *, storefront, source) -> list[RowResult]`.
_other_kinds: dict[str, str] = {}
FIELDS = (
    "storefront", "source", "kind", "row_number", "code", "reason", "payload", "digest",
    "state", "received_at",
)  # fmt: skip


def register_kind(kind: str, path: str) -> None:
    """Let rows of a scenario be kept aside and replayed, by the dotted path of what takes them."""
    _other_kinds[kind] = path


def keep_rejected(
    *,
    kind: str,
    rows: Sequence[Any],
    results: Sequence[RowResult],
    storefront: str,
    source: str,
    row_numbers: Sequence[int] | None = None,
) -> None:
    """Store the rejected ones of `rows`; the same bad row is kept once, however often it comes."""
    now = timezone.now()
    kept: dict[str, tuple] = {}
    for index, result in enumerate(results):
        if result.status != "rejected":
            continue
        payload = as_json(rows[index])
        digest = _digest(kind, storefront, payload)
        number = row_numbers[index] if row_numbers else None
        kept[digest] = (
            storefront, source[:200], kind, number, result.code, result.reason, payload, digest,
            RejectedRow.State.WAITING, now,
        )  # fmt: skip
    insert_rows(RejectedRow, FIELDS, list(kept.values()), unique=("digest",))


def replay_rejected(*, rows: Iterable[RejectedRow], user: Any = None) -> dict[str, int]:
    """Offer waiting rows again; return how many were taken and how many are still rejected."""
    groups: dict[tuple[str, str, str], list[RejectedRow]] = defaultdict(list)
    for row in rows:
        if row.state == RejectedRow.State.WAITING:
            if row.code in UNPROVEN:
                raise NotReplayableError()
            groups[row.kind, row.storefront, row.source].append(row)
    counts = {"replayed": 0, "still_rejected": 0}
    for (kind, storefront, source), group in groups.items():
        results = _take(kind, group, storefront, source)
        for row, result in zip(group, results, strict=True):
            counts["still_rejected" if result.status == "rejected" else "replayed"] += 1
            _note_result(row, result, user)
    return counts


def dismiss_rejected(*, rows: Iterable[RejectedRow], user: Any = None) -> int:
    """Set waiting rows aside for good; return how many."""
    ids = [row.pk for row in rows]
    return RejectedRow.objects.filter(pk__in=ids, state=RejectedRow.State.WAITING).update(
        state=RejectedRow.State.DISMISSED, resolved_at=timezone.now(), resolved_by=user
    )


def delete_old_rejected() -> int:
    """Delete rows beyond `COMMERCE.REJECTED_RETENTION_DAYS`; they may name customers. Returns how many."""
    days = app_settings.REJECTED_RETENTION_DAYS
    if days is None:
        return 0
    old = RejectedRow.objects.filter(received_at__lt=timezone.now() - timedelta(days=days))
    return old.delete()[0]


def as_json(row: Any) -> Any:
    """Return a row as JSON values that the database can store, NUL characters made visible."""
    values = msgspec.to_builtins(row, enc_hook=str, str_keys=True) if isinstance(row, msgspec.Struct) else row
    text = json.dumps(values, default=str, sort_keys=True)
    return json.loads(text.replace("\\u0000", "\\u2400"))


def _take(kind: str, group: list[RejectedRow], storefront: str, source: str) -> list[RowResult]:
    from . import ingest_events, set_exchange_rates, upsert_customers, upsert_items, upsert_orders

    payloads = [row.payload for row in group]
    if kind in _other_kinds:
        take = import_string(_other_kinds[kind])
        results: list[RowResult] = take(payloads, storefront=storefront, source=source)
        return results
    if kind == "rate":
        return set_exchange_rates(payloads, source=source)
    if kind == "event":
        arrived_at = [row.received_at for row in group]
        return ingest_events(payloads, storefront=storefront, source=source, arrived_at=arrived_at)
    upsert = {"item": upsert_items, "customer": upsert_customers, "order": upsert_orders}[kind]
    return upsert(payloads, storefront=storefront, source=source)


def _note_result(row: RejectedRow, result: RowResult, user: Any) -> None:
    if result.status == "rejected":
        row.code, row.reason = result.code, result.reason
    else:
        row.state, row.resolved_at, row.resolved_by = RejectedRow.State.REPLAYED, timezone.now(), user
    row.save(update_fields=["code", "reason", "state", "resolved_at", "resolved_by"])


def _digest(kind: str, storefront: str, payload: Any) -> str:
    text = json.dumps([kind, storefront, payload], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
