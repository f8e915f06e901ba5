"""Items and customers: upserts that say what they changed, and change nothing the second time."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext as _
from msgspec import UNSET, Struct

from ecomai.commerce import signals
from ecomai.commerce.bulk import insert_rows
from ecomai.commerce.checking import Bounds, aware, parse_and_check, rejected
from ecomai.commerce.models import Customer, Item
from ecomai.commerce.records import CREATED, UNCHANGED, UPDATED, CustomerIn, ItemIn, RowResult

from .rejections import keep_rejected

PRICE_STEP = Decimal("0.0001")
Values = dict[str, Any]


def upsert_items(
    rows: Sequence[Any],
    *,
    storefront: str = "",
    source: str = "services",
    row_numbers: Sequence[int] | None = None,
) -> list[RowResult]:
    """Create or change items (`ItemIn` or mappings); fields that a row does not name stay as they are.

    Returns one result per row: accepted (`created`, `updated`), duplicate (`unchanged`) or rejected.
    Sends `items_changed`.
    """
    bounds = Bounds()
    checked = list(parse_and_check("item", rows, bounds))
    new_row: Values = {
        "description": "", "category_path": "", "brand": "", "attributes": {}, "price": None, "cost": None,
        "currency": "", "stock": None, "url": "", "image_urls": [], "is_active": True,
        "listed_at": bounds.now,
    }  # fmt: skip
    with transaction.atomic():
        results, pks = _upsert(
            Item,
            checked,
            storefront,
            new_row,
            now=bounds.now,
            values_of=_item_values,
            problem_of=_problem_of_new_item,
        )
        keep_rejected(
            kind="item",
            rows=rows,
            results=results,
            storefront=storefront,
            source=source,
            row_numbers=row_numbers,
        )
        if pks:
            announce = partial(signals.items_changed.send_robust, Item, storefront=storefront, item_pks=pks)
            transaction.on_commit(announce)
    return results


def upsert_customers(
    rows: Sequence[Any],
    *,
    storefront: str = "",
    source: str = "services",
    row_numbers: Sequence[int] | None = None,
) -> list[RowResult]:
    """Create or change customers (`CustomerIn` or mappings), as `upsert_items` does items."""
    bounds = Bounds()
    checked = list(parse_and_check("customer", rows, bounds))
    new_row = {"language": "", "country": "", "traits": {}, "first_seen_at": bounds.now}
    with transaction.atomic():
        results, _pks = _upsert(
            Customer, checked, storefront, new_row, now=bounds.now, values_of=_customer_values
        )
        keep_rejected(
            kind="customer",
            rows=rows,
            results=results,
            storefront=storefront,
            source=source,
            row_numbers=row_numbers,
        )
    return results


def _upsert(
    model: type[models.Model],
    checked: Sequence[Any],
    storefront: str,
    new_row: Values,
    *,
    now: Any,
    values_of: Callable[[Any], Values],
    problem_of: Callable[[Values], RowResult | None] = lambda values: None,
) -> tuple[list[RowResult], list[int]]:
    """Merge the rows of each id in order, and write what differs in one statement; return results and pks."""
    ids = {record.external_id for record in checked if not isinstance(record, RowResult)}
    names = ["external_id", *_value_fields(model)]
    # Locked, in one order: what another writer changes meanwhile must not be written back as it was.
    rows = model._default_manager.filter(storefront=storefront, external_id__in=ids)
    locked = rows.select_for_update(no_key=True).order_by("pk").values(*names)
    known: dict[str, Values] = {row["external_id"]: row for row in locked}
    changed: dict[str, Values] = {}
    results = []
    for record in checked:
        result = (
            record
            if isinstance(record, RowResult)
            else _merge(record, known, changed, new_row, values_of, problem_of)
        )
        results.append(result)
    fields = ("storefront", *names, "updated_at")
    written = insert_rows(
        model,
        fields,
        [(storefront, *(changed[key][name] for name in names), now) for key in sorted(changed)],
        unique=("storefront", "external_id"),
        update=(*_value_fields(model), "updated_at"),
        returning=("id",),
    )
    return results, [pk for (pk,) in written]


def _merge(
    record: Any,
    known: dict[str, Values],
    changed: dict[str, Values],
    new_row: Values,
    values_of: Callable[[Any], Values],
    problem_of: Callable[[Values], RowResult | None],
) -> RowResult:
    given = values_of(record)
    before: Mapping[str, Any] | None = known.get(record.external_id)
    after = {**(before or new_row), **given}
    if problem := problem_of(after):
        return problem
    if before == after:
        return UNCHANGED
    known[record.external_id] = changed[record.external_id] = after
    return UPDATED if before else CREATED


def _value_fields(model: type[models.Model]) -> list[str]:
    own = {"id", "storefront", "external_id", "updated_at"}
    return [field.name for field in model._meta.concrete_fields if field.name not in own]


def _said(record: Struct) -> Values:
    values = {name: getattr(record, name) for name in record.__struct_fields__}
    return {name: value for name, value in values.items() if value is not UNSET}


def _item_values(item: ItemIn) -> Values:
    values = _said(item)
    for name in ("price", "cost"):
        if values.get(name) is not None:
            values[name] = values[name].quantize(PRICE_STEP)
    if "listed_at" in values:
        values["listed_at"] = aware(values["listed_at"])
    return values


def _customer_values(customer: CustomerIn) -> Values:
    values = _said(customer)
    if "first_seen_at" in values:
        values["first_seen_at"] = aware(values["first_seen_at"])
    return values


def _problem_of_new_item(values: Values) -> RowResult | None:
    if not values.get("title"):
        return rejected("missing_field", _("The field “%(field)s” is missing or empty."), field="title")
    if values["price"] is not None and not values["currency"]:
        return rejected("missing_currency", _("An amount needs its currency, such as “EUR”."))
    return None
