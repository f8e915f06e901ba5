"""Publishing facts, and letting go of old ones."""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.utils import timezone

from ecomai import scenarios
from ecomai.fusion.app_settings import app_settings
from ecomai.fusion.exceptions import FactTypeError
from ecomai.fusion.models import Fact
from ecomai.scenarios import FactSpec

PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "number": (int, float),
    "text": (str,),
    "boolean": (bool,),
    "json": (dict, list, str, int, float, bool),
}


def publish_facts(
    *,
    name: str,
    values: Mapping[str, Any],
    storefront: str = "",
    model_version: int | None = None,
    published_at: datetime | None = None,
) -> int:
    """Add one value per entity id to a declared fact, in batches; returns how many.

    Nothing is overwritten: a later value takes over, and the earlier one stays readable `as_of` its time.
    """
    spec = scenarios.get_fact_spec(name)
    for value in values.values():
        check_type(spec, value)
    moment = published_at or timezone.now()
    rows = (
        Fact(
            storefront=storefront, name=name, entity=spec.entity, entity_id=entity_id, value=value,
            model_version=model_version, published_at=moment, expires_at=moment + spec.time_to_live,
        )
        for entity_id, value in values.items()
    )  # fmt: skip
    for batch in _batches(rows):
        Fact.objects.bulk_create(batch)
    return len(values)


def check_type(spec: FactSpec, value: Any) -> None:
    is_right = isinstance(value, PYTHON_TYPES[spec.type])
    if spec.type == "number":
        is_right = is_right and not isinstance(value, bool) and math.isfinite(value)
    if not is_right:
        raise FactTypeError(fact=spec.name, type=spec.type)


def _batches(rows: Iterator[Fact]) -> Iterator[list[Fact]]:
    while batch := list(islice(rows, app_settings.FACT_BATCH_SIZE)):
        yield batch


def delete_old_facts(*, now: datetime | None = None) -> int:
    """Delete facts that expired longer ago than the retention period, in batches; returns how many."""
    limit = (now or timezone.now()) - timedelta(days=app_settings.FACT_RETENTION_DAYS)
    n_deleted = 0
    while pks := list(
        Fact.objects.filter(expires_at__lt=limit).values_list("pk", flat=True)[: app_settings.FACT_BATCH_SIZE]
    ):
        n_deleted += Fact.objects.filter(pk__in=pks).delete()[0]
    return n_deleted
