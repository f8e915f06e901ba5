"""Before anything is trained: what the most similar phrases of the shop want."""

from collections import Counter
from collections.abc import Sequence
from math import log, sqrt

from ecomai.inference.text import main_script, normalise, pieces

#: Below this likeness a message is like no phrase.
LEAST_LIKENESS = 0.3
#: Phrases of scripts without spaces share fewer pieces, so that the same likeness is worth more.
WITHOUT_SPACES = {"han", "kana", "thai"}
WORTH_WITHOUT_SPACES = 1.5
#: So many phrases of an intent speak for it.
N_PHRASES = 2


class NearestPhrases:
    """Likeness of messages and phrases by their words and parts of words, in any script.

    `exact` gives the intent of a text that is a phrase.
    """

    def __init__(self, texts: Sequence[str], intents: Sequence[str]) -> None:
        self.intents = list(intents)
        self.exact = {normalise(text): intent for text, intent in zip(texts, intents, strict=True)}
        counted = [set(pieces(text, with_jieba=False)) for text in texts]
        frequency = Counter(piece for row in counted for piece in row)
        self._weights = {piece: log((1 + len(texts)) / n) for piece, n in frequency.items()}
        self._rare = log(1 + len(texts))
        self._with: dict[str, list[tuple[int, float]]] = {}
        for number, row in enumerate(counted):
            for piece, weight in self._weigh(row).items():
                self._with.setdefault(piece, []).append((number, weight))

    def rank(self, text: str) -> list[tuple[str, float]]:
        """Return the intents with their likeness, from 0 to 1, the likeliest first."""
        cosines = [0.0] * len(self.intents)
        for piece, weight in self._weigh(set(pieces(text, with_jieba=False))).items():
            for number, other in self._with.get(piece, ()):
                cosines[number] += weight * other
        found: dict[str, list[float]] = {}
        for intent, cosine in zip(self.intents, cosines, strict=True):
            found.setdefault(intent, []).append(cosine)
        worth = WORTH_WITHOUT_SPACES if main_script(text) in WITHOUT_SPACES else 1.0
        scores = {
            intent: min(1.0, worth * sum(sorted(row)[-N_PHRASES:]) / N_PHRASES)
            for intent, row in found.items()
        }
        return sorted(scores.items(), key=lambda pair: -pair[1])

    def _weigh(self, row: set[str]) -> dict[str, float]:
        weights = {piece: self._weights.get(piece, self._rare) for piece in row}
        length = sqrt(sum(weight**2 for weight in weights.values())) or 1.0
        return {piece: weight / length for piece, weight in weights.items()}
