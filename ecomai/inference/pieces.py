"""What texts and queries are cut into, alike in training and in serving."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import groupby, pairwise
from typing import Any

from ecomai.inference.text import DENSE_SCRIPTS, normalise, script_of_letter

# Letters and digits apart: "4ft" and "4 ft" are the same two words.
RUN = re.compile(r"[^\W\d_]+|\d+")
#: A query that is longer is cut; no shopper types more.
MAX_LETTERS = 2000


def words(text: str) -> Iterator[str]:
    """Yield the words of a text in lower case, letters and digits apart.

    Scripts that set no spaces between words, such as Chinese, give single letters and pairs.

    Parameters
    ----------
    text : str

    Yields
    ------
    str

    Examples
    --------
    >>> list(words("Mug, 4ft 红色的"))
    ['mug', '4', 'ft', '红', '色', '的', '红色', '色的']
    """
    for run in RUN.findall(normalise(text)):
        for is_dense, letters in groupby(run, key=lambda letter: script_of_letter(letter) in DENSE_SCRIPTS):
            part = "".join(letters)
            if is_dense:
                yield from part
                yield from (first + second for first, second in pairwise(part))
            else:
                yield part


def stem(word: str, language: str) -> str:
    """Return a word without its ending.

    Parameters
    ----------
    word : str
    language : str
        A Snowball algorithm, such as "english"; words of other scripts are left as they are.

    Returns
    -------
    str

    References
    ----------
    Porter, "Snowball: a language for stemming algorithms", 2001.

    Examples
    --------
    >>> stem("hinges", "english")
    'hing'
    """
    return str(_stemmer(language).stemWord(word))


def cut(text: str, kind: str, language: str) -> list[str]:
    """Return the pieces of a text.

    Parameters
    ----------
    text : str
    kind : {"words", "stems", "stem_pairs", "trigrams"}
        Trigrams are three letters of a word, with marks for its borders; stem pairs are neighbours.
    language : str
        Of the stems.

    Returns
    -------
    list of str

    Examples
    --------
    >>> cut("red mugs", "trigrams", "english")
    ['<re', 'red', 'ed>', '<mu', 'mug', 'ugs', 'gs>']
    """
    return CUTS[kind](text, language)


def _words(text: str, _language: str) -> list[str]:
    return list(words(text))


def _stems(text: str, language: str) -> list[str]:
    return _stemmer(language).stemWords(list(words(text)))


def _stem_pairs(text: str, language: str) -> list[str]:
    return [f"{first} {second}" for first, second in pairwise(_stems(text, language))]


def _trigrams(text: str, _language: str) -> list[str]:
    # A number stays with the letters beside it: "12v" is one thing here.
    framed = [f"<{word}>" for word in re.findall(r"[^\W_]+", normalise(text))]
    return [word[start : start + 3] for word in framed for start in range(len(word) - 2)]


CUTS: dict[str, Callable[[str, str], list[str]]] = {
    "words": _words, "stems": _stems, "stem_pairs": _stem_pairs, "trigrams": _trigrams,
}  # fmt: skip


@cache
def _stemmer(language: str) -> Any:
    import Stemmer

    return Stemmer.Stemmer(language)
