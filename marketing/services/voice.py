"""Texts of customers: taken in once each, cut into sentences, and told by what they are about."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.checking import aware, rejected
from ecomai.commerce.models import Customer, Item
from ecomai.commerce.records import ACCEPTED, DUPLICATE, RowResult
from ecomai.commerce.services import hold_customers, keep_rejected
from ecomai.commerce.services.events import StoredEvent
from ecomai.commerce.services.resolving import customer_pks, item_pks

from ..models import Aspect, Feedback, FeedbackAspect, SaidBy, Sentiment
from ..voice.sentences import AspectWords, split_sentences
from ..voice.taxonomy import SEEDS
from .requests import request_profiles

KIND = "feedback"
LONGEST_TEXT = 20_000
MAX_LENGTHS = {
    "external_id": 300,
    "item_id": 128,
    "customer_id": 128,
    "language": 16,
    "title": 300,
    "url": 1000,
}
NEGATIVE_STARS, POSITIVE_STARS = 2, 4
CLOCK_ERROR = timedelta(days=1)
#: What a text that is sent again may have changed.
CHANGEABLE = ("item_id", "customer_id", "rating", "language", "title", "text", "url", "written_at")
FIELDS = (*CHANGEABLE, "sentiment", "said_by", "negative_probability", "version", "read_at")


class FeedbackIn(msgspec.Struct, kw_only=True):
    """A text as it comes in; times without a zone are UTC."""

    external_id: str
    text: str
    source: str = Feedback.Source.REVIEW
    title: str = ""
    item_id: str = ""
    customer_id: str = ""
    rating: int | None = None
    language: str = ""
    url: str = ""
    written_at: datetime | None = None


def take_feedback(
    rows: Sequence[Any],
    *,
    storefront: str = "",
    source: str = "services",
    row_numbers: Sequence[int] | None = None,
) -> list[RowResult]:
    """Store texts, each once by storefront, source and id; return one result per row, in order.

    The same text again is a duplicate, and one that was changed since takes the place of what was there. A
    row that cannot be taken is kept aside with its reason, and can be replayed. Unknown customers become
    pseudonymous rows; a text about an unknown item waits for the item.
    """
    parsed = [_parse(row) for row in rows]
    with transaction.atomic():
        good = [row for row in parsed if isinstance(row, FeedbackIn)]
        items = item_pks([row.item_id for row in good], storefront)
        checked = [_refuse_unknown_item(row, items) for row in parsed]
        results = _store(checked, storefront, items)
        if any(result.status == "rejected" for result in results):
            keep_rejected(
                kind=KIND, rows=rows, results=results, storefront=storefront, source=source,
                row_numbers=row_numbers,
            )  # fmt: skip
    return results


def take_reviews(events: Sequence[StoredEvent], *, storefront: str) -> list[RowResult]:
    """Take the reviews among events of the shop that say something: `text`, `title` and `score` or `rating`.

    The event's key is the text's id, so that an event and a later import of it under that id are one.
    """
    customers = _external_ids(Customer, {event.customer_id for event in events})
    items = _external_ids(Item, {event.item_id for event in events})
    rows = [
        {
            "external_id": event.key, "text": text, "title": str(event.properties.get("title") or "")[:300],
            "customer_id": customers.get(event.customer_id, ""), "item_id": items.get(event.item_id, ""),
            "written_at": event.occurred_at, "rating": _stars(event.properties),
        }
        for event in events
        if (text := str(event.properties.get("text") or "")[:LONGEST_TEXT])
    ]  # fmt: skip
    return take_feedback(rows, storefront=storefront, source="events") if rows else []


def ensure_aspects() -> None:
    """Begin with the aspects of the taxonomy; a shop that has any keeps its own."""
    if not Aspect.objects.exists():
        rows = [
            Aspect(
                slug=seed.slug, name=_(seed.name), words="\n".join(seed.words),
                examples="\n".join(seed.examples),
            )
            for seed in SEEDS
        ]  # fmt: skip
        Aspect.objects.bulk_create(rows, ignore_conflicts=True)


def read_sentences(rows: Iterable[Feedback]) -> int:
    """Cut texts into sentences and note what each is about, in place of what was noted; returns how many.

    Until a model has read it, a sentence is as its text is.
    """
    rows = list(rows)
    words = AspectWords(
        (aspect.pk, aspect.phrases) for aspect in Aspect.objects.filter(is_active=True).order_by("pk")
    )
    made = [
        FeedbackAspect(
            feedback_id=row.pk, aspect_id=aspect_pk, position=position, sentence=sentence,
            written_at=row.written_at, sentiment=row.sentiment,
        )
        for row in rows
        for position, sentence in enumerate(split_sentences(f"{row.title}\n{row.text}"))
        for aspect_pk in _aspects_of(sentence, words)
    ]  # fmt: skip
    with transaction.atomic():
        FeedbackAspect.objects.filter(feedback__in=[row.pk for row in rows]).delete()
        FeedbackAspect.objects.bulk_create(made, batch_size=2000)
    return len(made)


def _aspects_of(sentence: str, words: AspectWords) -> list[int | None]:
    """Return the aspects of a sentence, or None alone."""
    return [*words.find(sentence)] or [None]


def sentiment_of_stars(rating: int | None) -> tuple[Sentiment, SaidBy]:
    """Return what stars say; without any, nobody has said anything yet."""
    if rating is None:
        return Sentiment.UNKNOWN, SaidBy.NOBODY
    if rating <= NEGATIVE_STARS:
        return Sentiment.NEGATIVE, SaidBy.STARS
    return (Sentiment.POSITIVE if rating >= POSITIVE_STARS else Sentiment.NEUTRAL), SaidBy.STARS


def _external_ids(model: type[Customer] | type[Item], pks: set[int | None]) -> dict[int | None, str]:
    return dict(model.objects.filter(pk__in=[pk for pk in pks if pk]).values_list("pk", "external_id"))


def _stars(properties: Mapping[str, Any]) -> int | None:
    given = properties.get("rating", properties.get("score"))
    return int(given) if isinstance(given, int | float) and 1 <= given <= 5 else None


def _parse(row: Any) -> FeedbackIn | RowResult:
    if isinstance(row, FeedbackIn):
        return _check(row)
    if not isinstance(row, Mapping):
        return rejected("invalid_row", _("The row is not an object with named fields."))
    known = FeedbackIn.__struct_fields__
    if unknown := set(row) - set(known):
        reason = _("The field “%(field)s” is not known here. Known are: %(known)s.")
        return rejected(
            "unknown_field", reason, field=sorted(map(str, unknown))[0][:80], known=", ".join(known)
        )
    try:
        return _check(msgspec.convert(row, FeedbackIn, strict=False))
    except (msgspec.ValidationError, RecursionError) as error:
        return rejected("invalid_field", _("A field is not valid: %(error)s."), error=str(error)[:300])


def _check(row: FeedbackIn) -> FeedbackIn | RowResult:
    if not row.external_id.strip():
        return rejected("missing_field", _("The text has no id: give it an external_id."))
    if not any(map(str.isalnum, row.text)):
        return rejected("empty_text", _("The text says nothing."))
    if len(row.text) > LONGEST_TEXT:
        return rejected("too_long", _("The text is longer than %(limit)s characters."), limit=LONGEST_TEXT)
    for name, limit in MAX_LENGTHS.items():
        if len(getattr(row, name)) > limit:
            reason = _("The field “%(field)s” is longer than %(limit)s characters.")
            return rejected("too_long", reason, field=name, limit=limit)
    if "\x00" in "".join((row.text, *(getattr(row, name) for name in MAX_LENGTHS))):
        return rejected("invalid_text", _("The row holds a null character, which no text has."))
    if row.source not in Feedback.Source.values:
        reason = _("The source “%(source)s” is not known. Known are: %(known)s.")
        known = ", ".join(Feedback.Source.values)
        return rejected("unknown_source", reason, source=row.source[:80], known=known)
    if row.rating is not None and not 1 <= row.rating <= 5:
        return rejected("invalid_rating", _("The rating must be from 1 to 5 stars."))
    if row.written_at is not None and aware(row.written_at) > timezone.now() + CLOCK_ERROR:
        return rejected("in_the_future", _("The text was written in the future."))
    return row


def _refuse_unknown_item(row: FeedbackIn | RowResult, items: Mapping[str, int]) -> FeedbackIn | RowResult:
    if isinstance(row, FeedbackIn) and row.item_id and row.item_id not in items:
        reason = _("The item “%(item)s” is not known yet. Replay the row when it has arrived.")
        return rejected("unknown_item", reason, item=row.item_id)
    return row


def _store(
    rows: Sequence[FeedbackIn | RowResult], storefront: str, items: Mapping[str, int]
) -> list[RowResult]:
    good = {(row.source, row.external_id): row for row in rows if isinstance(row, FeedbackIn)}
    now = timezone.now()
    seen = {row.customer_id: row.written_at or now for row in good.values()}
    customers = customer_pks(seen, storefront)
    hold_customers(customers.values())
    known = {
        (row.source, row.external_id): row
        for row in Feedback.objects.filter(
            storefront=storefront, external_id__in=[external_id for _source, external_id in good]
        )
    }
    fresh: dict[tuple[str, str], Feedback] = {}
    for key, row in good.items():
        made = _made(row, storefront, items, customers, known.get(key), now)
        if key not in known or _is_changed(known[key], made):
            fresh[key] = made
    written = Feedback.objects.bulk_create(
        fresh.values(), batch_size=1000, update_conflicts=True, update_fields=FIELDS,
        unique_fields=["storefront", "source", "external_id"],
    )  # fmt: skip
    read_sentences(written)
    request_profiles({row.customer_id for row in written if row.customer_id})
    return [
        row if isinstance(row, RowResult)
        else ACCEPTED if fresh.pop((row.source, row.external_id), None) else DUPLICATE
        for row in rows
    ]  # fmt: skip


def _made(
    row: FeedbackIn,
    storefront: str,
    items: Mapping[str, int],
    customers: Mapping[str, int],
    before: Feedback | None,
    now: datetime,
) -> Feedback:
    written_at = aware(row.written_at) if row.written_at else before.written_at if before else now
    sentiment, said_by = sentiment_of_stars(row.rating)
    return Feedback(
        storefront=storefront, source=row.source, external_id=row.external_id,
        item_id=items.get(row.item_id), customer_id=customers.get(row.customer_id), rating=row.rating,
        language=row.language, title=row.title, text=row.text, url=row.url, written_at=written_at,
        sentiment=sentiment, said_by=said_by,
    )  # fmt: skip


def _is_changed(before: Feedback, now: Feedback) -> bool:
    return any(getattr(before, name) != getattr(now, name) for name in CHANGEABLE)
