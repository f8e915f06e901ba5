"""What this scenario keeps of a person: removed and told through fusion."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet

from ecomai.commerce.models import Item
from ecomai.fusion.subjects import Subject

from ..models import Answer, BatchRecommendation, Feedback
from .feedback import feedback_of
from .search import searches_by


def erase(subject: Subject) -> Mapping[str, int]:
    """Remove batch recommendations, kept answers, feedback and searches of a subject. Safe to call twice."""
    n_batch = _batches(subject).delete()[0]
    n_answers = _answers(subject).delete()[0]
    n_said = _said(subject).delete()[0]
    n_searches = searches_by(subject).delete()[0]
    return {
        "batch_recommendations": n_batch,
        "answers": n_answers,
        "feedback": n_said,
        "searches": n_searches,
    }


def export(subject: Subject) -> Mapping[str, Any]:
    """Return what was recommended to a subject, as JSON values with the shop's own item ids."""
    batches, answers = list(_batches(subject)), list(_answers(subject).order_by("created_at"))
    keys = {key for batch in batches for key in batch.item_keys}
    keys |= {key for answer in answers for key in answer.item_keys}
    ids = dict(Item.objects.filter(pk__in=keys).values_list("pk", "external_id"))
    return {
        "batch_recommendations": [
            {"items": _external(row.item_keys, ids), "scored_at": row.scored_at.isoformat()}
            for row in batches
        ],
        "answers": [
            {
                "items": _external(row.item_keys, ids),
                "placement": row.placement,
                "source": row.source,
                "answered_at": row.created_at.isoformat(),
            }
            for row in answers
        ],
        "feedback": [
            {"item": row.item.external_id, "said": row.kind, "said_at": row.said_at.isoformat()}
            for row in _said(subject).select_related("item").order_by("said_at")
        ],
        "searches": [
            {"query": row.query, "found": row.n_found, "searched_at": row.created_at.isoformat()}
            for row in searches_by(subject).order_by("created_at")
        ],
    }


def _external(keys: list[int], ids: Mapping[int, str]) -> list[str]:
    return [ids[key] for key in keys if key in ids]


def _batches(subject: Subject) -> QuerySet[BatchRecommendation]:
    return BatchRecommendation.objects.filter(customer_id=subject.customer_pk or 0)


def _said(subject: Subject) -> QuerySet[Feedback]:
    return feedback_of(
        customer_pk=subject.customer_pk, session_ids=subject.session_ids, storefront=subject.storefront
    )


def _answers(subject: Subject) -> QuerySet[Answer]:
    theirs = Q(session_id__in=subject.session_ids, storefront=subject.storefront)
    if subject.customer_pk:
        theirs |= Q(customer_id=subject.customer_pk)
    return Answer.objects.filter(theirs)
