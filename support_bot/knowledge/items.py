"""What the shop's items say of themselves and customers of them: read for the one item a question names."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ecomai import capabilities
from ecomai.commerce.models import Item
from ecomai.commerce.selectors import items_by_external_id
from ecomai.generation.texts import plain, sentences_of

from ..masking import mask_text
from .guarding import gives_orders, is_harmful
from .index import telling

N_SEARCHED, SEARCHING_SECONDS = 12, 0.2
N_REVIEWS = 50
#: The share of a name's words that a question must have to mean the product, and how many of them.
LEAST_NAMED, LEAST_WORDS = 0.6, 2
#: The share of what is asked that a sentence must speak of.
LEAST_ASKED = 0.5
LONGEST_QUOTE = 300
#: Of an item.
MOST_TOLD = 3
#: How customers ask for what pages call by another name, and those names.
_MEANT = tuple(
    (re.compile(pattern, re.IGNORECASE), frozenset(words.split()))
    for pattern, words in {
        r"\b(?:made|consists?) (?:of|from)\b|\bmaterials?\b|\bfabric\b|材质|材料|面料|什么做的":
            "material fabric composition 材质 材料 面料",
        r"\bhow (?:big|large|long|wide|tall|high|deep)\b|\b(?:size|dimensions?)\b|尺寸|多大|多长":
            "size dimensions length width height diameter capacity 尺寸 长度 宽度 高度",
        r"\bhow heavy\b|\bhow much does (?:it|this|the .+) weigh\b|\bweights?\b|多重|重量":
            "weight 重量",
        r"\b(?:what|which) colou?rs?\b|什么颜色|哪些颜色": "colour color 颜色",
        r"\bwho (?:makes|made)\b|\b(?:what|which) brand\b|什么牌子|品牌": "brand maker 品牌",
        r"\b(?:wash|washed|washing|clean|care for)\b|怎么洗|清洗|保养": "wash washable clean care 洗 保养",
    }.items()
)  # fmt: skip
_SHOWN = re.compile(r"\b(?:it|its|this|that|they|them|these|those)\b|这个|这款|这些|它", re.IGNORECASE)
_OPINIONS = re.compile(
    r"\b(?:customers?|people|others|buyers?|anyone) (?:say|think|write|like)\b|\breviews?\b|\bopinions?\b"
    r"|\bany good\b|评价|评论|好用吗|怎么样",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Told:
    """A sentence that speaks of what is asked. `is_review` says that a customer wrote it."""

    text: str
    is_review: bool
    share: float


def items_asked_about(question: str, *, shown: Sequence[str] = (), storefront: str = "") -> list[Item]:
    """Return the product that a question names, in its variants, or else what was shown, if it means that.

    What stands behind the first comma of a title tells variants apart, and a question need not say it.
    """
    asked = frozenset(telling(question))
    products: dict[str, list[Item]] = {}
    for item in _likely(question, storefront):
        products.setdefault(name_of(item), []).append(item)
    shares = {name: share for name in products if (share := _share(name, asked)) is not None}
    named = sorted(((share, name) for name, share in shares.items()), reverse=True)
    if named and (len(named) == 1 or named[0][0] > named[1][0]):
        variants = products[named[0][1]]
        said = [len(asked & frozenset(telling(item.title))) for item in variants]
        return [item for item, n in zip(variants, said, strict=True) if n == max(said)]
    if named or not means_shown(question):
        return []
    found = items_by_external_id(shown, storefront=storefront)
    return [found[item_id] for item_id in shown if item_id in found]


def means_shown(question: str) -> bool:
    """Whether a question speaks of something that it does not name."""
    return bool(_SHOWN.search(question))


def name_of(item: Item) -> str:
    """Return the part of a title that variants have in common."""
    return item.title.split(",")[0].strip()


def _share(name: str, asked: frozenset[str]) -> tuple[float, int] | None:
    """Return which share of a name is said, and how many words; None where that is too little to be meant."""
    words = frozenset(telling(name))
    common = len(words & asked)
    is_meant = common >= min(LEAST_WORDS, len(words)) and common >= LEAST_NAMED * len(words) > 0
    return (common / len(words), common) if is_meant else None


def told_of(item: Item, question: str) -> list[Told]:
    """Return what the item's page says of what is asked, or else what its reviews do; the best first."""
    if _OPINIONS.search(question):
        return _that_tell(_quotes_of(item), [], is_review=True)
    asked = list(_asked(question, item))
    if not asked:
        return []
    return _that_tell(_lines_of(item), asked, is_review=False) or _that_tell(
        _quotes_of(item), asked, is_review=True
    )


def _likely(question: str, storefront: str) -> list[Item]:
    """Return what the shop's search finds for a question; a shop without one has no items to name."""
    answer = capabilities.get(capabilities.Searcher).search(  # type: ignore[type-abstract]
        query=question, n=N_SEARCHED, storefront=storefront, time_budget_seconds=SEARCHING_SECONDS
    )
    hits = [each.item_id for each in answer.items]
    return [item for item in items_by_external_id(hits, storefront=storefront).values() if item.is_active]


def _asked(question: str, item: Item) -> Iterator[frozenset[str]]:
    """Yield what is asked besides the item's name, each as the words that would speak of it."""
    for pattern, words in _MEANT:
        if pattern.search(question):
            question = pattern.sub(" ", question)
            yield frozenset(piece for word in words for piece in telling(word))
    named = frozenset(telling(item.title))
    yield from (frozenset((piece,)) for piece in telling(question) if piece not in named)


def _lines_of(item: Item) -> Iterator[str]:
    if item.brand:
        yield plain(f"brand: {item.brand}")
    attributes = item.attributes if isinstance(item.attributes, dict) else {}
    for name, value in attributes.items():
        words = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        yield plain(f"{name.replace('_', ' ')}: {words}")
    yield from sentences_of(plain(item.description))


def _quotes_of(item: Item) -> Iterator[str]:
    """Yield the sentences of its newest reviews."""
    found = capabilities.get(capabilities.ReviewReader).read_reviews(  # type: ignore[type-abstract]
        item_id=item.external_id, n=N_REVIEWS, storefront=item.storefront
    )
    for review in found.reviews:
        yield from sentences_of(plain(review.text))


def _that_tell(sentences: Iterable[str], asked: Sequence[frozenset[str]], *, is_review: bool) -> list[Told]:
    """Return the sentences that speak of most, those of reviews without what is personal."""
    told: dict[str, Told] = {}
    for sentence in sentences:
        said = frozenset(telling(sentence))
        share = sum(bool(words & said) for words in asked) / len(asked) if asked else 1.0
        is_fit = len(sentence) <= LONGEST_QUOTE and not gives_orders(sentence) and not is_harmful(sentence)
        if share >= LEAST_ASKED and is_fit:
            told.setdefault(sentence, Told(sentence, is_review, share))
    best = sorted(told.values(), key=lambda each: -each.share)[:MOST_TOLD]
    return [replace(each, text=mask_text(each.text)) for each in best] if is_review else best
