"""Finding passages by meaning: the encoder that reads questions and articles, judged by how customers ask."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from ecomai.exceptions import NotEnoughDataError
from ecomai.learning.encoders.routed import RoutedTextEncoder
from ecomai.learning.export.quantization import MIN_TEXTS, as_card, quantize_text_encoder
from ecomai.learning.export.text_encoder import export_text_encoder
from ecomai.registry.runs import Candidate, Run
from ecomai.serving.predictors.text_encoder import TextEncoder

from ..knowledge.current import load_entries, texts_of
from ..knowledge.index import Encoder, Entry, PassageIndex
from ..readiness import LEAST_QUESTIONS

KIND = "text_encoder"
K = 10
#: Of a form's vectors to the exact ones. At 0.994 a question that nothing answers was answered (`grounding`).
LEAST_COSINE = 0.997


def train_passages(run: Run) -> Candidate:
    """Take the published encoder, learn the n-grams of other scripts, and judge what will serve."""
    run.report(0.05, _("Reading articles"))
    entries = load_entries()
    asked = questions_of(entries)
    if len(asked) < LEAST_QUESTIONS:
        raise NotEnoughDataError(
            have=len(asked), need=LEAST_QUESTIONS, unit=_("ways to ask, written with articles")
        )
    run.report(0.1, _("Reading the encoder"))
    encoder = RoutedTextEncoder(random_state=run.random_state, **run.hyperparameters)
    encoder.fit([entry.full_text for entry in entries] + [question for question, _id in asked])
    # The graph of the published encoder is the same for all that export it.
    cache = run.folder.parent.parent / "encoders"
    folder = export_text_encoder(encoder, run.folder / "artifact", cache=cache)
    run.report(0.3, _("Looking for a faster form of the encoder"))
    forms = in_integers(folder, encoder.read_by_transformer(texts_of(entries)))
    run.report(0.7, _("Judging"))
    live = run.live_artifact()
    return Candidate(
        folder=folder,
        kind=KIND,
        metrics=judge(entries, asked, TextEncoder.load(folder)),
        baseline_metrics=judge(entries, asked, None),
        live_metrics=judge(entries, asked, TextEncoder.load(live)) if live else {},
        data_fingerprint=_fingerprint(entries),
        hyperparameters=run.hyperparameters,
        card={
            "intended_use": _("Finding the passage of an article that answers a question."),
            "n_passages": len(entries), "n_asked": len(asked), **forms,
        },
    )  # fmt: skip


def in_integers(folder: Path, texts: Sequence[str]) -> dict[str, Any]:
    """Let an artifact read by the fastest form that keeps its vectors, as each question waits for it.

    Returns what the card says of it: nothing where too few texts could judge that.
    """
    if len(set(texts)) < MIN_TEXTS:
        return {}
    forms = quantize_text_encoder(folder, texts, min_cosine_p5=LEAST_COSINE)
    rows = as_card(forms, folder)
    (chosen,) = (row["name"] for row in rows if row["is_chosen"])
    return {"encoder_precision": chosen, "trade_offs": rows}


def questions_of(entries: Sequence[Entry]) -> list[tuple[str, int]]:
    """Return the ways to ask that were written besides titles, each with its article."""
    found = {text: entry.article_id for entry in entries for text in entry.asked_as[1:]}
    return list(found.items())


def judge(
    entries: Sequence[Entry], asked: Sequence[tuple[str, int]], encoder: Encoder | None
) -> dict[str, float]:
    """Return how early the right article comes for each way to ask, when it is known by its title alone."""
    bare = [_without_questions(entry) for entry in entries]
    vectors = _vectors(bare, asked, encoder) if encoder else {}
    index = PassageIndex(bare, vectors)
    gains = [_gain(index, question, article_id, vectors.get(question)) for question, article_id in asked]
    return {"mrr@10": float(np.mean(gains)), "recall@10": float(np.mean([gain > 0 for gain in gains]))}


def _gain(index: PassageIndex, question: str, article_id: int, vector: NDArray[Any] | None) -> float:
    hits = index.find(question, n=3 * K, vector=vector)
    articles = list(dict.fromkeys(hit.entry.article_id for hit in hits))[:K]
    return 1 / (articles.index(article_id) + 1) if article_id in articles else 0.0


def _without_questions(entry: Entry) -> Entry:
    return Entry(**{**vars(entry), "asked_as": entry.asked_as[:1]})


def _vectors(
    entries: Sequence[Entry], asked: Sequence[tuple[str, int]], encoder: Encoder
) -> dict[str, NDArray[Any]]:
    texts = list(dict.fromkeys([*texts_of(entries), *(question for question, _id in asked)]))
    return dict(zip(texts, encoder.encode(texts), strict=True))


def _fingerprint(entries: Sequence[Entry]) -> str:
    texts = [part for entry in entries for part in (entry.full_text, *entry.asked_as)]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
