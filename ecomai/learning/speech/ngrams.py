"""A language model of few phrases, in the ARPA format that recognisers read."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

START, END = "<s>", "</s>"
ORDER = 3
Gram = tuple[str, ...]


def arpa_model(phrases: Iterable[Sequence[str]], *, discount: float = 0.6, order: int = ORDER) -> str:
    """Return an n-gram model of phrases, interpolated by absolute discounting.

    Parameters
    ----------
    phrases : iterable of sequences of str
        Words of each phrase.
    discount : float in (0, 1), default 0.6
        What is taken from each n-gram that was seen, for those that were not.
    order : int, default 3

    Returns
    -------
    str
        In the ARPA format, logarithms to base 10.

    Raises
    ------
    ValueError
        If there is no word.

    References
    ----------
    Ney, Essen and Kneser, "On structuring probabilistic dependences in stochastic language modelling", 1994.
    """
    counts = _counts(phrases, order)
    words = [gram for gram in counts[1] if gram != (START,)]
    if len(words) < 2:  # the end alone is no model
        raise ValueError("There must be at least one word.")
    probabilities: dict[Gram, float] = {}
    backoffs: dict[Gram, float] = {}
    total = sum(counts[1][gram] for gram in words)
    for gram in words:
        held = discount * len(words) / total
        probabilities[gram] = max(counts[1][gram] - discount, 0) / total + held / len(words)
    for n in range(2, order + 1):
        followers = _followers(counts[n])
        for gram, count in counts[n].items():
            n_after, n_kinds = followers[gram[:-1]]
            held = discount * n_kinds / n_after
            probabilities[gram] = (count - discount) / n_after + held * probabilities[gram[1:]]
            backoffs[gram[:-1]] = held
    return _written(counts, probabilities, backoffs, order)


def _counts(phrases: Iterable[Sequence[str]], order: int) -> dict[int, Counter[Gram]]:
    counts: dict[int, Counter[Gram]] = {n: Counter() for n in range(1, order + 1)}
    for phrase in phrases:
        if not phrase:
            continue
        words = (START, *phrase, END)
        for n in counts:
            counts[n].update(words[place : place + n] for place in range(len(words) - n + 1))
    return counts


def _followers(counts: Mapping[Gram, int]) -> dict[Gram, tuple[int, int]]:
    """Return how often each history was followed, and by how many kinds of words."""
    found: dict[Gram, list[int]] = defaultdict(lambda: [0, 0])
    for gram, count in counts.items():
        found[gram[:-1]][0] += count
        found[gram[:-1]][1] += 1
    return {history: (n, kinds) for history, (n, kinds) in found.items()}


def _written(
    counts: Mapping[int, Counter[Gram]], probabilities: Mapping[Gram, float], backoffs: Mapping[Gram, float],
    order: int,
) -> str:  # fmt: skip
    lines = ["\\data\\", *(f"ngram {n}={len(counts[n])}" for n in range(1, order + 1)), ""]
    for n in range(1, order + 1):
        lines.append(f"\\{n}-grams:")
        for gram in sorted(counts[n]):
            line = f"{_log(probabilities.get(gram, 0.0))} {' '.join(gram)}"
            lines.append(line if n == order else f"{line} {_log(backoffs.get(gram, 1.0))}")
        lines.append("")
    return "\n".join([*lines, "\\end\\", ""])


def _log(value: float) -> str:
    return f"{math.log10(value):.4f}" if value > 0 else "-99.0000"
