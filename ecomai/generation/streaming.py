"""A text that is being written, a whole sentence at a time: what can be checked can be shown."""

from collections.abc import Iterator

from .composers.base import Piece, texts_of_answer
from .texts import plain, sentences_of


def sentences_as_they_come(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Yield each sentence once it has ended, then what was paid for all of it.

    Where words came and no sentence has ended, a piece without text is a sign of life. A text that is cut
    off amid a sentence ends with the one before. What a model wraps into a list or other JSON is taken out of
    it, once all of it is there.
    """
    text, n_tokens, n_said = "", 0, 0
    for piece in pieces:
        text, n_tokens = text + piece.text, n_tokens + piece.n_tokens
        yield Piece(text="")
        if _is_wrapped(text):
            continue
        *whole, left = _parts(text)
        for sentence in whole:
            n_said += 1
            yield Piece(text=sentence)
        text = left
    for sentence in sentences_of(plain(" ".join(texts_of_answer(text, 1)))):
        if _says_something(sentence) and (_has_ended(sentence) or not n_said):
            n_said += 1
            yield Piece(text=sentence)
    if n_tokens:
        yield Piece(text="", n_tokens=n_tokens)


def _is_wrapped(text: str) -> bool:
    return text.lstrip().startswith(("[", "{"))


def _parts(text: str) -> list[str]:
    """Return the sentences that have ended, and what may still go on."""
    found = sentences_of(text)
    if not found:
        return [text]
    # A full stop may be the middle of a number: what comes next tells.
    has_ended = text[-1:].isspace() or text.rstrip()[-1:] in "。！？"
    if has_ended and _has_ended(found[-1]):
        return [*(sentence for sentence in found if _says_something(sentence)), ""]
    at = text.rindex(found[-1])
    return [*(sentence for sentence in found[:-1] if _says_something(sentence)), text[at:]]


def _has_ended(sentence: str) -> bool:
    return sentence.rstrip("\"'”’)）」")[-1:] in tuple(".!?。！？…")


def _says_something(sentence: str) -> bool:
    return any(letter.isalnum() for letter in sentence)
