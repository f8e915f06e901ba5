"""Batch scoring: the best items of every customer, a shard of customers at a time."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

import numpy as np
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.models import Customer, Item
from ecomai.exceptions import ConflictError
from ecomai.fusion.services import publish_facts
from ecomai.inference.event_context import EventContext
from ecomai.registry.artifacts import open_artifact
from ecomai.registry.models import ModelVersion
from ecomai.registry.selectors import serving_version
from ecomai.serving.predictors import load_predictor

from . import catalogue as catalogues
from . import selectors
from .app_settings import app_settings
from .catalogue import Catalogue, ItemFilter
from .models import BatchRecommendation
from .scenario import FAVOURITE_CATEGORIES, NEXT_ITEM
from .selectors import Interaction

CUSTOMERS_AT_ONCE = 500
N_FAVOURITES = 3


def shards() -> list[Mapping[str, Any]]:
    """Cut the customers into ranges of primary keys, for the version that serves now."""
    version = serving_version(NEXT_ITEM)
    if version is None:
        raise ConflictError(reason=_("no version of the model serves yet; train and promote one first."))
    keys = Customer.objects.order_by("pk").values_list("pk", flat=True).iterator()
    asked_at = timezone.now().isoformat()
    found: list[Mapping[str, Any]] = []
    while chunk := list(islice(keys, app_settings.SHARD_SIZE)):
        found.append({"first": chunk[0], "last": chunk[-1], "version": version.pk, "asked_at": asked_at})
    return found


def score_shard(shard: Mapping[str, Any]) -> int:
    """Score the customers of one shard and return how many rows were written.

    A shard that goes on after a kill passes over the customers whom it scored before.
    """
    version = ModelVersion.objects.get(pk=shard["version"])
    asked_at = datetime.fromisoformat(shard["asked_at"])
    waiting = Customer.objects.filter(pk__gte=shard["first"], pk__lte=shard["last"]).exclude(
        batch_recommendation__model_version=version, batch_recommendation__scored_at__gte=asked_at
    )
    customers = list(waiting.order_by("pk"))
    if not customers:
        return 0
    scorer = _Scorer(version)
    starts = range(0, len(customers), CUSTOMERS_AT_ONCE)
    return sum(scorer.score(customers[start : start + CUSTOMERS_AT_ONCE]) for start in starts)


class _Scorer:
    """One loaded version and one state of the catalogue, for all chunks of a shard."""

    def __init__(self, version: ModelVersion) -> None:
        self.version = version
        predictor: Any = load_predictor(open_artifact(version))
        self.predictor = predictor
        self.catalogue: Catalogue = catalogues.current()
        self.keys = np.array(predictor.item_ids, dtype=np.int64)
        self._masks: dict[str, np.ndarray] = {}

    def score(self, customers: list[Customer]) -> int:
        """Score some customers, write their rows in one statement, and publish what they like."""
        ids = [customer.pk for customer in customers]
        now = timezone.now()
        interactions = selectors.histories(ids, as_of=now)
        bought = selectors.purchases_of(ids)
        allowed = selectors.who_may_be_scored(ids)
        rows: list[BatchRecommendation] = []
        for storefront, group in _by_storefront(customers).items():
            known = [customer for customer in group if customer.pk in allowed and interactions[customer.pk]]
            histories, contexts = self._read([interactions[customer.pk] for customer in known])
            excluded = [
                _excluded(history, bought[customer.pk])
                for customer, history in zip(known, histories, strict=True)
            ]
            ranked = self._rank(histories, contexts, excluded, storefront)
            rows += [
                BatchRecommendation(
                    customer=customer, item_keys=self.keys[best].tolist(), scored_at=now,
                    scores=np.round(scores.astype(np.float64), 4).tolist(), model_version=self.version,
                )
                for customer, (best, scores) in zip(known, ranked, strict=True)
            ]  # fmt: skip
            _publish_favourites(storefront, known, histories, self.version, now)
        self._write(rows)
        return len(rows)

    def _read(self, done: list[list[Interaction]]) -> tuple[list[list[int]], list[list[EventContext]] | None]:
        """Return histories, and what is known of their events where the model wants it."""
        if not self.predictor.has_context:
            return [selectors.history_keys(one) for one in done], None
        rows = [
            selectors.steps_of((act.item_key, act.type, selectors.day_of(act.occurred_at)) for act in one)
            for one in done
        ]
        return [keys for keys, _contexts in rows], [contexts for _keys, contexts in rows]

    def _rank(
        self,
        histories: list[list[int]],
        contexts: list[list[EventContext]] | None,
        excluded: list[set[int]],
        storefront: str,
    ) -> list[Any]:
        return self.predictor.top_positions(
            [[str(key) for key in history] for history in histories],
            app_settings.BATCH_N,
            is_candidate=self._mask(storefront),
            exclude=[[str(key) for key in keys] for keys in excluded],
            contexts=contexts,
        )

    def _mask(self, storefront: str) -> np.ndarray:
        if storefront not in self._masks:
            shown = self.catalogue.mask(storefront=storefront, filters=ItemFilter())
            at = self.catalogue.positions(self.keys)
            self._masks[storefront] = (at >= 0) & (shown[np.maximum(at, 0)] if len(shown) else False)
        return self._masks[storefront]

    @staticmethod
    def _write(rows: list[BatchRecommendation]) -> None:
        BatchRecommendation.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["customer"],
            update_fields=["item_keys", "scores", "model_version", "scored_at"],
        )


def _excluded(history: list[int], bought: Mapping[int, str]) -> set[int]:
    """What was bought and does not come again, and what was looked at, as in answers."""
    return selectors.not_again(bought) | {key for key in history if key not in bought}


def _by_storefront(customers: Iterable[Customer]) -> dict[str, list[Customer]]:
    groups: dict[str, list[Customer]] = {}
    for customer in customers:
        groups.setdefault(customer.storefront, []).append(customer)
    return groups


def _publish_favourites(
    storefront: str,
    customers: list[Customer],
    histories: list[list[int]],
    version: ModelVersion,
    now: datetime,
) -> None:
    """Tell other scenarios which top categories a customer turns to most."""
    keys = {key for history in histories for key in history}
    paths = dict(Item.objects.filter(pk__in=keys).values_list("pk", "category_path"))
    values = {
        customer.external_id: favourites
        for customer, history in zip(customers, histories, strict=True)
        if (favourites := _favourites([paths.get(key, "") for key in history]))
    }
    if values:
        publish_facts(
            name=FAVOURITE_CATEGORIES,
            values=values,
            storefront=storefront,
            model_version=version.pk,
            published_at=now,
        )


def _favourites(paths: list[str]) -> list[str]:
    counts: dict[str, int] = {}
    for path in paths:
        if top := path.split(" > ", 1)[0]:
            counts[top] = counts.get(top, 0) + 1
    return sorted(counts, key=lambda top: (-counts[top], top))[:N_FAVOURITES]
