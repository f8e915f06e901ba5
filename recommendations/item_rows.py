"""Rows of items as they are now, read whole only when they have changed.

PostgreSQL says of each row in which transaction it was written and where it lies; while both stay, so does
the row. Asking for these two is a tenth of the work of reading rows and making objects of them.
"""

import json
import threading
import time
from collections.abc import Collection, Sequence

from django.db import DEFAULT_DB_ALIAS
from django.db.models import JSONField

from ecomai.commerce.models import Item
from ecomai.reading import in_transaction, is_postgresql, read_rows

MOST_KEPT = 10_000  # some 2.5 kB each
NAMED_SECONDS = 60.0

_ITEM = Item._meta.db_table
_STAMPS = f"SELECT id, xmin::text || ' ' || ctid::text FROM {_ITEM} WHERE id = ANY(%s::bigint[])"  # noqa: S608
_LEFT_OUT = ("description", "attributes")
_FIELDS = [field for field in Item._meta.concrete_fields if field.attname not in _LEFT_OUT]
_NAMES = [field.attname for field in _FIELDS]
_COLUMNS = ", ".join(
    f"{field.column}::text" if isinstance(field, JSONField) else str(field.column) for field in _FIELDS
)
_ROWS = f"SELECT {_COLUMNS} FROM {_ITEM} WHERE id = ANY(%s::bigint[])"  # noqa: S608
_PICTURES = _NAMES.index("image_urls")

_kept: dict[int, tuple[str, Item]] = {}
_named: dict[tuple[str, str], tuple[float, Item]] = {}
_lock = threading.Lock()


def items_by_key(keys: Collection[int]) -> dict[int, Item]:
    """Return the items that exist, without `description` and `attributes`; shared, so not to be changed."""
    if not is_postgresql():
        return Item.objects.defer(*_LEFT_OUT).in_bulk(list(keys))
    stamps = dict(read_rows(_STAMPS, [list(keys)]))
    found = {}
    for key, stamp in stamps.items():
        known = _kept.get(key)
        if known is not None and known[0] == stamp:
            found[key] = known[1]
    changed = stamps.keys() - found.keys()
    return found | _keep(_read(changed), stamps) if changed else found


def items_by_external_id(external_ids: Sequence[str], *, storefront: str) -> dict[str, Item]:
    """Return the items that a page or basket names by the shop's ids, without `description` and `attributes`.

    Of them only key, place and name count, so a copy may be a minute old.
    """
    now, is_alone = time.monotonic(), not in_transaction()
    found = {}
    for external_id in external_ids:
        read_at, item = _named.get((storefront, external_id), (float("-inf"), None))
        if item is not None and is_alone and now - read_at < NAMED_SECONDS:
            found[external_id] = item
    missing = [external_id for external_id in external_ids if external_id not in found]
    if missing:
        rows = Item.objects.filter(storefront=storefront, external_id__in=missing).defer(*_LEFT_OUT)
        fresh = {item.external_id: item for item in rows}
        found |= fresh
        if is_alone:
            _remember(storefront, fresh, now)
    return found


def _remember(storefront: str, items: dict[str, Item], now: float) -> None:
    with _lock:
        for external_id, item in items.items():
            _named[storefront, external_id] = (now, item)
        for name in list(_named)[: max(len(_named) - MOST_KEPT, 0)]:
            del _named[name]


def forget() -> None:
    """Read all rows anew; for tests and after a restore."""
    with _lock:
        _kept.clear()
        _named.clear()


def _read(keys: Collection[int]) -> dict[int, Item]:
    found = {}
    for row in read_rows(_ROWS, [list(keys)]):
        values = list(row)
        values[_PICTURES] = json.loads(values[_PICTURES])
        item = Item.from_db(DEFAULT_DB_ALIAS, _NAMES, values)
        found[item.pk] = item
    return found


def _keep(items: dict[int, Item], stamps: dict[int, str]) -> dict[int, Item]:
    """Keep rows under the stamps read before them: a row that changed in between is read once more later."""
    with _lock:
        for key, item in items.items():
            _kept[key] = (stamps[key], item)
        for key in list(_kept)[: max(len(_kept) - MOST_KEPT, 0)]:
            del _kept[key]
    return items
