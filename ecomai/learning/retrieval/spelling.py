"""Words that a query probably means, where it has words that nothing in the shop has."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import ClassVar, Self

import numpy as np

from ecomai.learning.base import Estimator
from ecomai.learning.encoders.base import check_texts
from ecomai.text import normalise

from .pieces import MAX_LETTERS, RUN, stem

SHORTEST = 4  # shorter words are like too many others
SHORTEST_PART = 3
# In the logarithm of a frequency: what an edit and a missing space cost, what an equal first letter earns.
EDIT_COST, SPACE_COST, FIRST_LETTER = 4.0, 3.0, 1.0
MOST_WORDS = 32  # of a query are looked at


class SpellingCorrector(Estimator):
    """Replace words that no text has by the most likely ones that some have.

    A word that is written as no text has it, and whose stem is in none either, becomes a frequent word
    within one edit (two from six letters on), or two words that stand together where the space between
    them is missing. Edits are letters left out, put in, changed, or swapped with their neighbour.

    Parameters
    ----------
    min_count : int, default 2
        A word of fewer texts is no correction.
    language : str, default "english"
        Of the stems.

    Attributes
    ----------
    counts_ : dict of str to int
        In how many texts each word is.

    References
    ----------
    Norvig, "How to write a spelling corrector", 2007; RapidFuzz for the distances.

    Examples
    --------
    >>> corrector = SpellingCorrector().fit(["kitchen faucet", "kitchen table"])
    >>> corrector.correct("kichen table")
    'kitchen table'
    """

    learned_values: ClassVar[tuple[str, ...]] = ("counts_",)

    def __init__(self, min_count: int = 2, language: str = "english") -> None:
        self.min_count = min_count
        self.language = language

    def fit(self, texts: Sequence[str], searches: Sequence[str] = ()) -> Self:
        """Count the words of the texts, and how people write them.

        Parameters
        ----------
        texts : sequence of n_texts str
        searches : sequence of str, default ()
            What people searched for. Their words count where a text has the same stem: a shop that sells
            a "sink" is asked for "sinks".

        Returns
        -------
        SpellingCorrector
            Itself.

        Raises
        ------
        InvalidDataError
            If an entry is not a text.
        """
        check_texts(texts)
        check_texts(searches)
        counts = Counter(word for text in texts for word in set(_runs(text)))
        stems = {stem(word, self.language) for word in counts}
        asked = Counter(word for search in searches for word in set(_runs(search)))
        counts.update({word: n for word, n in asked.items() if stem(word, self.language) in stems})
        self.counts_ = dict(counts)
        self._prepare()
        return self

    def _prepare(self) -> None:
        self._stems = {stem(word, self.language) for word in self.counts_}
        self._words: dict[int, list[str]] = defaultdict(list)
        for word, count in self.counts_.items():
            if len(word) >= SHORTEST_PART and word.isalpha() and count >= self.min_count:
                self._words[len(word)].append(word)

    def correct(self, query: str) -> str:
        """Return the query as it was probably meant.

        Parameters
        ----------
        query : str

        Returns
        -------
        str
            The query itself, unless a word was replaced; then in lower case.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        """
        self.check_is_fitted()
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
        if not SHORTEST <= len(word) <= 40 or word.isdigit() or word in self.counts_:
            return word
        if stem(word, self.language) in self._stems:
            return word
        return max([*self._near(word), *self._split(word), (-np.inf, word)])[1]

    def _near(self, word: str) -> Iterable[tuple[float, str]]:
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        most = 1 if len(word) < 6 else 2
        pool = [each for size in range(len(word) - most, len(word) + most + 1) for each in self._words[size]]
        for near, distance, _ in process.extract(
            word, pool, scorer=OSA.distance, score_cutoff=most, limit=50
        ):
            gain = FIRST_LETTER if near[0] == word[0] else 0
            yield np.log(self.counts_[near]) - EDIT_COST * distance + gain, near

    def _split(self, word: str) -> Iterable[tuple[float, str]]:
        for cut in range(SHORTEST_PART, len(word) - SHORTEST_PART + 1):
            parts = word[:cut], word[cut:]
            counts = [self.counts_.get(part, 0) for part in parts]
            if min(counts) >= max(self.min_count, 2):
                yield float(np.mean(np.log(counts))) - SPACE_COST, " ".join(parts)

    def _load_parts(self, folder: object) -> None:
        self._prepare()


def _runs(text: str) -> list[str]:
    return RUN.findall(normalise(text))
