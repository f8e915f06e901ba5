"""Other values in the places of those that a text names."""

from collections.abc import Callable, Sequence

import numpy as np

from ecomai.inference.spans import Span

#: Lengths of numbers that are made up.
SHORTEST_NUMBER, LONGEST_NUMBER = 4, 16
#: From this length on, a number is an id, and of any length; a shorter one keeps its length.
ID_DIGITS = 5


def replaced(text: str, spans: Sequence[Span], draw: Callable[[str, str], str]) -> tuple[str, list[Span]]:
    """Return a text with other values, and where they stand.

    Parameters
    ----------
    text : str
    spans : sequence of Span
        In order, not overlapping.
    draw : callable
        Of a value and its kind; returns the new value.

    Returns
    -------
    str, list of Span

    Examples
    --------
    >>> replaced("to Rome, now", [Span(3, 7, "city")], lambda value, kind: "Bonn am Rhein")
    ('to Bonn am Rhein, now', [Span(start=3, end=16, kind='city')])
    """
    made, end, moved = "", 0, []
    for span in spans:
        made += text[end : span.start]
        value = draw(text[span.start : span.end], span.kind)
        moved.append(Span(len(made), len(made) + len(value), span.kind))
        made, end = made + value, span.end
    return made + text[end:], moved


def new_value(value: str, others: Sequence[str], rng: np.random.Generator) -> str:
    """Return another value of the same kind.

    Parameters
    ----------
    value : str
    others : sequence of str
        Drawn from; where there are none, digits are made up. Letters are small where those of `value` are.
    rng : numpy Generator

    Returns
    -------
    str
        `value` itself where it has no digit and there are no others.
    """
    if len(others):
        drawn = others[int(rng.integers(len(others)))]
        return drawn.lower() if value == value.lower() else drawn
    n_digits = sum(letter.isdigit() for letter in value)
    if n_digits == 0:
        return value
    if n_digits >= ID_DIGITS and n_digits == len(value.lstrip("#")):
        n_new = int(rng.integers(SHORTEST_NUMBER, LONGEST_NUMBER + 1)) if value[0] != "#" else n_digits
        value = value[: len(value) - n_digits] + "0" * n_new
    return "".join(str(rng.integers(10)) if letter.isdigit() else letter for letter in value)
