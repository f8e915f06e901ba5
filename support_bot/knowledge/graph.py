"""The shop as a graph: items with category and brand from the catalogue, and edges that the shop adds."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db.models import F, Value
from django.db.models.query import QuerySet

from ecomai import capabilities
from ecomai.commerce.models import Item
from ecomai.commerce.selectors import items_by_external_id

from ..models import Article, Relation

_FITS = re.compile(
    r"\b(?:fits?|fitting|compatible|works? with|goe?s? with|suits?|suitable)\b|适合|兼容|配套|能配|搭配",
    re.IGNORECASE,
)
_RULES = re.compile(
    r"\b(?:rules?|polic(?:y|ies)|conditions?|returns?|warranty|guarantee)\b|规定|政策|条件|退货|保修",
    re.IGNORECASE,
)
_WHAT_OF = re.compile(r"\b(?:what|which|anything|products?|items?|list)\b|哪些|什么|有没有", re.IGNORECASE)
#: Shorter names stand in too many words.
SHORTEST_NAME = 3
MOST_LISTED = 5
N_SEARCHED, SEARCHING_SECONDS = 50, 0.2
NAMES_KEY, NAMES_SECONDS = "ecomai.support_bot.names", 300
Node = Relation.Node


@dataclass(frozen=True)
class Thing:
    """A node that a question names."""

    kind: str
    id: str
    name: str
    #: The nodes that what holds for holds for it too: itself, its categories from the bottom up, its brand.
    under: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Edge:
    """What holds between two things."""

    relation: Relation
    first: Thing
    second: Thing


def edge_asked_for(question: str, *, storefront: str = "") -> Edge | None:
    """Return the edge that says whether one thing fits another; None where the question names no two."""
    if not _FITS.search(question) or not Relation.objects.filter(storefront=storefront).exists():
        return None
    things = things_in(question, storefront=storefront)
    kinds = (Relation.Kind.COMPATIBLE, Relation.Kind.INCOMPATIBLE)
    rows = list(Relation.objects.filter(storefront=storefront, kind__in=kinds))
    for at, first in enumerate(things):
        for second in things[at + 1 :]:
            if relation := _between(rows, first, second):
                return Edge(relation, first, second)
    return None


def article_asked_for(question: str, *, storefront: str = "") -> tuple[Thing, Article] | None:
    """Return the article whose rules a thing is under, where a question asks for its rules."""
    rows = Relation.objects.filter(storefront=storefront, kind=Relation.Kind.GOVERNED)
    if not _RULES.search(question) or not rows.exists():
        return None
    articles = Article.objects.published().filter(storefront=storefront, audience=Article.Audience.PUBLIC)
    for thing in things_in(question, storefront=storefront):
        for kind, name in thing.under:
            for relation in rows.filter(subject_kind=kind, subject__iexact=name):
                if article := articles.filter(slug=relation.object).first():
                    return thing, article
    return None


def items_asked_for(question: str, *, storefront: str = "") -> tuple[Thing, Thing, list[Item]] | None:
    """Return the items of a brand in a category, where a question names both."""
    if not _WHAT_OF.search(question):
        return None
    things = things_in(question, storefront=storefront, with_items=False)
    brand = next((thing for thing in things if thing.kind == Node.BRAND), None)
    category = next((thing for thing in things if thing.kind == Node.CATEGORY), None)
    if brand is None or category is None:
        return None
    rows = _items(storefront).filter(brand__iexact=brand.id, category_path__icontains=category.id)
    return brand, category, list(rows.order_by("title")[:MOST_LISTED])


def things_in(question: str, *, storefront: str = "", with_items: bool = True) -> list[Thing]:
    """Return what a question names, in its order; a name within a longer one does not count."""
    found: list[tuple[int, Thing]] = []
    left = question.casefold()
    for thing in _candidates(question, storefront, with_items):
        pattern = re.compile(_bounded(thing.name.casefold()))
        if match := pattern.search(left):
            found.append((match.start(), thing))
            left = pattern.sub(lambda each: " " * len(each.group()), left)
    return [thing for _at, thing in sorted(found, key=lambda pair: pair[0])]


def _bounded(name: str) -> str:
    edges = (r"(?<!\w)", r"(?:s|es)?(?!\w)") if name.isascii() else ("", "")
    return edges[0] + re.escape(name) + edges[1]


def _candidates(question: str, storefront: str, with_items: bool) -> list[Thing]:
    asked = question.casefold()
    brands, paths = _names_of_catalogue(storefront)
    found = [
        Thing(Node.BRAND, name, name, ((Node.BRAND, name),)) for name in brands if name.casefold() in asked
    ]
    found += [thing for thing in _categories(paths) if thing.name.casefold() in asked]
    if with_items:
        found += [_thing_of(item) for item in _items_named(question, storefront)]
    return sorted(found, key=lambda thing: -len(thing.name))


def _names_of_catalogue(storefront: str) -> tuple[list[str], list[str]]:
    """Return the brands and the paths of categories; all items say them, so not for each question."""
    key = f"{NAMES_KEY}.{storefront}"
    found: Any = cache.get_or_set(key, lambda: _read_names(storefront), NAMES_SECONDS)
    brands, paths = found
    return brands, paths


def _read_names(storefront: str) -> tuple[list[str], list[str]]:
    rows = _items(storefront).order_by()
    brands = rows.values_list("brand", flat=True).distinct()
    named = [name for name in brands if len(name) >= SHORTEST_NAME]
    return named, list(rows.values_list("category_path", flat=True).distinct())


def _items_named(question: str, storefront: str) -> list[Item]:
    """Return items whose title a question says, by the shop's search; a shop without one is read itself."""
    answer = capabilities.get(capabilities.Searcher).search(  # type: ignore[type-abstract]
        query=question, n=N_SEARCHED, storefront=storefront, time_budget_seconds=SEARCHING_SECONDS
    )
    if answer.unavailable is None:
        hits = [each.item_id for each in answer.items]
        items = list(items_by_external_id(hits, storefront=storefront).values())
    else:
        rows = _items(storefront).annotate(asked=Value(question)).filter(asked__icontains=F("title"))
        items = list(rows[:N_SEARCHED])
    asked = question.casefold()
    return [item for item in items if len(item.title) >= SHORTEST_NAME and item.title.casefold() in asked]


