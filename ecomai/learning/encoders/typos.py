"""Texts as people type them in a hurry: letters left out, doubled, swapped, or hit beside their key."""

import numpy as np

ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
#: Letters that lie beside each letter in its row of the usual keyboard.
BESIDE = {
    letter: row[max(place - 1, 0) : place] + row[place + 1 : place + 2]
    for row in ROWS
    for place, letter in enumerate(row)
}
EDITS = ("drop", "double", "swap", "beside")
#: Shorter words hold too little to be told when a letter of theirs is wrong.
SHORTEST = 3
#: In place of an edit of letters, so often the space before a word is lost.
LOST_SPACES = 0.1


def with_typos(text: str, rng: np.random.Generator, share: float) -> str:
    """Return a text with some of its words mistyped.

    Words with a digit stay: a number with an error is another number.

    Parameters
    ----------
    text : str
    rng : numpy Generator
    share : float in [0, 1]
        Of the words of three letters and more, that get one error each.

    Returns
    -------
    str

    Examples
    --------
    >>> with_typos("where is order 123842", np.random.default_rng(0), 0.0)
    'where is order 123842'
    """
    found = text.split(" ")
    for place, word in enumerate(found):
        if len(word) >= SHORTEST and word.isalpha() and rng.random() < share:
            found[place] = mistype(word, rng)
    typed = found[0]
    for word in found[1:]:
        is_lost = word.isalpha() and typed[-1:].isalpha() and rng.random() < share * LOST_SPACES
        typed += word if is_lost else f" {word}"
    return typed


def mistype(word: str, rng: np.random.Generator) -> str:
    """Return a word of two letters or more with one error."""
    edit = EDITS[rng.integers(len(EDITS))]
    place = int(rng.integers(len(word) - 1))
    first, second = word[place], word[place + 1]
    if edit == "drop":
        return word[:place] + word[place + 1 :]
    if edit == "double":
        return word[:place] + first + word[place:]
    if edit == "swap":
        return word[:place] + second + first + word[place + 2 :]
    near = BESIDE.get(first.lower())
    if not near:
        return word
    return word[:place] + near[rng.integers(len(near))] + word[place + 1 :]
