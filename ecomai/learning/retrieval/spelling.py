"""Words that a query probably means, where it has words that nothing in the shop has."""

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar, Self

from ecomai.inference.pieces import RUN, stem
from ecomai.inference.spelling import Corrections
from ecomai.inference.text import normalise
from ecomai.learning.base import Estimator
from ecomai.learning.encoders.base import check_texts


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
        self._corrections = Corrections(self.counts_, min_count=self.min_count, language=self.language)

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
        return self._corrections.correct(query)

    def _load_parts(self, folder: object) -> None:
        self._prepare()


def _runs(text: str) -> list[str]:
    return RUN.findall(normalise(text))
