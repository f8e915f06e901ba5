"""Batch scoring of texts: how probably each, and each of its sentences, is negative."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from ecomai.exceptions import ConflictError
from ecomai.registry.artifacts import open_artifact
from ecomai.registry.models import ModelVersion
from ecomai.registry.selectors import serving_version

from ..models import Feedback, FeedbackAspect, SaidBy, Sentiment
from ..scenario import SENTIMENT
from ..sentiment import join_title
from ..services.requests import request_profiles

SHARD_SIZE = 20_000
BATCH_SIZE = 500


def shards() -> list[Mapping[str, Any]]:
    """Cut the texts that the serving version has not read into ranges of primary keys."""
    version = serving_version(SENTIMENT)
    if version is None:
        raise ConflictError(reason=_("no version of the model serves yet; train and promote one first."))
    keys = unread(version).order_by("pk").values_list("pk", flat=True).iterator()
    found: list[Mapping[str, Any]] = []
    while chunk := list(islice(keys, SHARD_SIZE)):
        found.append({"first": chunk[0], "last": chunk[-1], "version": version.pk})
    return found


def unread(version: ModelVersion) -> Any:
    return Feedback.objects.filter(Q(version=None) | ~Q(version=version.number))


def score_shard(shard: Mapping[str, Any]) -> int:
    """Read the texts of one shard; returns how many. Safe to run twice: what was read is not read again.

    Stars say more of a whole text than a model does; of its sentences, and of texts without stars, the model
    speaks.
    """
    from ..training.sentiment import read_sentiment_model

    version = ModelVersion.objects.get(pk=shard["version"])
    model = read_sentiment_model(open_artifact(version))
    rows = unread(version).filter(pk__gte=shard["first"], pk__lte=shard["last"]).order_by("pk")
    pks = list(rows.values_list("pk", flat=True))
    for start in range(0, len(pks), BATCH_SIZE):
        _score(pks[start : start + BATCH_SIZE], model, version)
    return len(pks)


def _score(pks: Sequence[int], model: Any, version: ModelVersion) -> None:
    with transaction.atomic():
        rows = list(Feedback.objects.select_for_update().filter(pk__in=pks).order_by("pk"))
        sentences = list(FeedbackAspect.objects.filter(feedback__in=[row.pk for row in rows]).order_by("pk"))
        said = model.predict_proba([join_title(row.title, row.text) for row in rows])[:, 1].tolist()
        for row, probability in zip(rows, said, strict=True):
            row.negative_probability, row.version = round(probability, 4), version.number
            if row.rating is None:
                row.sentiment, row.said_by = _sentiment(probability, model), SaidBy.MODEL
        # A sentence stands once for each of its aspects.
        texts = list(dict.fromkeys(each.sentence for each in sentences))
        known = dict(zip(texts, model.predict_proba(texts)[:, 1].tolist(), strict=True)) if texts else {}
        for sentence in sentences:
            probability = known[sentence.sentence]
            sentence.negative_probability = round(probability, 4)
            sentence.sentiment = _sentiment(probability, model)
        request_profiles({row.customer_id for row in rows if row.customer_id and row.rating is None})
        Feedback.objects.bulk_update(
            rows, ["negative_probability", "version", "sentiment", "said_by"], batch_size=500
        )
        FeedbackAspect.objects.bulk_update(sentences, ["negative_probability", "sentiment"], batch_size=500)


def _sentiment(probability: float, model: Any) -> Sentiment:
    return Sentiment.NEGATIVE if probability >= model.threshold_ else Sentiment.POSITIVE
