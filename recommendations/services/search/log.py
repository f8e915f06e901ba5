"""Keep what was searched for, and what people searched for most and in vain."""

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db.models import Avg, Count, Max, Q, QuerySet
from django.utils import timezone

from ecomai.commerce.bulk import insert_rows
from ecomai.commerce.models import Event, EventType
from ecomai.fusion.subjects import Subject
from ecomai.registry.request_ids import current_request_id
from ecomai.writing import write_soon

from ...app_settings import app_settings
from ...models import SearchLog

logger = logging.getLogger(__name__)

#: In the properties of impressions and clicks on a page of results.
PROPERTY = "search"
Row = dict[str, Any]


def keep_search(**values: Any) -> uuid.UUID:
    """Put one search into the log, a moment later; return its key."""
    key = uuid.uuid4()
    row = {"key": key, **values, "request_id": current_request_id.get(), "created_at": timezone.now()}
    write_soon(_write, row)
    return key


def _write(rows: Sequence[Row]) -> None:
    """Write rows, or those among them that can be: a customer may have been erased meanwhile."""
    try:
        with transaction.atomic():
            insert_rows(SearchLog, list(rows[0]), [tuple(row.values()) for row in rows])
    except (OperationalError, InterfaceError):
        raise
    except DatabaseError:
        if len(rows) == 1:
            logger.exception("A search could not be kept in the log.")
        else:
            for row in rows:
                _write([row])


def forget_old_searches() -> int:
    """Remove searches that are older than LOG_DAYS, a few thousand at a time."""
    oldest = timezone.now() - timedelta(days=app_settings.LOG_DAYS)
    n_removed = 0
    while keys := list(SearchLog.objects.filter(created_at__lt=oldest).values_list("pk", flat=True)[:5000]):
        n_removed += SearchLog.objects.filter(pk__in=keys).delete()[0]
    return n_removed


def searches_by(subject: Subject) -> QuerySet[SearchLog]:
    """Return what a subject searched for, as a customer and in sessions."""
    theirs = Q(session_id__in=subject.session_ids, storefront=subject.storefront)
    if subject.customer_pk:
        theirs |= Q(customer_id=subject.customer_pk)
    return SearchLog.objects.filter(theirs)


# -- reports ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class QueryFigures:
    """How one query fared. `click_rate` is the share of its searches after which something was clicked."""

    query: str
    n_searches: int
    n_people: int
    n_found: float
    click_rate: float | None
    latest: Any

    @property
    def percent(self) -> int:
        return round(100 * (self.click_rate or 0))


def top_queries(*, days: int, most: int = 50, storefront: str | None = None) -> list[QueryFigures]:
    """Return what was searched for most."""
    rows = list(_grouped(days, storefront).order_by("-n", "normalised")[:most])
    clicked = _clicked([row["normalised"] for row in rows], days, storefront)
    return [_figures(row, clicked.get(row["normalised"], 0)) for row in rows]


def queries_in_vain(*, days: int, most: int = 50, storefront: str | None = None) -> list[QueryFigures]:
    """Return queries that found nothing the last times, those asked most first."""
    rows = _grouped(days, storefront).filter(best=0).order_by("-n", "normalised")[:most]
    return [_figures(row, None) for row in rows]


def _grouped(days: int, storefront: str | None) -> Any:
    """A search that was narrowed by hand may find nothing with good reason, so it does not count."""
    searches = SearchLog.objects.filter(
        created_at__gte=timezone.now() - timedelta(days=days), is_filtered=False
    )
    if storefront is not None:
        searches = searches.filter(storefront=storefront)
    return (
        searches.order_by()
        .values("normalised")
        .annotate(
            n=Count("pk"), people=Count("session_id", distinct=True), mean=Avg("n_found"),
            best=Max("n_found"), latest=Max("created_at"), typed=Max("query"),
        )
    )  # fmt: skip


def _figures(row: dict[str, Any], n_clicked: int | None) -> QueryFigures:
    rate = None if n_clicked is None else n_clicked / row["n"]
    return QueryFigures(row["typed"], row["n"], row["people"], row["mean"], rate, row["latest"])


def _clicked(queries: Sequence[str], days: int, storefront: str | None) -> dict[str, int]:
    """Return, by normalised query, after how many searches something was clicked."""
    since = timezone.now() - timedelta(days=days)
    clicks = Event.objects.filter(
        type=EventType.CLICK, occurred_at__gte=since, properties__has_key=PROPERTY
    ).values_list(f"properties__{PROPERTY}", flat=True)
    keys = {key for key in map(_as_key, clicks.distinct().iterator()) if key}
    searches = SearchLog.objects.filter(key__in=keys, normalised__in=queries)
    if storefront is not None:
        searches = searches.filter(storefront=storefront)
    return dict(searches.order_by().values_list("normalised").annotate(n=Count("pk")))


def _as_key(text: Any) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(text))
    except ValueError:
        return None
