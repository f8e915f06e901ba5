"""One message understood: intent, what it names, mood and language, in a web process."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from ecomai.inference.pieces import MAX_LETTERS
from ecomai.inference.spans import Span
from ecomai.inference.text import normalise
from ecomai.serving import live
from ecomai.serving.copies import ProcessCopy
from ecomai.serving.predictors.intents import IntentsPredictor, Wanted

from ..names import INTENT
from ..selectors import active_phrases
from .keywords import find_wanted
from .languages import detect_language
from .moods import read_mood
from .nearest import LEAST_LIKENESS, NearestPhrases
from .patterns import Entity, find_patterns, of_span

#: From here on phrases are believed more than single words; short ones share most of their letters soon.
#: What a word names is enough to begin a flow, and not to interrupt one.
SURE_LIKENESS, NAMED_LIKENESS = 0.8, 0.45


@dataclass(frozen=True)
class Understood:
    """What a message means.

    `intent` is the likeliest even where the message is out of scope; `others` are the next ones. `version` is
    the model that read it, None before one was trained.
    """

    intent: str
    confidence: float
    is_out_of_scope: bool
    others: Sequence[tuple[str, float]]
    entities: Sequence[Entity]
    sentiment: float
    urgency: float
    language: str
    version: int | None = None

    def as_json(self) -> dict[str, Any]:
        """What is kept with the message; what it names is found again from its text."""
        return {
            "intent": self.intent, "confidence": round(self.confidence, 4),
            "is_out_of_scope": self.is_out_of_scope, "sentiment": round(self.sentiment, 2),
            "urgency": round(self.urgency, 2), "language": self.language, "version": self.version,
            "entities": [
                {"kind": each.kind, "start": each.start, "end": each.end}
                for each in self.entities
                if each.start >= 0  # what was read in a picture stands with the picture
            ],
        }  # fmt: skip


def understand(text: str, *, default_language: str = "en") -> Understood:
    """Read one message; the live model reads it, and before there is one, the most similar phrases do."""
    text = text[:MAX_LETTERS]
    served = live.get_live(INTENT)
    predictor = served.predictor if served else None
    spans: Sequence[Span] = ()
    if isinstance(predictor, IntentsPredictor):
        wanted, spans = predictor.classify([text])[0], predictor.find_entities([text])[0]
    else:
        wanted, served = nearest_wanted(text), None
    mood = read_mood(text)
    return Understood(
        wanted.intent, wanted.confidence, wanted.is_out_of_scope, wanted.others, find_entities(text, spans),
        mood.sentiment, mood.urgency, detect_language(text, default=default_language),
        served.version_number if served else None,
    )  # fmt: skip


def nearest_wanted(text: str) -> Wanted:
    """Return what the most similar phrases want; a short message like none wants what its words name."""
    phrases = _phrases.current().nearest
    ranked = phrases.rank(text)
    named = "" if normalise(text) in phrases.exact else find_wanted(text)
    if named and ranked[0][1] < SURE_LIKENESS and named in dict(ranked):
        rest = [(intent, likeness) for intent, likeness in ranked if intent != named]
        ranked = [(named, max(NAMED_LIKENESS, dict(ranked)[named])), *rest]
    (intent, likeness), *others = ranked[:3]
    return Wanted(intent, likeness, LEAST_LIKENESS - likeness, tuple(others))


def find_entities(text: str, spans: Sequence[Span] = ()) -> list[Entity]:
    """Return what a text names by its form, and what a model found besides."""
    found = find_patterns(text, today=timezone.localdate())
    for span in spans:
        if all(span.end <= other.start or other.end <= span.start for other in found):
            found.append(of_span(text, span))
    return sorted(found, key=lambda entity: entity.start)


@dataclass(frozen=True)
class _Phrases:
    """The shop's phrases with their intents, and what finds the nearest of them."""

    examples: Sequence[tuple[str, str]]
    nearest: NearestPhrases


class PhrasesCopy(ProcessCopy[_Phrases]):
    """The process's copy: not all phrases are read again for each message, nor weighed where none changed."""

    poll_seconds = 10.0

    def refresh(self, known: _Phrases | None) -> _Phrases:
        examples = active_phrases()
        if known is not None and known.examples == examples:
            return known
        texts, intents = [text for text, _intent in examples], [intent for _text, intent in examples]
        return _Phrases(examples, NearestPhrases(texts, intents))


_phrases = PhrasesCopy()
#: Read the phrases again at the next message.
forget_phrases = _phrases.forget
