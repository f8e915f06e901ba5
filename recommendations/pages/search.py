"""A page of search results, with an address for all that can be chosen or taken back."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

from ecomai.exceptions import EcomaiError

from ..serializers import first_image
from ..serializers.search import read_search
from ..services.search import PROPERTY, Facet, SearchAnswer, search_for_request

PER_PAGE = 24
#: Of many pages, those around the one that is shown.
N_AROUND = 2


@dataclass(frozen=True)
class Link:
    """Something to choose. `is_chosen`: it stands, and the address takes it back."""

    label: str
    href: str
    is_chosen: bool = False
    n: int | None = None


@dataclass(frozen=True)
class FacetLinks:
    label: str
    name: str
    links: Sequence[Link]
    is_open: bool


class Addresses:
    """Addresses of the same search with something changed; all of them begin at the first page."""

    def __init__(self, sent: QueryDict) -> None:
        self._sent = sent

    def with_(self, *, page: int | None = None, **values: str | None) -> str:
        query = self._sent.copy()
        query.pop("page", None)
        for name, value in values.items():
            query.pop(name, None)
            if value is not None:
                query[name] = value
        if page and page > 1:
            query["page"] = str(page)
        return f"?{query.urlencode()}"

    def toggled(self, name: str, value: str) -> str:
        """Return the search with one of several values put in, or taken out where it is in."""
        query = self._sent.copy()
        query.pop("page", None)
        chosen = [one for one in query.getlist(name) if one]
        query.setlist(name, [one for one in chosen if one != value] if value in chosen else [*chosen, value])
        return f"?{query.urlencode()}"

    def only_words(self) -> str:
        query = QueryDict(mutable=True)
        query["q"] = self._sent.get("q", "")
        return f"?{query.urlencode()}"


def page_context(request: HttpRequest, *, per_page: int = PER_PAGE) -> dict[str, Any]:
    """Return what the template of results shows for a request's query string."""
    typed = request.GET.get("q", "").strip()
    if not typed:
        return {"query": "", "answer": None}
    try:
        answer = search_for_request(request, {"n": per_page, **read_search(request.GET)})
    except ValidationError as error:
        return {"query": typed[:100], "answer": None, "problem": _first_sentence(error.detail)}
    except EcomaiError as error:
        return {"query": typed[:100], "answer": None, "problem": str(error)}
    to = Addresses(request.GET)
    return {
        "query": answer.query,
        "answer": answer,
        "entries": [_entry(answer, place, hit) for place, hit in enumerate(answer.hits, start=1)],
        "facets": [_facet(facet, to) for facet in answer.facets],
        "chips": [Link(wish.label, to.toggled("ignore", wish.code)) for wish in answer.wishes],
        "has_taken_back": bool([one for one in request.GET.getlist("ignore") if one]),
        "exact": to.with_(exact="1"),
        "plain": to.only_words(),
        "is_narrowed": _is_narrowed(request.GET),
        "sorts": _sorts(answer, to),
        "pages": _pages(answer, to),
        "everybody": to.with_(personal="0"),
        "mine": to.with_(personal=None) if request.GET.get("personal") == "0" else "",
        # Pages of the same search, and what is narrowed by hand, are no searches of their own.
        "is_first_look": answer.page == 1 and set(request.GET) <= {"q", "page"},
    }


def _first_sentence(detail: Any) -> str:
    while isinstance(detail, dict | list) and detail:
        detail = next(iter(detail.values())) if isinstance(detail, dict) else detail[0]
    return str(detail)


def _entry(answer: SearchAnswer, place: int, hit: Any) -> dict[str, Any]:
    position = (answer.page - 1) * answer.n + place
    properties = {PROPERTY: str(answer.key), "position": position, "placement": "search"}
    return {
        "item": hit.item,
        "why": hit.why,
        "image_url": first_image(hit.item),
        "properties": json.dumps(properties),
    }


def _facet(facet: Facet, to: Addresses) -> FacetLinks:
    links = [
        Link(choice.label, _choice_href(facet.name, choice, to), choice.is_chosen, choice.n)
        for choice in facet.choices
    ]
    return FacetLinks(facet.label, facet.name, links, any(link.is_chosen for link in links))


def _choice_href(name: str, choice: Any, to: Addresses) -> str:
    if name.startswith("attribute."):
        return to.toggled("attribute", f"{name.removeprefix('attribute.')}:{choice.value}")
    if name == "brand":
        return to.toggled("brand", choice.value)
    if name == "price":
        low, high = choice.value.split("-")
        chosen = {"min_price": low or None, "max_price": high or None}
        return to.with_(**(dict.fromkeys(chosen) if choice.is_chosen else chosen))
    return to.with_(**{name: None if choice.is_chosen else choice.value})


def _sorts(answer: SearchAnswer, to: Addresses) -> list[Link]:
    labels = {
        "relevance": _("Best match"), "price": _("Price, low first"), "-price": _("Price, high first"),
        "newest": _("Newest"),
    }  # fmt: skip
    return [
        Link(label, to.with_(sort=None if name == "relevance" else name), answer.sort == name)
        for name, label in labels.items()
    ]


def _pages(answer: SearchAnswer, to: Addresses) -> list[Link]:
    if answer.n_pages < 2:
        return []
    numbers = {1, answer.n_pages, *range(answer.page - N_AROUND, answer.page + N_AROUND + 1)}
    return [
        Link(str(number), to.with_(page=number), number == answer.page)
        for number in sorted(numbers)
        if 1 <= number <= answer.n_pages
    ]


def _is_narrowed(sent: QueryDict) -> bool:
    names = ("category", "brand", "attribute", "min_price", "max_price", "in_stock")
    return any(sent.get(name) for name in names)
