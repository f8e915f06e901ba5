"""Words that a query probably means, where it has words that nothing in the shop has."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from .pieces import MAX_LETTERS, RUN, stem
from .text import normalise

SHORTEST = 4  # shorter words are like too many others
SHORTEST_PART = 3
# In the logarithm of a frequency: what an edit and a missing space cost, what an equal first letter earns.
EDIT_COST, SPACE_COST, FIRST_LETTER = 4.0, 3.0, 1.0
MOST_WORDS = 32  # of a query are looked at


class Corrections:
    """Replaces words that no text has by the most likely ones that some have.

    `counts` says in how many texts each word is; one of fewer than `min_count` is no correction. A word
    that is written as no text has it, and whose stem is in none either, becomes a frequent word within
    one edit (two from six letters on), or two words that stand together where the space between them is
    missing. Edits are letters left out, put in, changed, or swapped with their neighbour. What `is_word`
    says is a word of the language stays: the shop may find it by its meaning.
    """

    def __init__(
        self, counts: Mapping[str, int], *, min_count: int, language: str,
        is_word: Callable[[str], bool] = lambda word: False,
    ) -> None:  # fmt: skip
        self.counts = counts
        self.is_word = is_word
        self.min_count = min_count
        self.language = language
        self._stems = {stem(word, language) for word in counts}
        self._words: dict[int, list[str]] = defaultdict(list)
        for word, count in counts.items():
            if len(word) >= SHORTEST_PART and word.isalpha() and count >= min_count:
                self._words[len(word)].append(word)

    def correct(self, query: str) -> str:
        """Return the query as it was probably meant: itself, unless a word was replaced; then lower case."""
        text = normalise(query[:MAX_LETTERS])
        parts, end = [], 0
        for place, found in enumerate(RUN.finditer(text)):
            if place == MOST_WORDS:
                break
            word = found.group()
            meant = self._meant(word)
            if meant != word:
                parts += [text[end : found.start()], meant]
                end = found.end()
        return "".join([*parts, text[end:]]) if parts else query

    def _meant(self, word: str) -> str:
        if not SHORTEST <= len(word) <= 40 or word.isdigit() or word in self.counts:
            return word
        if stem(word, self.language) in self._stems or self.is_word(word):
            return word
        return max([*self._near(word), *self._split(word), (-np.inf, word)])[1]

    def _near(self, word: str) -> Iterable[tuple[float, str]]:
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        most = 1 if len(word) < 6 else 2
        sizes = range(len(word) - most, len(word) + most + 1)
        pool = [each for size in sizes for each in self._words.get(size, ())]
        for near, distance, _ in process.extract(
            word, pool, scorer=OSA.distance, score_cutoff=most, limit=50
        ):
            gain = FIRST_LETTER if near[0] == word[0] else 0
            yield np.log(self.counts[near]) - EDIT_COST * distance + gain, near

    def _split(self, word: str) -> Iterable[tuple[float, str]]:
        for cut in range(SHORTEST_PART, len(word) - SHORTEST_PART + 1):
            parts = word[:cut], word[cut:]
            counts = [self.counts.get(part, 0) for part in parts]
            if min(counts) >= max(self.min_count, 2):
                yield float(np.mean(np.log(counts))) - SPACE_COST, " ".join(parts)
