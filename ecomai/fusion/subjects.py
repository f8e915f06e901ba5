"""The person whom an erasure or an export is about, and how to find that person in free-form values."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.db.models.query import QuerySet
from django.utils.crypto import salted_hmac

T = TypeVar("T")

ERASED = "[erased]"
#: Identifiers this long that are no plain numbers are looked for anywhere; "17" under customer keys only.
DISTINCTIVE_LENGTH = 8
PERSON_WORD = r"(?:customer|user|client|visitor|member|buyer|session)"


@dataclass(frozen=True)
class Subject:
    """A customer with all sessions known to be that customer's; `customer_pk` is None if there is no row."""

    storefront: str
    external_id: str
    customer_pk: int | None
    session_ids: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        return subject_digest(storefront=self.storefront, external_id=self.external_id)

    @property
    def identifiers(self) -> tuple[str, ...]:
        return (self.external_id, *self.session_ids)


def subject_digest(*, storefront: str, external_id: str) -> str:
    """A hash that proves an erasure to whoever knows the id, and tells nothing to others.

    Keyed with the site's secret, because ids such as 1, 2, 3 could be found from a plain hash by trying.
    """
    return salted_hmac(
        "ecomai.fusion.subject", f"{storefront}\0{external_id}", algorithm="sha256"
    ).hexdigest()


class SubjectMatcher:
    """Finds and removes a subject's identifiers in text and JSON of any shape.

    A distinctive identifier is found anywhere as a whole word. A short or numeric one ("17") could
    as well be a quantity or an item, so it counts only under a key, or after a word, that means a person.
    """

    def __init__(self, subject: Subject) -> None:
        self.identifiers = frozenset(filter(None, subject.identifiers))
        distinctive = alternatives(value for value in self.identifiers if is_distinctive(value))
        self._anywhere = re.compile(rf"(?<![^\W_]){distinctive}(?![^\W_])")
        self._after_person_word = re.compile(
            rf"(?P<before>{PERSON_WORD}\w*\W{{1,3}}){alternatives(self.identifiers)}(?![^\W_])", re.IGNORECASE
        )

    def may_be_in(self, text: str) -> bool:
        """Whether some spelling of an identifier occurs at all; quick, and true too often."""
        return any(needle in text for needle in self._spellings())

    def is_named_in(self, value: Any) -> bool:
        return self.scrub(value) != value

    def scrub(self, value: Any, *, is_under_person_key: bool = False) -> Any:
        """Return the value with every identifier of the subject replaced by a mark; keys included."""
        if isinstance(value, dict):
            return {
                self.scrub(key): self.scrub(
                    entry, is_under_person_key=is_under_person_key or is_person_key(key)
                )
                for key, entry in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.scrub(entry, is_under_person_key=is_under_person_key) for entry in value]
        if is_under_person_key and not isinstance(value, bool) and str(value) in self.identifiers:
            return ERASED
        return self.scrub_text(value) if isinstance(value, str) else value

    def scrub_text(self, text: str) -> str:
        return self._after_person_word.sub(rf"\g<before>{ERASED}", self._anywhere.sub(ERASED, text))

    def prefilter(self, queryset: QuerySet, *fields: str) -> QuerySet:
        """Narrow to rows whose named fields contain an identifier as text; a first, coarse search."""
        annotations = {f"{field}_as_text": Cast(field, TextField()) for field in fields}
        condition = Q()
        for needle in self._spellings():
            for name in annotations:
                condition |= Q(**{f"{name}__contains": needle})
        return queryset.annotate(**annotations).filter(condition) if condition else queryset.none()

    def _spellings(self) -> Iterator[str]:
        for identifier in sorted(self.identifiers):
            yield identifier
            for ensure_ascii in (False, True):
                if (escaped := json.dumps(identifier, ensure_ascii=ensure_ascii)[1:-1]) != identifier:
                    yield escaped


def alternatives(identifiers: Iterable[str]) -> str:
    """A pattern for any of the identifiers, the longest first; without identifiers it never matches."""
    escaped = sorted(map(re.escape, identifiers), key=len, reverse=True)
    return f"(?:{'|'.join(escaped)})" if escaped else r"(?!)"


def is_distinctive(identifier: str) -> bool:
    return len(identifier) >= DISTINCTIVE_LENGTH and not identifier.isdigit()


def is_person_key(key: Any) -> bool:
    return isinstance(key, str) and re.search(PERSON_WORD, key, re.IGNORECASE) is not None


def in_batches(values: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    """Yield values in slices that fit into one SQL statement on every database."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
