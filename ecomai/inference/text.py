"""What a text is written in, and its pieces: shared by training and serving, so that both see the same."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any

# The first code point of each block, and the script of its letters; sorted.
SCRIPT_BLOCKS = (
    (0x0041, "latin"),
    (0x0370, "greek"),
    (0x0400, "cyrillic"),
    (0x0530, "armenian"),
    (0x0590, "hebrew"),
    (0x0600, "arabic"),
    (0x0900, "indic"),
    (0x0E00, "thai"),
    (0x0E80, "other"),
    (0x10A0, "georgian"),
    (0x1100, "hangul"),
    (0x1200, "other"),
    (0x1E00, "latin"),
    (0x1F00, "greek"),
    (0x2000, "other"),
    (0x2C60, "latin"),
    (0x2C80, "other"),
    (0x2E80, "han"),
    (0x3040, "kana"),
    (0x3130, "hangul"),
    (0x3190, "kana"),
    (0x3400, "han"),
    (0xA000, "other"),
    (0xA720, "latin"),
    (0xA800, "other"),
    (0xAC00, "hangul"),
    (0xD7B0, "other"),
    (0xF900, "han"),
    (0xFB00, "latin"),
    (0xFB50, "arabic"),
    (0xFE00, "other"),
    (0xFE70, "arabic"),
    (0xFF21, "latin"),
    (0xFF66, "kana"),
    (0xFFA0, "hangul"),
    (0x10000, "other"),
    (0x20000, "han"),
    (0x32000, "other"),
)
WORD = re.compile(r"[^\W_]+")
# Letters of these scripts carry much meaning each, and words are not set apart by spaces.
DENSE_SCRIPTS = frozenset({"han", "kana", "thai"})


@cache
def script_of_letter(letter: str) -> str:
    """Return the script of one letter, `"other"` where it is none of the known ones."""
    point = ord(letter)
    found = "other"
    for start, script in SCRIPT_BLOCKS:
        if point < start:
            break
        found = script
    return found


def main_script(text: str) -> str:
    """Return the script of most letters of a text; `""` where it has none.

    A letter of a dense script counts as three, for it says about as much.
    """
    counts: dict[str, int] = {}
    for letter in text:
        if letter.isalpha():
            script = script_of_letter(letter)
            counts[script] = counts.get(script, 0) + (3 if script in DENSE_SCRIPTS else 1)
    return max(counts, key=lambda script: counts[script]) if counts else ""


def normalise(text: str) -> str:
    """Return a text in one spelling of equal letters: compatible forms, lower case."""
    return unicodedata.normalize("NFKC", text).casefold()


def pieces(text: str, *, with_jieba: bool) -> Iterator[str]:
    """Yield the words of a text, and the character n-grams inside of them.

    Dense scripts give single characters, pairs and triples, and jieba's words where asked for;
    others give whole words and their n-grams of three to five, with marks for their borders.
    """
    for word in WORD.findall(normalise(text)):
        is_dense = any(script_of_letter(letter) in DENSE_SCRIPTS for letter in word)
        if is_dense:
            yield from _ngrams(word, 1, 3)
            if with_jieba:
                yield from (f"w:{part}" for part in _jieba().lcut(word) if len(part) > 1)
        else:
            yield f"w:{word}"
            yield from _ngrams(f"<{word}>", 3, 5)


def has_jieba() -> bool:
    """Whether Chinese words can be told apart here."""
    try:
        _jieba()
    except ImportError:
        return False
    return True


@cache
def _jieba() -> Any:
    import jieba

    jieba.setLogLevel("WARNING")
    jieba.initialize()
    return jieba


def _ngrams(word: str, shortest: int, longest: int) -> Iterator[str]:
    for size in range(shortest, longest + 1):
        for start in range(len(word) - size + 1):
            yield word[start : start + size]
