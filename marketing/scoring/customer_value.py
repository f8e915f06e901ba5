"""Batch scoring: what each customer will buy, a shard of customers at a time."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import numpy as np
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.exceptions import ConflictError
from ecomai.fusion.services import publish_facts
from ecomai.registry.artifacts import open_artifact
from ecomai.registry.models import ModelVersion
from ecomai.registry.selectors import serving_version

from ..app_settings import app_settings
from ..datasets import Purchases, read_purchases
from ..models import CustomerProfile
from ..scenario import CHURN_PROBABILITY, CUSTOMER_VALUE, EXPECTED_VALUE
from ..services import update_memberships

SHARD_SIZE = 20_000
#: Four of five times what a customer spends lies between.
LEVELS = (0.1, 0.9)
SCORES = (
    "expected_orders", "expected_value", "expected_value_low", "expected_value_high", "alive_probability",
    "repurchase_probability", "scored",
)  # fmt: skip


def shards() -> list[Mapping[str, Any]]:
    """Cut the buyers into ranges of primary keys, for the version that serves now."""
    version = serving_version(CUSTOMER_VALUE)
    if version is None:
        raise ConflictError(reason=_("no version of the model serves yet; train and promote one first."))
    asked_at = timezone.now().isoformat()
    keys = CustomerProfile.objects.order_by("pk").values_list("pk", flat=True).iterator()
    found: list[Mapping[str, Any]] = []
    while chunk := list(islice(keys, SHARD_SIZE)):
        found.append({"first": chunk[0], "last": chunk[-1], "version": version.pk, "asked_at": asked_at})
    return found


def score_shard(shard: Mapping[str, Any]) -> int:
    """Score the buyers of one shard, and take the scores of those who allow it no more; returns rows written.

    Safe to run twice: the same moment gives the same scores.
    """
    from ..training.value_artifacts import read_value_model

    version = ModelVersion.objects.get(pk=shard["version"])
    asked_at = datetime.fromisoformat(shard["asked_at"])
    served = read_value_model(open_artifact(version))
    keys = CustomerProfile.objects.filter(pk__gte=shard["first"], pk__lte=shard["last"])
    pks = list(keys.order_by("pk").values_list("pk", flat=True))
    n_written = 0
    for start in range(0, len(pks), app_settings.BATCH_SIZE):
        batch = pks[start : start + app_settings.BATCH_SIZE]
        purchases = read_purchases(as_of=asked_at, customer_pks=batch)
        scored = set(purchases.customer_pks.tolist())
        _forget([pk for pk in batch if pk not in scored])
        if scored:
            n_written += _write(purchases, served, version, asked_at)
        update_memberships(batch)
    return n_written


def _forget(pks: Sequence[int]) -> None:
    known = CustomerProfile.objects.filter(pk__in=pks).exclude(scored={})
    known.update(**dict.fromkeys(SCORES[:-1]), scored={})


def _write(purchases: Purchases, served: Any, version: ModelVersion, moment: datetime) -> int:
    histories, horizon = purchases.histories, served.horizon_days
    forecast = served.model.predict(histories, horizon)
    low, high = served.model.value_quantiles(histories, horizon, LEVELS).T
    scored = {
        "at": moment.isoformat(timespec="seconds"), "version": version.number, "horizon_days": horizon,
        "estimator": type(served.model).__name__,
    }  # fmt: skip
    columns = (forecast.purchases, forecast.value, low, high, forecast.alive, forecast.buys)
    rows = [
        CustomerProfile(
            customer_id=int(pk), scored=scored,
            **dict(zip(SCORES, np.round(values, 4).tolist(), strict=False)),
        )
        for pk, *values in zip(purchases.customer_pks, *columns, strict=True)
    ]  # fmt: skip
    # The rows are there, so this writes the scores alone.
    CustomerProfile.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["customer"], update_fields=SCORES, batch_size=2000
    )
    _publish(rows, version, moment)
    return len(rows)


def _publish(rows: Sequence[CustomerProfile], version: ModelVersion, moment: datetime) -> None:
    """Tell other scenarios what they may use it for."""
    by_pk = {row.pk: row for row in rows}
    customers = CustomerProfile.objects.filter(pk__in=list(by_pk)).values_list(
        "pk", "customer__storefront", "customer__external_id"
    )
    by_storefront: dict[str, dict[str, CustomerProfile]] = {}
    for pk, storefront, external_id in customers:
        by_storefront.setdefault(storefront, {})[external_id] = by_pk[pk]
    for storefront, found in by_storefront.items():
        values = {
            CHURN_PROBABILITY: {
                key: round(1 - (row.alive_probability or 0.0), 4) for key, row in found.items()
            },
            EXPECTED_VALUE: {key: row.expected_value or 0.0 for key, row in found.items()},
        }
        for name, known in values.items():
            publish_facts(
                name=name, values=known, storefront=storefront, model_version=version.pk, published_at=moment
            )
