"""Parts of a text that name something, read off labels of its tokens."""

from collections.abc import Sequence
from typing import NamedTuple

OUTSIDE = "O"


class Span(NamedTuple):
    """Letters `start` to `end` of a text name a thing of a kind, such as an order number."""

    start: int
    end: int
    kind: str


def labels_of(kinds: Sequence[str]) -> list[str]:
    """Return the labels of tokens: outside, and for each kind where one begins and goes on.

    Examples
    --------
    >>> labels_of(["date"])
    ['O', 'B-date', 'I-date']
    """
    return [OUTSIDE, *(f"{place}-{kind}" for kind in kinds for place in "BI")]


def join_labels(text: str, offsets: Sequence[tuple[int, int]], labels: Sequence[str]) -> list[Span]:
    """Return the spans that labels of tokens mean.

    Later pieces of a word go with its first one, whatever their labels say.

    Parameters
    ----------
    text : str
    offsets : sequence of n_tokens (int, int)
        Letters of each token; empty for what the tokenizer put around the text.
    labels : sequence of n_tokens str
        As of `labels_of`.

    Returns
    -------
    list of Span
        In the order of the text.

    Examples
    --------
    >>> join_labels("order 12345 please", [(0, 5), (6, 8), (8, 11), (12, 18)], ["O", "B-order", "O", "O"])
    [Span(start=6, end=11, kind='order')]
    """
    found: list[Span] = []
    last_end, last_label = -1, OUTSIDE
    for (start, end), label in zip(offsets, labels, strict=True):
        if end <= start:
            continue
        is_piece = start == last_end and text[start].isalnum() and text[start - 1].isalnum()
        if is_piece:
            label = OUTSIDE if last_label == OUTSIDE else f"I-{last_label[2:]}"
        goes_on = label[0] == "I" and last_label[2:] == label[2:]
        if goes_on:
            found[-1] = found[-1]._replace(end=end)
        elif label != OUTSIDE:
            found.append(Span(start, end, label[2:]))
        last_end, last_label = end, label
    return found
