"""A text as sentences, and which aspects each is about."""

import re
from collections.abc import Iterable, Sequence

from ecomai.inference.text import DENSE_SCRIPTS, normalise, script_of_letter

#: Ends of sentences of any script; a Latin one is followed by a space, so that 3.5 stays whole.
ENDS = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？；])|[\r\n]+")
#: Two things of one sentence, such as “nice, but too late”, are two thoughts.
TURNS = re.compile(
    r"[,;]?\s+(?=(?:but|however|although|though|yet)\b)|[，,;；]\s*(?=(?:但|可是|不过|然而|只是))", re.I
)
LONGEST_SENTENCE = 600
MOST_SENTENCES = 60


def split_sentences(text: str) -> list[str]:
    """Return the sentences of a text that say something, at turns such as “but” cut in two.

    >>> split_sentences("Nice dress, but it came late. 3.5 stars!")
    ['Nice dress', 'but it came late.', '3.5 stars!']
    """
    parts = (part for sentence in ENDS.split(text) for part in TURNS.split(sentence))
    found = [part.strip()[:LONGEST_SENTENCE] for part in parts if any(map(str.isalnum, part))]
    return found[:MOST_SENTENCES]


class AspectWords:
    """Finds aspects by words: a phrase counts where a word begins with it, and in dense scripts anywhere."""

    def __init__(self, phrases: Iterable[tuple[int, Sequence[str]]]) -> None:
        self._patterns = [(key, pattern) for key, each in phrases if (pattern := _pattern(each))]

    def find(self, sentence: str) -> list[int]:
        """Return the keys of all aspects that a sentence names."""
        text = normalise(sentence)
        return [key for key, pattern in self._patterns if pattern.search(text)]

    def without(self, sentence: str) -> str:
        """Return a sentence, normalised, as if the words of all aspects had not been in it."""
        text = normalise(sentence)
        for _key, pattern in self._patterns:
            text = pattern.sub(" ", text)
        return " ".join(text.split())


def _pattern(phrases: Sequence[str]) -> re.Pattern[str] | None:
    parts = []
    for phrase in sorted({normalise(phrase.strip()) for phrase in phrases} - {""}, key=len, reverse=True):
        is_dense = any(script_of_letter(letter) in DENSE_SCRIPTS for letter in phrase)
        parts.append(re.escape(phrase) if is_dense else rf"\b{re.escape(phrase)}")
    return re.compile("|".join(parts)) if parts else None
