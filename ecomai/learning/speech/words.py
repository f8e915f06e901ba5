"""Words as they are spoken: numbers by their digits, and back to figures."""

import re
from collections.abc import Iterable, Sequence

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SPOKEN = {word: str(value) for value, word in enumerate(DIGITS)} | {"oh": "0"}
_PARTS = re.compile(r"\d|[^\W\d_]+(?:'[^\W\d_]+)?")
#: So many digits in a row are a number as it stands on a receipt; one alone stays a word.
LEAST_DIGITS = 2


def spoken_words(text: str) -> list[str]:
    """Return a text's words in lower case, each digit as a word of its own.

    Examples
    --------
    >>> spoken_words("Where's order #402?")
    ["where's", 'order', 'four', 'zero', 'two']
    """
    parts = _PARTS.findall(text.lower().replace("’", "'"))
    return [DIGITS[int(part)] if part.isdecimal() and part.isascii() else part for part in parts]


def written_text(words: Sequence[str]) -> str:
    """Return spoken words as they are written: several digits in a row are a number.

    Examples
    --------
    >>> written_text(["where", "is", "order", "four", "oh", "two"])
    'where is order 402'
    """
    said, digits = list[str](), list[str]()
    for word in (*words, ""):
        if word in _SPOKEN:
            digits.append(word)
            continue
        said += _number(digits)
        digits = []
        if word:
            said.append(word)
    return " ".join(said)


def _number(digits: Iterable[str]) -> list[str]:
    found = list(digits)
    return ["".join(_SPOKEN[word] for word in found)] if len(found) >= LEAST_DIGITS else found
