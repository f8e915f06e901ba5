"""Answer a search: what is found, why, and what it can be narrowed by."""

import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ecomai.commerce.models import Customer, Item
from ecomai.exceptions import InvalidInputError
from ecomai.registry.selectors import is_scenario_on
from ecomai.serving.budget import run_with_budget
from ecomai.serving.predictors.search import SearchPredictor, SearchScores, canonical
from ecomai.serving.turns import take_turn

from ...app_settings import app_settings
from ...catalogue import Catalogue, top_category
from ...exceptions import UnlikeCurrenciesError
from ...item_rows import items_by_key
from ...models import SearchLog
from ...models.search import MOST_LETTERS
from ...past import Past, read_past
from . import index as indices
from . import synonyms
from .facets import Facet, Narrowing, SearchFilter
from .index import Index
from .log import keep_search
from .wishes import BRAND, CATEGORY, PRICE, Understood, Vocabulary, Wish, understand

SCENARIO = "recommendations"
SWITCHED_OFF, WARMING_UP = "switched_off", "warming_up"
SORTS = ("relevance", "price", "-price", "newest")
MOST_PAGES = 200
#: How much what a customer is fond of counts against what was searched for.
PERSONAL_WEIGHT = 0.25
N_HISTORY = 30
#: Red things are meant by "red mug" as long as the best of them is so good against the best of all.
GOOD_SHARE = 0.7
#: Of an item that is shown for its meaning, and not for its words.
FEW_WORDS = 0.3

SENTENCES = {
    "words": gettext_noop("Has “%(words)s”."),
    "corrected": gettext_noop("Has “%(words)s”, which you probably meant."),
    "synonym": gettext_noop("“%(words)s” means the same here."),
    "meaning": gettext_noop("Means something like it."),
    "letters": gettext_noop("Is spelt like it."),
    "taken": gettext_noop("Others who searched for this took it."),
    "personal": gettext_noop("Goes with what you like."),
}


@dataclass(frozen=True)
class Why:
    """One reason why an item was found; `code` is stable."""

    code: str
    words: Sequence[str] = ()

    @property
    def text(self) -> str:
        return _(SENTENCES[self.code]) % {"words": " ".join(self.words)}


@dataclass(frozen=True)
class Hit:
    item: Item
    score: float
    why: Sequence[Why]


