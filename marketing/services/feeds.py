"""Texts from outside: RSS and Atom feeds, and CSV files."""

import logging
import re
from calendar import timegm
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from html import unescape
from itertools import islice
from pathlib import Path
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.importing.files import open_table
from ecomai.fetching import FetchError, fetch

from ..exceptions import FeedError
from ..models import Feedback, FeedSource
from .voice import LONGEST_TEXT, MAX_LENGTHS, FeedbackIn, take_feedback

logger = logging.getLogger(__name__)

MOST_BYTES = 5_000_000
TIMEOUT_SECONDS = 20.0
ROWS_AT_ONCE = 1000
TAG = re.compile(r"<[^>]*>")


def read_feeds() -> int:
    """Read each feed in use; returns texts taken. One that fails says why, and costs no other one."""
    n_taken = 0
    for feed in FeedSource.objects.filter(is_active=True).order_by("pk"):
        try:
            n_taken += read_feed(feed)
        except FeedError as error:
            logger.info("Feed %s was not read: %s", feed.pk, error.code)
            FeedSource.objects.filter(pk=feed.pk).update(problem=str(error)[:500], fetched_at=timezone.now())
    return n_taken


def read_feed(feed: FeedSource) -> int:
    """Read one feed and return how many texts were new. Raises FeedError."""
    try:
        content = fetch(feed.url, max_bytes=MOST_BYTES, timeout_seconds=TIMEOUT_SECONDS)
    except FetchError as error:
        raise FeedError(name=feed.name, reason=_reason(error.reason)) from error
    results = take_feedback(
        list(parse_feed(content, feed)), storefront=feed.storefront, source=f"feed {feed.name}"
    )
    n_taken = sum(result.status == "accepted" for result in results)
    feed.fetched_at, feed.problem, feed.n_taken = timezone.now(), "", feed.n_taken + n_taken
    feed.save(update_fields=["fetched_at", "problem", "n_taken"])
    return n_taken


def parse_feed(content: bytes, feed: FeedSource) -> Iterator[FeedbackIn]:
    """Yield the entries of an RSS or Atom feed that have a text. Raises FeedError.

    A document with entities or a document type of its own is refused before anything reads it.
    """
    import feedparser
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise FeedError(name=feed.name, reason=_("it defines entities, which no feed needs")) from error
    except (ParseError, ValueError) as error:
        raise FeedError(name=feed.name, reason=_("it is no well-formed XML")) from error
    for entry in feedparser.parse(content).entries:
        text = _plain(_content_of(entry))
        title = _plain(entry.get("title", ""))
        if not text:
            text, title = title, ""
        key = entry.get("id") or entry.get("link") or ""
        if text and key:
            yield FeedbackIn(
                external_id=f"{feed.pk}:{key}"[: MAX_LENGTHS["external_id"]], source=Feedback.Source.FEED,
                title=title[: MAX_LENGTHS["title"]], text=text[:LONGEST_TEXT], language=feed.language,
                url=entry.get("link", "")[: MAX_LENGTHS["url"]], written_at=_moment(entry),
            )  # fmt: skip


def import_file(path: Path, *, source: str, storefront: str = "", name: str = "") -> dict[str, int]:
    """Take texts from a CSV or Parquet file whose columns are those of the endpoint; returns counts.

    A file may be imported again after it was interrupted: what is there already is a duplicate.
    """
    table = open_table(path)
    counts = {"accepted": 0, "duplicate": 0, "rejected": 0}
    lines = enumerate(table.rows(), start=2)
    while batch := list(islice(lines, ROWS_AT_ONCE)):
        rows = [_named(table.columns, cells, source) for _number, cells in batch]
        results = take_feedback(
            rows, storefront=storefront, source=name or path.name, row_numbers=[number for number, _ in batch]
        )
        for result in results:
            counts[result.status] += 1
    return counts


def _named(columns: list[str], cells: Any, source: str) -> Mapping[str, Any]:
    row = {name: cell for name, cell in zip(columns, cells, strict=False) if cell not in ("", None)}
    return {"source": source, **row}


def _content_of(entry: Mapping[str, Any]) -> str:
    parts = [part.get("value", "") for part in entry.get("content", [])]
    return max([entry.get("summary", ""), *parts], key=len)


def _plain(markup: str) -> str:
    return " ".join(unescape(TAG.sub(" ", markup)).replace("\x00", " ").split())


def _moment(entry: Mapping[str, Any]) -> datetime | None:
    found = entry.get("published_parsed") or entry.get("updated_parsed")
    if not found:
        return None
    return min(datetime.fromtimestamp(timegm(found), UTC), timezone.now())


def _reason(reason: str) -> str:
    return {
        "bad_address": _("its address is none of http or https"),
        "private_address": _("its address leads into a private network"),
        "unreachable": _("its host does not answer"),
        "refused": _("its host does not give it away"),
        "too_large": _("it is too large"),
        "too_slow": _("its host is too slow"),
    }.get(reason, reason)
