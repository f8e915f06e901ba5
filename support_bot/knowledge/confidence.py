"""Whether a found passage answers a question: a share of right answers, from its likeness and its words."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

from ecomai.inference.text import DENSE_SCRIPTS, main_script

from .index import Hit, telling


@dataclass(frozen=True)
class Weighing:
    """A logistic regression over `features`, and from which confidence on is answered, or asked back.

    Fitted to the questions that `grounding` tunes on, which it never asks; by meaning the benchmark
    `confidence` prints it. There, in folds, no question that nothing answers comes above 0.40; answers
    begin a tenth above that.
    """

    bias: float
    weights: tuple[float, ...]
    least: float
    least_to_offer: float


BY_MEANING = Weighing(-3.23, (0.94, 1.79, 1.07, 3.39, 9.46, -4.19), least=0.44, least_to_offer=0.12)
BY_WORDS = Weighing(-5.43, (8.05, -0.37, 3.84, 3.63), least=0.5, least_to_offer=0.2)
#: Scripts whose words are not set apart by spaces: single letters and pairs say more than there are words.
BY_LETTERS = Weighing(-3.62, (0.02, 2.65, 4.33, 4.32), least=0.4, least_to_offer=0.2)


@dataclass(frozen=True)
class Judged:
    """A passage, and how likely it is that it answers; `may_be` says that it is worth asking back."""

    hit: Hit
    confidence: float
    answers: bool
    may_be: bool


def features(hits: Sequence[Hit], *, has_meaning: bool) -> list[float]:
    """What speaks for the first passage: its likeness to the question, and its lead over other articles."""
    best = hits[0]
    lead = best.score - max(
        (hit.score for hit in hits if hit.entry.article_id != best.entry.article_id), default=0.0
    )
    if has_meaning:
        return [best.asked, best.passage, best.sentence, best.covered, lead, best.elsewhere]
    return [best.asked_words, best.words, best.covered, lead]


def judge(hits: Sequence[Hit], question: str, *, has_meaning: bool) -> Judged | None:
    """Return the first passage with its confidence; None where nothing was found or asked."""
    if not hits or not telling(question):
        return None
    words_weighing = BY_LETTERS if main_script(question) in DENSE_SCRIPTS else BY_WORDS
    weighing = BY_MEANING if has_meaning else words_weighing
    found = features(hits, has_meaning=has_meaning)
    total = weighing.bias + sum(w * x for w, x in zip(weighing.weights, found, strict=True))
    confidence = 1 / (1 + exp(-total))
    return Judged(hits[0], confidence, confidence >= weighing.least, confidence >= weighing.least_to_offer)
