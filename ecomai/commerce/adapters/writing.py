"""Rows of a mapped model into our tables, through the same services as REST and files."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.conf import settings
from django.utils import translation

from ecomai.commerce import services
from ecomai.commerce.behaviour import without_refused
from ecomai.commerce.models import Item
from ecomai.commerce.records import RowResult

from .mapping import ModelMapping, Row

Writer = Callable[..., list[RowResult]]

WRITERS: dict[str, Writer] = {
    "customer": services.upsert_customers,
    "item": services.upsert_items,
    "order": services.upsert_orders,
    "event": services.ingest_events,
}


def write_rows(mapping: ModelMapping, rows: Iterable[Any]) -> list[RowResult]:
    """Read the host's rows by their mapping and write them; bad ones are set aside with their reason."""
    by_storefront: dict[str, list[Row]] = defaultdict(list)
    # Titles and addresses are those of the shop's own language, whoever's request brought the row here.
    with translation.override(settings.LANGUAGE_CODE):
        rows = list(rows)
        if mapping.attach:
            mapping.attach(rows)
        for row in rows:
            by_storefront[mapping.storefront_of(row)].append(mapping.read(row))
    results: list[RowResult] = []
    for storefront, batch in by_storefront.items():
        if mapping.kind == "event":
            batch = without_refused(batch, storefront=storefront)
        results += WRITERS[mapping.kind](batch, storefront=storefront, source=mapping.source)
    return results


def end_items(storefront: str, external_ids: Sequence[str]) -> int:
    """Items that the shop has deleted can no longer be bought; their history stays. Returns how many."""
    known = Item.objects.filter(storefront=storefront, external_id__in=external_ids, is_active=True)
    rows = [
        {"external_id": external_id, "is_active": False}
        for external_id in known.values_list("external_id", flat=True)
    ]
    services.upsert_items(rows, storefront=storefront, source="adapter")
    return len(rows)
