"""From the shop's ids to our rows, a batch at a time."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import connection
from django.utils import timezone

from ecomai.commerce.bulk import array_literal, insert_rows
from ecomai.commerce.checking import aware
from ecomai.commerce.models import Customer, Item


def item_pks(external_ids: Iterable[str], storefront: str) -> dict[str, int]:
    wanted = {external_id for external_id in external_ids if external_id}
    if not wanted:
        return {}
    if connection.vendor != "postgresql":
        found = Item.objects.filter(storefront=storefront, external_id__in=wanted)
        return dict(found.values_list("external_id", "pk"))
    table = connection.ops.quote_name(Item._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT "external_id", "id" FROM {table} WHERE "storefront" = %s '  # noqa: S608
            'AND "external_id" = ANY(%s::text[])',
            [storefront, array_literal(wanted)],
        )
        return dict(cursor.fetchall())


def customer_pks(first_seen: Mapping[str, datetime], storefront: str) -> dict[str, int]:
    """Return the customers' rows by external id, making pseudonymous ones for ids we did not know.

    Runs inside the caller's transaction, and holds the rows until it ends: see `hold_customers`.
    """
    wanted = [external_id for external_id in first_seen if external_id]
    if not wanted:
        return {}
    known = _hold(storefront, wanted)
    new = sorted(external_id for external_id in wanted if external_id not in known)
    if new:
        now = timezone.now()
        insert_rows(
            Customer,
            ("storefront", "external_id", "language", "country", "traits", "first_seen_at", "updated_at"),
            [
                (storefront, external_id, "", "", {}, aware(first_seen[external_id]), now)
                for external_id in new
            ],
            unique=("storefront", "external_id"),
        )
        known.update(_hold(storefront, new))
    return known


def hold_customers(pks: Iterable[int]) -> set[int]:
    """Return which customers are still there, and let nobody erase them until the transaction ends.

    Events have no foreign key in the database, so one that is written while its customer is erased
    would otherwise outlive the erasure. Writers do not wait for each other here, only for an erasure.
    """
    wanted = sorted(set(pks))
    if connection.vendor != "postgresql":
        return set(Customer.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    return {pk for _external_id, pk in _key_share('"id" = ANY(%s)', [wanted])}


def _hold(storefront: str, external_ids: list[str]) -> dict[str, int]:
    if connection.vendor != "postgresql":
        found = Customer.objects.filter(storefront=storefront, external_id__in=external_ids)
        return dict(found.values_list("external_id", "pk"))
    condition = '"storefront" = %s AND "external_id" = ANY(%s::text[])'
    return dict(_key_share(condition, [storefront, array_literal(external_ids)]))


def _key_share(condition: str, values: list) -> list[tuple[str, int]]:
    """Django's `select_for_update` knows no FOR KEY SHARE, the one lock that writers can share."""
    table = connection.ops.quote_name(Customer._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT "external_id", "id" FROM {table} WHERE {condition} ORDER BY "id" FOR KEY SHARE',  # noqa: S608
            values,
        )
        return cursor.fetchall()
