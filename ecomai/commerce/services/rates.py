"""Dated exchange rates to the reporting currency."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import transaction

from ecomai.commerce.bulk import insert_rows
from ecomai.commerce.checking import Bounds, parse_and_check
from ecomai.commerce.models import ExchangeRate
from ecomai.commerce.records import CREATED, UNCHANGED, UPDATED, RowResult

from .rejections import keep_rejected

RATE_STEP = Decimal("0.0000000001")


def set_exchange_rates(
    rows: Sequence[Any], *, source: str = "services", row_numbers: Sequence[int] | None = None
) -> list[RowResult]:
    """Set what a currency is worth from a day on (`RateIn` or mappings); return one result per row."""
    checked = list(parse_and_check("rate", rows, Bounds()))
    known = {(rate.currency, rate.valid_from): rate.rate for rate in ExchangeRate.objects.all()}
    changed, results = {}, []
    for record in checked:
        if isinstance(record, RowResult):
            results.append(record)
            continue
        key, rate = (record.currency, record.valid_from.date()), record.rate.quantize(RATE_STEP)
        results.append(UNCHANGED if known.get(key) == rate else UPDATED if key in known else CREATED)
        if known.get(key) != rate:
            known[key] = changed[key] = rate
    with transaction.atomic():
        insert_rows(
            ExchangeRate,
            ("currency", "valid_from", "rate"),
            [(*key, rate) for key, rate in sorted(changed.items())],
            unique=("currency", "valid_from"),
            update=("rate",),
        )
        keep_rejected(
            kind="rate", rows=rows, results=results, storefront="", source=source, row_numbers=row_numbers
        )
    return results
