"""Names of topics: the words that tell a group of sentences from all others. No rows, no encoder.

References
----------
Grootendorst, "BERTopic: Neural topic modeling with a class-based TF-IDF procedure", 2022.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import log

from ecomai.inference.text import DENSE_SCRIPTS, WORD, has_jieba, normalise, script_of_letter

N_WORDS = 3
#: Fewer sentences with a word may be one person's, whose name must not become a topic's.
LEAST_SENTENCES = 4
#: A word must be so many times as frequent in the group as in all: it leaves out “the”, in any language.
LEAST_LIFT = 1.5
#: Words that hold sentences together: they may tell a group by its form (“but …”), and name no topic.
FUNCTION_WORDS = frozenset(
    """
    about after again all also although and any are because been before being both but can could did does even
    ever every for from had has have her him his how however into its just know like made make many me more
    most much not now off one only other our out over own really she should since some still such than that
    the their them then there these they this those though through too two under until upon very was way
    well were what when where which while who whom why will with would yet you your
    但是 可是 不过 然而 还是 这个 那个 一个 就是 没有 我们 他们 它们 非常 因为 所以 如果 已经
    """.split()  # noqa: SIM905 - as prose it can be read
)
SHORTEST_WORD = 3
LONGEST_NAME = 100


def words_of(text: str) -> Iterator[str]:
    """Yield words: those between spaces, and in dense scripts jieba's, or pairs of letters without it."""
    for word in WORD.findall(normalise(text)):
        if not any(script_of_letter(letter) in DENSE_SCRIPTS for letter in word):
            if len(word) >= SHORTEST_WORD and not word.isdecimal() and word not in FUNCTION_WORDS:
                yield word
        else:
            yield from (part for part in _dense_words(word) if part not in FUNCTION_WORDS)


def _dense_words(word: str) -> Iterator[str]:
    if has_jieba():
        import jieba

        yield from (part for part in jieba.lcut(word) if len(part) > 1)
    else:
        yield from (word[start : start + 2] for start in range(len(word) - 1))


def name_topics(groups: Sequence[Sequence[str]]) -> list[str]:
    """Return a name for each group of sentences, "" where no word tells it from the others; no name twice.

    >>> late, small = ["came far too late"] * 5, ["the dress is too small"] * 5
    >>> name_topics([late, small])
    ['came, far, late', 'dress, small']
    """
    counted = [Counter(word for text in group for word in set(words_of(text))) for group in groups]
    overall: Counter[str] = Counter()
    for counts in counted:
        overall.update(counts)
    n_all, names = max(sum(map(len, groups)), 1), list[str]()
    for group, counts in zip(groups, counted, strict=True):
        ranked = _telling(counts, overall, len(group), n_all, sum(overall.values()) / max(len(groups), 1))
        names.append(_new_name(ranked, names))
    return names


def _telling(
    counts: Counter[str], overall: Counter[str], n_sentences: int, n_all: int, usual: float
) -> list[str]:
    """Return the words of a group, those that tell most first."""
    weights = {
        word: n / n_sentences * log(1 + usual / overall[word])
        for word, n in counts.items()
        if n >= LEAST_SENTENCES and n / n_sentences >= LEAST_LIFT * overall[word] / n_all
    }
    return sorted(weights, key=lambda word: (-weights[word], word))


def _new_name(ranked: Sequence[str], taken: Sequence[str]) -> str:
    for last in range(N_WORDS, max(len(ranked), N_WORDS) + 1):
        name = ", ".join([*ranked[: N_WORDS - 1], *ranked[last - 1 : last]])[:LONGEST_NAME]
        if name not in taken:
            return name
    return ""
