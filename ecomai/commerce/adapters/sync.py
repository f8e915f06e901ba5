"""Keeps us up to date with the shop's saves and deletes, on commit, once for each row of a transaction.

Bulk operations send no signals; after one, a host calls `sync_rows(queryset)` or runs the back-fill.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.db.models.query import QuerySet
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.utils.translation import gettext as _

from ecomai.commerce.app_settings import app_settings
from ecomai.registry.jobs import enqueue_job
from ecomai.writing import Write, write_after_commit

from .backfill import JOB_KIND
from .base import ShopAdapter, get_adapter
from .exceptions import UnknownModelError
from .mapping import ModelMapping, Path, find_model, read_path
from .writing import end_items, write_rows

logger = logging.getLogger(__name__)

#: More than that, such as all products of a renamed category, are a worker's.
MOST_ROWS_AT_ONCE = 2_000


class Pending(threading.local):
    """Rows that changed and have not been written yet, of this thread.

    What a rolled back transaction leaves here is read again at the next commit, which changes nothing.
    """

    def __init__(self) -> None:
        self.changed: dict[ModelMapping, set[Any]] = {}
        self.deleted: dict[ModelMapping, dict[Any, tuple[str, str]]] = {}

    def take(self) -> tuple[dict[ModelMapping, set[Any]], dict[ModelMapping, dict[Any, tuple[str, str]]]]:
        taken = self.changed, self.deleted
        self.changed, self.deleted = {}, {}
        return taken


_pending = Pending()


def connect(adapter: ShopAdapter | None = None) -> None:
    """Listen to the mapped models; called once, when the apps are ready."""
    try:
        connected = adapter or get_adapter()
        for mapping in connected.mappings():
            _connect_mapping(mapping)
        connected.connect()
    except (ImportError, UnknownModelError) as error:
        # Not raised, so that the system checks E010 and E011 can say it with a remedy.
        logger.error("The shop's adapter is not connected: %s", error)


def _connect_mapping(mapping: ModelMapping) -> None:
    model = mapping.get_model()
    _listen(post_save, model, partial(_on_change, mapping, "pk"), f"{mapping.source}:save")
    _listen(post_delete, model, partial(_on_delete, mapping), f"{mapping.source}:delete")
    for label, path in mapping.touched_by.items():
        related = find_model(label)
        for signal in (post_save, post_delete):
            _listen(
                signal, related, partial(_on_change, mapping, path), f"{mapping.source}:{label}:{id(signal)}"
            )
    for name in mapping.m2m:
        through = getattr(model, name).through
        _listen(m2m_changed, through, partial(_on_m2m, mapping, name), f"{mapping.source}:{name}")


def _listen(signal: Any, sender: type[Model], receiver: Any, uid: str) -> None:
    # Django keeps receivers weakly, and nobody else holds these.
    signal.connect(receiver, sender=sender, weak=False, dispatch_uid=f"ecomai:{uid}")


def _on_change(mapping: ModelMapping, path: Path, instance: Any, using: str, **kwargs: Any) -> None:
    try:
        keys = list(_as_keys(read_path(instance, path)))
    except Exception:  # the shop's own save has gone well, and must not fail by us
        logger.exception("What %s touches of %s cannot be told.", type(instance).__name__, mapping.source)
        return
    _mark(mapping, keys, using)


def _on_delete(mapping: ModelMapping, instance: Any, using: str, **kwargs: Any) -> None:
    if mapping.kind != "item":
        return  # orders and events are history, and a person is erased by an erasure, not in passing
    _pending.deleted.setdefault(mapping, {})[instance.pk] = _place_of(mapping, instance)
    transaction.on_commit(flush, using=using, robust=True)


def _on_m2m(
    mapping: ModelMapping,
    name: str,
    action: str,
    instance: Any,
    reverse: bool,
    pk_set: Any,
    using: str,
    **kwargs: Any,
) -> None:
    if not reverse and action.startswith("post_"):
        _mark(mapping, [instance.pk], using)
    elif reverse and action in {"post_add", "post_remove"}:
        _mark(mapping, pk_set, using)
    elif reverse and action == "pre_clear":
        holders = mapping.get_model()._default_manager.filter(**{name: instance})
        _mark(mapping, list(holders.values_list("pk", flat=True)), using)


def _as_keys(value: Any) -> Iterable[Any]:
    if value is None:
        return ()
    return value if isinstance(value, list | tuple | set | frozenset | QuerySet) else (value,)


def _mark(mapping: ModelMapping, keys: Iterable[Any], using: str) -> None:
    _pending.changed.setdefault(mapping, set()).update(keys)
    # One callback a change: the first that runs after the commit takes all, the others find nothing.
    transaction.on_commit(flush, using=using, robust=True)


def flush() -> None:
    """Write what changed. A fault is logged by Django and never reaches the shop's own request."""
    changed, deleted = _pending.take()
    for mapping in sorted({*changed, *deleted}, key=lambda mapping: list(_ORDER).index(mapping.kind)):
        gone = deleted.get(mapping, {})
        still_there = set(_existing(mapping, gone)) if gone else set()
        _end(mapping, {key: place for key, place in gone.items() if key not in still_there})
        _take(mapping, {*changed.get(mapping, ()), *still_there})


