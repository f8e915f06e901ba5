"""From a question to the passage that answers it, or to nothing."""

from dataclasses import dataclass

import numpy as np

from . import current
from .confidence import Judged, judge
from .current import Served
from .index import Entry, Hit, PassageIndex, is_read

N_HITS = 8


@dataclass(frozen=True)
class Found:
    """The passages that are likest to a question, and what is thought of the first."""

    hits: list[Hit]
    judged: Judged | None

    @property
    def answer(self) -> Hit | None:
        return self.judged.hit if self.judged and self.judged.answers else None


def find_passages(
    question: str, *, language: str, storefront: str = "", with_internal: bool = False
) -> Found:
    """Return passages of published articles; what only colleagues may read needs `with_internal`."""
    index, served = current.current(), current.served_encoder()
    return find_in(
        index, question, served=served, language=language, storefront=storefront, with_internal=with_internal
    )


def find_in(
    index: PassageIndex, question: str, *, served: Served | None, language: str, storefront: str = "",
    with_internal: bool = False,
) -> Found:  # fmt: skip
    """As `find_passages`, in an index. Articles of the question's language only, where there are some."""
    if not len(index):
        return Found([], None)
    spoken = language if language in index.languages else ""

    def may_show(entry: Entry) -> bool:
        is_here = entry.storefront in ("", storefront) and (entry.is_public or with_internal)
        return is_here and entry.language == (spoken or entry.language)

    vector = None
    if served is not None and index.has_vectors:
        vector = np.asarray(served.encoder.encode([question])[0], dtype=np.float32)
    # A script that the encoder has not learned has no vector.
    has_meaning = vector is not None and bool(np.any(vector)) and is_read(question)
    hits = index.find(question, n=N_HITS, vector=vector if has_meaning else None, may_show=may_show)
    return Found(hits, judge(hits, question, has_meaning=has_meaning))