@dataclass(frozen=True, kw_only=True)
class SearchAnswer:
    """A page of what was found. `code` says why it may be empty; `searched` is what was looked for."""

    query: str = ""
    searched: str = ""
    hits: Sequence[Hit] = ()
    n_found: int = 0
    page: int = 1
    n: int = 0
    sort: str = SORTS[0]
    facets: Sequence[Facet] = ()
    wishes: Sequence[Wish] = ()
    filters: SearchFilter = field(default_factory=SearchFilter)
    is_corrected: bool = False
    is_personal: bool = False
    source: str = ""
    is_fallback: bool = False
    model_version: int | None = None
    key: uuid.UUID | None = None
    code: str = ""

    @property
    def n_pages(self) -> int:
        return min(-(-self.n_found // self.n), MOST_PAGES) if self.n else 0


@dataclass(frozen=True, eq=False)
class _Asked:
    """What is to be searched, and for whom."""

    index: Index
    predictor: SearchPredictor
    storefront: str
    typed: str
    searched: str
    variants: Sequence[str]
    past: Past


def search(
    *,
    query: str,
    storefront: str = "",
    customer: Customer | None = None,
    customer_id: str = "",
    session_id: str = "",
    n: int | None = None,
    page: int = 1,
    sort: str = SORTS[0],
    filters: SearchFilter | None = None,
    is_exact: bool = False,
    ignore: Collection[str] = (),
    is_personal: bool | None = None,
    time_budget_seconds: float | None = None,
    is_kept: bool = True,
    with_facets: bool = True,
) -> SearchAnswer:
    """Find items for what a visitor typed.

    `is_exact` searches for it as it was spelt; `ignore` takes back, by code, what was understood besides
    the words. `is_personal` None means the setting. Writes the search to the log unless `is_kept` is False.
    Raises InvalidInputError of a query that is too long, or a page, number or order that does not exist.
    """
    n, filters = _check(query, n, page, sort), filters or SearchFilter()
    if not is_scenario_on(SCENARIO):
        return SearchAnswer(query=query, code=SWITCHED_OFF)
    with take_turn():
        started = time.monotonic()
        index = indices.current()
        if index.predictor is None:
            return SearchAnswer(query=query, code=WARMING_UP)
        past = _past_of(
            storefront, customer, customer_id, session_id,
            app_settings.SEARCH_IS_PERSONAL if is_personal is None else is_personal,
        )  # fmt: skip
        answer = _answer(
            index, query, past, storefront=storefront, n=n, page=page, sort=sort, filters=filters,
            is_exact=is_exact, ignore=ignore, with_facets=with_facets, seconds=time_budget_seconds,
        )  # fmt: skip
    if not is_kept or not query.strip():
        return answer
    key = keep_search(
        query=query, normalised=canonical(query, app_settings.SEARCH_LANGUAGE)[:MOST_LETTERS],
        corrected=answer.searched if answer.is_corrected else "", n_found=answer.n_found,
        is_filtered=filters.is_any, is_personal=answer.is_personal,
        source=SearchLog.Source.WORDS if answer.is_fallback else index.source, storefront=storefront,
        customer=past.customer_key, session_id=past.session_id,
        milliseconds=(time.monotonic() - started) * 1000,
    )  # fmt: skip
    return replace(answer, key=key)


def _check(query: str, n: int | None, page: int, sort: str) -> int:
    if len(query) > MOST_LETTERS:
        raise InvalidInputError(
            reason=_("a query has at most %(most)s letters; this one has %(n)s")
            % {"most": MOST_LETTERS, "n": len(query)}
        )
    if "\0" in query:
        raise InvalidInputError(reason=_("a query must not hold null characters"))
    if sort not in SORTS:
        raise InvalidInputError(reason=_("results are sorted by %(sorts)s") % {"sorts": ", ".join(SORTS)})
    if not 1 <= page <= MOST_PAGES:
        raise InvalidInputError(reason=_("page must be from 1 to %(most)s") % {"most": MOST_PAGES})
    n = app_settings.DEFAULT_N if n is None else n
    if not 1 <= n <= app_settings.MAX_N:
        raise InvalidInputError(reason=_("n must be from 1 to %(most)s.") % {"most": app_settings.MAX_N})
    return n


def _past_of(
    storefront: str, customer: Customer | None, customer_id: str, session_id: str, is_personal: bool
) -> Past:
    """Return who searches, as far as consent lets it matter, with a history only for a personal search."""
    past = read_past(storefront=storefront, customer=customer, customer_id=customer_id, session_id=session_id)
    return past if is_personal else replace(past, history=())


def _answer(
    index: Index, query: str, past: Past, *, storefront: str, n: int, page: int, sort: str,
    filters: SearchFilter, is_exact: bool, ignore: Collection[str], with_facets: bool, seconds: float | None,
) -> SearchAnswer:  # fmt: skip
    assert index.predictor is not None  # noqa: S101  (the caller has looked)
    understood = understand(query, _vocabulary(index), ignore=ignore)
    text = understood.text.strip()
    searched = text if is_exact else _corrected(index.predictor, text, storefront)
    variants = synonyms.variants_of(searched, storefront=storefront)
    asked = _Asked(index, index.predictor, storefront, text, searched, variants, past)
    scores, is_fallback = _scores(asked, seconds)
    liking = _liking(asked, scores) if past.history else None
    ranked = _Ranked(asked, scores, liking)
    narrowing, wishes = _narrowed(ranked, understood, filters, ignore)
    places = ranked.order(narrowing.mask(), sort)
    return SearchAnswer(
        query=query,
        searched=searched,
        hits=_hits(ranked, places[(page - 1) * n :][: n + SPARE], n),
        n_found=len(places),
        page=page,
        n=n,
        sort=sort,
        facets=narrowing.facets() if with_facets else (),
        wishes=wishes,
        filters=filters,
        is_corrected=searched != text,
        is_personal=liking is not None,
        source=SearchLog.Source.WORDS if is_fallback else index.source,
        is_fallback=is_fallback or index.served is None,
        model_version=index.served.version_number if index.served else None,
    )


#: Rows that were switched off a moment ago leave no gap.
SPARE = 4


def _corrected(predictor: SearchPredictor, text: str, storefront: str) -> str:
    """Return the query as it was probably meant; a word that a synonym explains is meant as it is."""
    corrected = predictor.correct(text)
    if corrected == text:
        return text
    explained = synonyms.known_words(storefront=storefront)
    is_explained = explained and not explained.isdisjoint(
        canonical(text, app_settings.SEARCH_LANGUAGE).split()
    )
    return text if is_explained else corrected


_last: tuple[Any, Vocabulary] | None = None


def _vocabulary(index: Index) -> Vocabulary:
    """Return the names in use; they are looked up anew only where texts have changed."""
    global _last
    if _last is None or _last[0] is not index.shelf:
        _last = (index.shelf, Vocabulary(index.catalogue, index.shelf, app_settings.SEARCH_LANGUAGE))
    return _last[1]


def _scores(asked: _Asked, seconds: float | None) -> tuple[SearchScores, bool]:
    """Score all items in time; where reading the query by its meaning takes too long, by its words alone."""
    predictor = asked.predictor

    def by_words() -> SearchScores:
        return predictor.search(asked.typed, corrected=asked.searched, variants=asked.variants)

    if asked.index.served is None or not predictor.has_text_encoder or not asked.searched:
        return by_words(), False

    def by_meaning() -> SearchScores:
        vector = predictor.text_encoder.encode([asked.searched])[0]
        return predictor.search(asked.typed, corrected=asked.searched, variants=asked.variants, vector=vector)

    seconds = app_settings.TIME_BUDGET_SECONDS if seconds is None else seconds
    budgeted = run_with_budget(by_meaning, by_words, seconds=seconds)
    return budgeted.value, budgeted.source == "fallback"


def _liking(asked: _Asked, scores: SearchScores) -> np.ndarray | None:
    """Return how fond the customer probably is of each item of the index, from 0 to 1.

    By the texts of what the customer turned to last, and by its categories.
    """
    history = list(asked.past.history)[-N_HISTORY:]
    catalogue = asked.index.catalogue
    at = catalogue.positions(history)
    tops = [top_category(path) for path in catalogue.categories[at[at >= 0]].tolist()]
    if not tops:
        return None
    places = catalogue.positions(np.array(scores.item_ids, dtype=np.int64))
    share = {top: tops.count(top) / len(tops) for top in set(tops)}
    in_favourites = np.array(
        [share.get(top_category(path), 0.0) for path in catalogue.categories[np.maximum(places, 0)].tolist()]
    )
    in_favourites = in_favourites / max(float(in_favourites.max(initial=0)), 1e-9)
    likeness = np.maximum(asked.predictor.likeness([str(key) for key in history])[: len(places)], 0)
    if not likeness.any():  # nothing is known by its text
        return in_favourites
    return 0.5 * in_favourites + 0.5 * likeness / float(likeness.max())


class _Ranked:
    """Scores in the order of the catalogue."""

    def __init__(self, asked: _Asked, scores: SearchScores, liking: np.ndarray | None) -> None:
        self.asked = asked
        self.scores = scores
        self.catalogue = asked.index.catalogue
        self.places = self.catalogue.positions(np.array(scores.item_ids, dtype=np.int64))
        n = len(self.catalogue)
        is_here = self.places >= 0
        at = self.places[is_here]
        self.is_found = np.zeros(n, dtype=bool)
        self.is_found[at] = scores.is_found[is_here]
        self.plain = np.zeros(n)
        self.plain[at] = scores.total[is_here] / max(float(scores.total.max(initial=0)), 1e-9)
        self.total = self.plain
        if liking is not None:
            self.total = self.plain.copy()
            self.total[at] += PERSONAL_WEIGHT * liking[is_here]
        # Of an item that was replaced by a newer text, the newer one stands later.
        self.row = np.full(n, -1)
        self.row[at] = np.flatnonzero(is_here)

    def order(self, mask: np.ndarray, sort: str) -> np.ndarray:
        """Return the places of what may be shown, best first."""
        shown = np.flatnonzero(mask)
        if sort == "newest":
            return shown[np.lexsort((-shown, -self.catalogue.listed[shown]))]
        if sort in ("price", "-price"):
            prices = self.catalogue.prices[shown] * (-1 if sort == "-price" else 1)
            return shown[np.lexsort((-self.total[shown], prices))]  # those without a price come last
        popularity = self.catalogue.popularity[shown]
        return shown[np.lexsort((-shown, -popularity, -np.round(self.total[shown], 6)))]

    def has_good(self, mask: np.ndarray) -> bool:
        """Whether something of these is nearly as good as the best that was found."""
        best = float(self.plain[self.is_found].max(initial=0))
        return bool(mask.any()) and float(self.plain[mask].max()) >= GOOD_SHARE * best

    def why(self, place: int, item: Item) -> list[Why]:
        """Return why an item was found, most telling first."""
        scores, row = self.scores, int(self.row[place])
        predictor, asked = self.asked.predictor, self.asked
        words = predictor.matched_words(asked.searched, str(item.pk))
        is_corrected = asked.searched != asked.typed
        typed = set(predictor.matched_words(asked.typed, str(item.pk))) if is_corrected else set(words)
        found = []
        if own := [word for word in words if word in typed]:
            found.append(Why("words", own))
        if meant := [word for word in words if word not in typed]:
            found.append(Why("corrected", meant))
        if scores.synonym_shares[row] > scores.word_shares[row]:
            found += self._synonym(str(item.pk), words)
        if scores.taken[row] > 0:
            found.append(Why("taken"))
        if scores.cosines[row] > 0 and (not found or scores.word_shares[row] < FEW_WORDS):
            found.append(Why("meaning"))
        if not found:
            found.append(Why("letters"))
        if self.total[place] - self.plain[place] > 0.5 * PERSONAL_WEIGHT:
            found.append(Why("personal"))
        return found

    def _synonym(self, item_id: str, known: Sequence[str]) -> list[Why]:
        for variant in self.scores.variants:
            words = self.asked.predictor.matched_words(variant, item_id)
            if others := [word for word in words if word not in known]:
                return [Why("synonym", others)]
        return []


def _narrowed(
    ranked: _Ranked, understood: Understood, filters: SearchFilter, ignore: Collection[str]
) -> tuple[Narrowing, list[Wish]]:
    """Filter by what the visitor chose, and by what the query asks for as long as that leaves something."""

    def narrowing(chosen: SearchFilter) -> Narrowing:
        return Narrowing(
            ranked.catalogue, ranked.asked.index.shelf, chosen, storefront=ranked.asked.storefront,
            is_found=ranked.is_found,
        )  # fmt: skip

    now, kept = narrowing(filters), []
    for wish in understood.wishes:
        wanted = _with_wish(now.filters, wish, ranked.catalogue)
        if wanted is None:
            continue
        try:
            tried = narrowing(wanted)
        except UnlikeCurrenciesError:
            continue
        if wish.kind == PRICE or ranked.has_good(tried.mask()):
            now = tried
            kept.append(wish)
    return now, kept


def _with_wish(filters: SearchFilter, wish: Wish, catalogue: Catalogue) -> SearchFilter | None:
    """Return the filter with a wish; None where the visitor chose otherwise by hand."""
    items = filters.items
    if wish.kind == PRICE:
        if items.has_price:
            return None
        currency = wish.currency if wish.currency in set(catalogue.currencies.tolist()) else items.currency
        prices: dict[str, Any] = {"min_price": wish.min_price, "max_price": wish.max_price}
        return replace(filters, items=replace(items, **prices, currency=currency))
    if wish.kind == CATEGORY:
        return None if items.category else replace(filters, items=replace(items, category=wish.value))
    if wish.kind == BRAND:
        return None if filters.brands else replace(filters, brands=[wish.value])
    if wish.kind in filters.attributes:
        return None
    return replace(filters, attributes={**filters.attributes, wish.kind: [wish.value]})


def _hits(ranked: _Ranked, places: np.ndarray, n: int) -> list[Hit]:
    """Read the rows as they are now, without those that were switched off a moment ago."""
    keys = ranked.catalogue.keys[places].tolist()
    rows = items_by_key(keys)
    found = []
    for place, key in zip(places.tolist(), keys, strict=True):
        item = rows.get(key)
        if item is None or not item.is_active or item.storefront != ranked.asked.storefront:
            continue
        found.append(Hit(item, float(ranked.total[place]), ranked.why(place, item)))
        if len(found) == n:
            break
    return found


def forget() -> None:
    """Begin anew; for tests and after a restore."""
    global _last
    _last = None
    indices.forget()
    synonyms.forget()