_ORDER = ("customer", "item", "order", "event")


def _existing(mapping: ModelMapping, keys: Iterable[Any]) -> Iterator[Any]:
    """Of rows that were deleted, those that a rollback brought back."""
    rows = mapping.get_model()._default_manager.filter(pk__in=list(keys))
    yield from rows.values_list("pk", flat=True)


def _end(mapping: ModelMapping, gone: dict[Any, tuple[str, str]]) -> None:
    by_storefront: dict[str, list[str]] = defaultdict(list)
    for storefront, external_id in gone.values():
        by_storefront[storefront].append(external_id)
    for storefront, external_ids in by_storefront.items():
        end_items(storefront, external_ids)


def _take(mapping: ModelMapping, keys: set[Any]) -> None:
    """Write the rows now, or where that would keep the shop's request waiting, elsewhere."""
    if getattr(mapping, "in_background", False):
        for key in keys:
            write_after_commit(_writer_of(mapping), key)
    elif len(keys) > MOST_ROWS_AT_ONCE:
        label = _("Many rows changed at once in the shop")
        enqueue_job(kind=JOB_KIND, arguments={"kinds": [mapping.kind], "restart": True}, label=label)
    else:
        _write(mapping, keys)


@lru_cache(maxsize=64)
def _writer_of(mapping: ModelMapping) -> Write:
    """One function for each mapping, so that its rows are written together."""
    return partial(_write, mapping)


def _write(mapping: ModelMapping, keys: Iterable[Any]) -> None:
    ordered = sorted(set(keys))
    for start in range(0, len(ordered), app_settings.ADAPTER_CHUNK_ROWS):
        chunk = ordered[start : start + app_settings.ADAPTER_CHUNK_ROWS]
        rows = list(mapping.queryset().filter(pk__in=chunk))
        write_rows(mapping, rows)
        if mapping.kind == "item" and len(rows) < len(chunk):
            _end_left_out(mapping, set(chunk) - {row.pk for row in rows})


def _end_left_out(mapping: ModelMapping, keys: set[Any]) -> None:
    """Items that the mapping's filter leaves out now, such as a product that became another's variant."""
    rows = mapping.get_model()._default_manager.filter(pk__in=keys)
    _end(mapping, {row.pk: _place_of(mapping, row) for row in rows})


def _place_of(mapping: ModelMapping, row: Any) -> tuple[str, str]:
    return mapping.storefront_of(row), str(read_path(row, mapping.external_id))  # type: ignore[attr-defined]


def sync_rows(queryset: QuerySet[Any]) -> int:
    """Bring rows up to date on commit, after `bulk_create`, `update` or raw SQL; returns how many."""
    keys = list(queryset.values_list("pk", flat=True))
    for mapping in get_adapter().mappings():
        if mapping.get_model() is queryset.model:
            _mark(mapping, keys, queryset.db)
    return len(keys)