def _categories(paths: Iterable[str]) -> Iterator[Thing]:
    """Yield each category above and at the end of paths, by its own name."""
    seen: set[str] = set()
    for path in paths:
        parts = path.split(" > ")
        for n in range(1, len(parts) + 1):
            above = " > ".join(parts[:n])
            if above not in seen and len(parts[n - 1]) >= SHORTEST_NAME:
                seen.add(above)
                yield Thing(Node.CATEGORY, above, parts[n - 1], tuple(_upwards(above)))


def _thing_of(item: Item) -> Thing:
    under = [(Node.ITEM, item.external_id), *_upwards(item.category_path)]
    if item.brand:
        under.append((Node.BRAND, item.brand))
    return Thing(Node.ITEM, item.external_id, item.title, tuple(under))


def _upwards(path: str) -> Iterator[tuple[str, str]]:
    parts = path.split(" > ") if path else []
    for n in range(len(parts), 0, -1):
        yield Node.CATEGORY, " > ".join(parts[:n])


def _between(rows: Sequence[Relation], first: Thing, second: Thing) -> Relation | None:
    """Return the edge between two things, the nearest to them first, whichever way it was written."""
    by_ends = {}
    for row in rows:
        ends = ((row.subject_kind, row.subject.casefold()), (row.object_kind, row.object.casefold()))
        by_ends[ends] = by_ends[ends[::-1]] = row
    for kind, name in first.under:
        for other_kind, other in second.under:
            found = by_ends.get(((kind, name.casefold()), (other_kind, other.casefold())))
            if found is not None:
                return found
    return None


def _items(storefront: str) -> QuerySet[Item]:
    return Item.objects.filter(storefront=storefront, is_active=True)
