"""The passages of this process: at most half a second behind the articles, whoever changed them."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.core.cache import cache

from ecomai.fusion.models import EntityVector
from ecomai.fusion.vectors import load_vectors, store_vectors
from ecomai.serving import live
from ecomai.serving.copies import ProcessCopy
from ecomai.waking import wake_worker

from ..models import Article, Passage
from ..names import PASSAGES
from .index import Encoder, Entry, Floats, PassageIndex
from .subjects import general_questions

#: So many new texts are encoded while somebody waits; a worker encodes more.
ENCODED_AT_ONCE = 64
#: So long until it is looked again whether a worker has read the others.
UNREAD_SECONDS = 3.0
REQUESTED_KEY, REQUESTED_SECONDS = "ecomai.support_bot.encode_passages", 60
ENTITY = "passage"


@dataclass(frozen=True)
class Served:
    """An encoder that serves, and the name of its vectors."""

    encoder: Encoder
    key: str


class KnowledgeCopy(ProcessCopy[PassageIndex]):
    """The process's passages."""

    def forget(self) -> None:
        super().forget()
        self._state: Any = None
        self._loaded_at = float("-inf")
        self._is_whole = True

    def refresh(self, known: PassageIndex | None) -> PassageIndex:
        now = time.monotonic()
        served = served_encoder()
        state = (Article.objects.published().state_of_all(), served.key if served else "")
        is_due = not self._is_whole and now - self._loaded_at > UNREAD_SECONDS
        if known is not None and state == self._state and not is_due:
            return known
        fresh, self._is_whole = load_index(served)
        self._state, self._loaded_at = state, now
        return fresh


def served_encoder() -> Served | None:
    """Return the encoder that is promoted; None while there is none, and words alone find."""
    found = live.get_live(PASSAGES)
    if found is None:
        return None
    predictor: Any = found.predictor
    return Served(predictor, f"{PASSAGES}:{found.version_number}")


def load_index(served: Served | None) -> tuple[PassageIndex, bool]:
    """Read the published passages, and say whether the encoder that serves has read all of them.

    Until it has, words alone find: a few new texts are encoded here, many by a worker.
    """
    entries = load_entries()
    if served is None:
        return PassageIndex(entries), True
    vectors, missing = stored_vectors(entries, served)
    if len(missing) > ENCODED_AT_ONCE:
        request_encoding()
        return PassageIndex(entries), False
    return PassageIndex(entries, vectors | encode_texts(missing, served)), True


def request_encoding() -> None:
    """Ask a worker to encode what is missing, once in a while however many processes ask."""
    from ..tasks import encode_passages

    if cache.add(REQUESTED_KEY, True, REQUESTED_SECONDS):
        wake_worker(encode_passages, otherwise="Passages are found by words alone for a minute")


def encode_missing() -> int:
    """Encode all published texts that the serving encoder has not read; return how many. In a worker."""
    served = served_encoder()
    if served is None:
        return 0
    _known, missing = stored_vectors(load_entries(), served)
    for start in range(0, len(missing), ENCODED_AT_ONCE):
        encode_texts(missing[start : start + ENCODED_AT_ONCE], served)
    return len(missing)


def forget_old_vectors() -> int:
    """Remove vectors of texts that no published article has, and of encoders that serve no more."""
    served = served_encoder()
    rows = EntityVector.objects.filter(entity=ENTITY)
    if served is not None:
        used = [digest_of(text) for text in texts_of(load_entries())]
        rows = rows.exclude(encoder=served.key, entity_id__in=used)
    return rows.delete()[0]


def load_entries() -> list[Entry]:
    rows = Passage.objects.filter(article__state=Article.State.PUBLISHED).select_related("article")
    return [_entry(row) for row in rows.order_by("article_id", "position")]


def _entry(row: Passage) -> Entry:
    article = row.article
    return Entry(
        row.pk, article.pk, article.title, row.heading, row.text, article.language, tuple(article.asked_as),
        article.url, article.storefront, article.audience == Article.Audience.PUBLIC, article.category,
    )  # fmt: skip


def stored_vectors(entries: Sequence[Entry], served: Served) -> tuple[dict[str, Floats], list[str]]:
    """Return the vectors of all texts that are stored, by text, and the texts that have none."""
    texts = texts_of(entries)
    stored = load_vectors(served.key, entity=ENTITY)
    by_digest = dict(zip(stored.entity_ids, stored.matrix, strict=True))
    found = {text: by_digest[digest] for text in texts if (digest := digest_of(text)) in by_digest}
    return found, [text for text in texts if text not in found]


def texts_of(entries: Sequence[Entry]) -> list[str]:
    """Return all that is encoded: what passages say and how they are asked for, and general questions."""
    if not entries:
        return []
    return list(dict.fromkeys([text for entry in entries for text in entry.texts] + [*general_questions()]))


def encode_texts(texts: Sequence[str], served: Served) -> dict[str, Floats]:
    """Encode texts and keep their vectors for the other processes."""
    if not texts:
        return {}
    vectors = np.asarray(served.encoder.encode(list(texts)), dtype=np.float32)
    found = dict(zip(texts, vectors, strict=True))
    store_vectors(
        entity=ENTITY, encoder=served.key,
        vectors={digest_of(text): vector for text, vector in found.items()},
    )  # fmt: skip
    return found


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


_copy = KnowledgeCopy()


def current() -> PassageIndex:
    """Return what is published now."""
    return _copy.current()


def forget() -> None:
    """Read all again at the next question; for tests and after a restore."""
    _copy.forget()
