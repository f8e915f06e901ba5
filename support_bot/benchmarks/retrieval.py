"""`retrieval`: answers found for a request: without labels, with them, and for intents never learned."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomai.benchmarking import Report
from ecomai.exceptions import InvalidInputError
from ecomai.generation.texts import sentences_of

FILE = "bitext_customer_support_4514_responses.csv.gz"
N_ABSENT = 5
K = 10
#: Of whole answers, of their first sentences, and of words: chosen on 1,200 requests outside of the test.
WEIGHTS = {"whole": 1.0, "first": 1.0, "words": 0.4}
TUNING: dict[str, Any] = {
    "objective": "contrastive", "max_epochs": 1, "min_steps": 0, "held_share": 0.0, "typos": 0.3,
}  # fmt: skip

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """Requests, each with an answer of its own, and what they are about."""

    requests: list[str]
    answers: list[str]
    intents: NDArray[np.str_]

    @property
    def firsts(self) -> list[str]:
        return [first_sentence(text) for text in self.answers]


def first_sentence(text: str) -> str:
    """Return the first sentence of a text: what it is about is said there.

    Examples
    --------
    >>> first_sentence("To return a lamp, write to us. We pay the postage.")
    'To return a lamp, write to us.'
    """
    first_line, _end, _rest = text.strip().partition("\n")
    return next(iter(sentences_of(first_line)), "")


def retrieval(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Measure how early an answer of the same intent comes, the request's own answer left out.

    The test is a random fifth of the requests; all answers can be found.
    """
    rows = read_answers(data)
    drawn = np.random.default_rng(seed).permutation(len(rows.requests))
    asked, learned = np.split(drawn, [round(0.2 * len(drawn))])
    report(0.02, "words")
    words = _words(rows, asked)
    report(0.05, "published encoder")
    vectors = _vectors(rows, asked, _published(device))
    zero_shot = measures(rows, asked, mixed(vectors, words))
    peers = {
        "bm25": measures(rows, asked, words),
        "frozen_encoder": measures(rows, asked, vectors["whole"]),
    }
    report(0.2, "learning from four fifths")
    tuned = measures(rows, asked, mixed(_vectors(rows, asked, _tuned(rows, learned, device, seed)), words))
    absent = _absent_intents(rows, seed)
    report(0.6, "learning without five intents")
    is_absent = np.isin(rows.intents, absent)
    unseen = asked[is_absent[asked]]
    encoder = _tuned(rows, learned[~is_absent[learned]], device, seed)
    without = measures(rows, unseen, mixed(_vectors(rows, unseen, encoder), _words(rows, unseen)))
    return {
        "metrics": {
            **tuned, "mrr@10_zero_shot": zero_shot["mrr@10"], "mrr@10_unseen": without["mrr@10"],
        },
        "rows": {"zero_shot": zero_shot, "unseen": without},
        "peers": peers,
        "settings": {
            "n_asked": len(asked), "n_unseen": len(unseen), "absent_intents": absent, "weights": WEIGHTS,
            "tuning": TUNING, "seed": seed,
        },
    }  # fmt: skip


def read_answers(data: Path) -> Answers:
    """Return the requests and answers of a folder; raises InvalidInputError without its file."""
    if not (data / FILE).is_file():
        raise InvalidInputError(reason=f"{data.name} holds no {FILE}.")
    frame = pd.read_csv(data / FILE)
    return Answers(
        frame["instruction"].tolist(), frame["response"].fillna("").tolist(), frame["intent"].to_numpy(str)
    )


def measures(rows: Answers, asked: Rows, scores: Floats) -> dict[str, float]:
    """Return MRR@10 and how often a right answer is among ten, of scores (n_asked, n_answers)."""
    scores = scores.copy()
    scores[np.arange(len(asked)), asked] = -np.inf
    best = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    is_right = rows.intents[best] == rows.intents[asked][:, None]
    gains = np.where(is_right.any(axis=1), 1 / (is_right.argmax(axis=1) + 1), 0.0)
    return {"mrr@10": float(gains.mean()), "recall@10": float(is_right.any(axis=1).mean())}


def mixed(vectors: dict[str, Floats], words: Floats) -> Floats:
    """Return the weighted sum of scores, each of them at one scale for a request: (n_asked, n_answers)."""
    parts = vectors | {"words": words}
    return np.sum([WEIGHTS[name] * _standard(part) for name, part in parts.items()], axis=0)


def _standard(scores: Floats) -> Floats:
    spread = np.maximum(scores.std(axis=1, keepdims=True), 1e-9)
    return np.asarray((scores - scores.mean(axis=1, keepdims=True)) / spread, dtype=np.float32)


def _words(rows: Answers, asked: Rows) -> Floats:
    from ecomai.learning.retrieval.bm25 import BM25Index

    index = BM25Index().fit(rows.answers)
    return np.asarray(index.scores(_at(rows.requests, asked)), dtype=np.float32)


def _vectors(rows: Answers, asked: Rows, encoder: Any) -> dict[str, Floats]:
    requests = encoder.encode(_at(rows.requests, asked))
    return {
        "whole": requests @ encoder.encode(rows.answers).T,
        "first": requests @ encoder.encode(rows.firsts).T,
    }


def _published(device: str) -> Any:
    from ecomai.learning.encoders.pretrained import PretrainedTextEncoder

    return PretrainedTextEncoder(device=device).fit()


def _tuned(rows: Answers, learned: Rows, device: str, seed: int) -> Any:
    """Return an encoder to which requests and beginnings of answers of one intent are alike."""
    from ecomai.learning.classifiers.intent import IntentClassifier

    texts = [*_at(rows.requests, learned), *_at(rows.firsts, learned)]
    labels = [str(name) for name in (*rows.intents[learned], *rows.intents[learned])]
    model = IntentClassifier(device=device, random_state=seed, max_length=128, **TUNING)
    return model.fit(texts, labels).encoder_


def _absent_intents(rows: Answers, seed: int) -> list[str]:
    names = sorted(set(rows.intents.tolist()))
    return sorted(np.random.default_rng([seed, N_ABSENT]).permutation(names)[:N_ABSENT].tolist())


def _at(texts: Sequence[str], rows: Rows) -> list[str]:
    return [texts[int(row)] for row in rows]
