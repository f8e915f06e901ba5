"""Answer a search: what is found, why, and what it can be narrowed by."""

import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from ecomai.commerce.models import Customer, Item
from ecomai.exceptions import InvalidInputError
from ecomai.registry.selectors import is_scenario_on
from ecomai.serving.budget import run_with_budget
from ecomai.serving.predictors.search import SearchPredictor, SearchScores, canonical
from ecomai.serving.turns import take_turn

from ...app_settings import app_settings
from ...catalogue import Catalogue
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
from .ranked import RELEVANCE, Asked, Ranked, Why
from .wishes import BRAND, CATEGORY, PRICE, Understood, Vocabulary, Wish, understand

SCENARIO = "recommendations"
SWITCHED_OFF, WARMING_UP = "switched_off", "warming_up"
SORTS = (RELEVANCE, "price", "-price", "newest")
MOST_PAGES = 200


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
    asked = Asked(index, index.predictor, storefront, text, searched, variants, past)
    seconds = app_settings.TIME_BUDGET_SECONDS if seconds is None else seconds
    began = time.monotonic()
    scores, is_fallback = _scores(asked, seconds)
    ranked = Ranked(asked, scores)
    narrowing, wishes = _narrowed(ranked, understood, filters, ignore)
    places = ranked.order(narrowing.mask(), sort)
    if sort == RELEVANCE and not is_fallback:
        left = seconds - (time.monotonic() - began)
        places = ranked.order_first(places, min(left, app_settings.SEARCH_READING_SECONDS))
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
        is_personal=ranked.is_personal,
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


def _scores(asked: Asked, seconds: float) -> tuple[SearchScores, bool]:
    """Score all items in time; where reading the query by its meaning takes too long, by its words alone."""
    predictor = asked.predictor

    def by_words() -> SearchScores:
        return predictor.search(asked.typed, corrected=asked.searched, variants=asked.variants)

    if asked.index.served is None or not predictor.has_text_encoder or not asked.searched:
        return by_words(), False

    def by_meaning() -> SearchScores:
        vector = predictor.text_encoder.encode([asked.searched])[0]
        return predictor.search(asked.typed, corrected=asked.searched, variants=asked.variants, vector=vector)

    budgeted = run_with_budget(by_meaning, by_words, seconds=seconds)
    return budgeted.value, budgeted.source == "fallback"


def _narrowed(
    ranked: Ranked, understood: Understood, filters: SearchFilter, ignore: Collection[str]
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


def _hits(ranked: Ranked, places: np.ndarray, n: int) -> list[Hit]:
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
