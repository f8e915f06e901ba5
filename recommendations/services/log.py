"""Keep what was answered, so that promise and outcome can be compared and a shadow be judged."""

import logging
import random
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.utils import timezone

from ecomai.commerce.bulk import insert_rows
from ecomai.registry.request_ids import current_request_id
from ecomai.writing import write_soon

from ..app_settings import app_settings
from ..models import Answer

if TYPE_CHECKING:
    from ..pipeline.rankers import Context
    from .answers import AnswerList

logger = logging.getLogger(__name__)

#: The fields of an `Answer`; an object of a model for each would be most of the work of logging it.
Row = dict[str, Any]


def keep_answer(answer: "AnswerList", context: "Context", *, milliseconds: float) -> uuid.UUID | None:
    """Put one answer into the log and return its key. A log that cannot be written never costs the answer.

    It is written a moment later, many answers in one statement; see `ecomai.writing`.
    """
    if not answer.picks or random.random() >= app_settings.LOG_SHARE:  # noqa: S311  (a sample, no secret)
        return None
    key, shadow = uuid.uuid4(), answer.shadow
    row = {
        "key": key,
        "storefront": context.storefront,
        "customer": context.customer_key,
        "session_id": context.session_id,
        "placement": answer.placement,
        "seed_keys": context.seed_keys,
        "item_keys": [pick.item.pk for pick in answer.picks],
        "source": answer.source,
        "asked_for": answer.asked_for,
        "model_name": answer.model_name,
        "model_version": answer.model_version_id,
        "pipeline": answer.pipeline_id,
        "shadow_version": shadow.model_version_id if shadow else None,
        "shadow_item_keys": list(shadow.keys[: context.n]) if shadow else [],
        "milliseconds": milliseconds,
        "request_id": current_request_id.get(),
        "created_at": timezone.now(),
    }
    write_soon(_write, row)
    return key


def _write(rows: Sequence[Row]) -> None:
    """Write rows, or those among them that can be: a customer may have been erased meanwhile."""
    try:
        with transaction.atomic():
            insert_rows(Answer, list(rows[0]), [tuple(row.values()) for row in rows])
    except (OperationalError, InterfaceError):
        raise
    except DatabaseError:
        if len(rows) == 1:
            logger.exception("An answer could not be kept in the log.")
        else:
            for row in rows:
                _write([row])


def forget_old_answers() -> int:
    """Remove answers that are older than LOG_DAYS, a few thousand at a time."""
    oldest = timezone.now() - timedelta(days=app_settings.LOG_DAYS)
    n_removed = 0
    while keys := list(Answer.objects.filter(created_at__lt=oldest).values_list("pk", flat=True)[:5000]):
        n_removed += Answer.objects.filter(pk__in=keys).delete()[0]
    return n_removed
