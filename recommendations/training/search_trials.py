"""What the admin's pages of search show: a search with all its reasons, and reports of what was asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ecomai.commerce.models import Customer
from ecomai.exceptions import EcomaiError
from ecomai.serving import live

from ..app_settings import app_settings
from ..pipeline.predictors import card_of
from ..scenario import SEARCH
from ..serializers import first_image
from ..services.search import SearchAnswer, queries_in_vain, search, top_queries
from ..services.search.liking import PERSONAL_METRICS

N_SHOWN = 12
DAYS = (7, 30, 90)
TRY_OUT = "admin:ecomai_recommendations_search_try"


@dataclass(frozen=True)
class Column:
    """One answer of the try-out page, beside another."""

    title: str
    answer: SearchAnswer
    entries: list[dict[str, Any]]


def try_out(query: Mapping[str, str]) -> dict[str, Any]:
    """Return the page's context: `q` is searched for; with `customer` also as that customer finds it."""
    typed, customer_id = query.get("q", "").strip(), query.get("customer", "").strip()
    storefront = query.get("storefront", "")
    customer = Customer.objects.filter(external_id=customer_id, storefront=storefront).first()
    context: dict[str, Any] = {
        "query": typed[:500], "customer_id": customer_id, "columns": [], "personal": personal_order(),
    }  # fmt: skip
    if customer_id and customer is None:
        context["problem"] = _("There is no customer “%(customer)s”.") % {"customer": customer_id}
    if not typed:
        return context
    try:
        context["columns"] = list(_columns(typed, customer, storefront))
    except EcomaiError as error:
        context["problem"] = str(error)
    return context


@dataclass(frozen=True)
class PersonalOrder:
    """Whether customers get an order of their own, and what it gained when the live version was judged."""

    is_on: bool
    version: int | None = None
    n_cases: int = 0
    rows: tuple[tuple[str, float, float], ...] = ()  # name of the metric, for everybody, personal


def personal_order() -> PersonalOrder:
    served = live.get_live(SEARCH)
    found = card_of(served.version_id).get("personal") if served else None
    version = served.version_number if served else None
    if not found:
        return PersonalOrder(app_settings.SEARCH_IS_PERSONAL, version)
    rows = tuple((name, found[name]["plain"], found[name]["personal"]) for name in PERSONAL_METRICS)
    return PersonalOrder(app_settings.SEARCH_IS_PERSONAL, version, found["n_cases"], rows)


def _columns(typed: str, customer: Customer | None, storefront: str) -> list[Column]:
    plain = search(query=typed, storefront=storefront, n=N_SHOWN, is_personal=False, is_kept=False)
    columns = [Column(_("For everybody"), plain, _entries(plain, plain))]
    if customer is not None:
        mine = search(
            query=typed, storefront=storefront, customer=customer, n=N_SHOWN, is_personal=True, is_kept=False
        )
        title = _("For customer %(customer)s") % {"customer": customer.external_id}
        columns.append(Column(title, mine, _entries(mine, plain)))
    return columns


def _entries(answer: SearchAnswer, plain: SearchAnswer) -> list[dict[str, Any]]:
    place_of = {hit.item.pk: place for place, hit in enumerate(plain.hits)}
    entries = []
    for place, hit in enumerate(answer.hits):
        moved = place_of[hit.item.pk] - place if hit.item.pk in place_of else None
        entries.append({"hit": hit, "image_url": first_image(hit.item), "moved": moved})
    return entries


def report(query: Mapping[str, str]) -> dict[str, Any]:
    days = int(query["days"]) if query.get("days", "").isdecimal() and int(query["days"]) in DAYS else 30
    return {
        "days": days,
        "choices": DAYS,
        "in_vain": [_row(figures) for figures in queries_in_vain(days=days)],
        "top": [_row(figures) for figures in top_queries(days=days)],
    }


def _row(figures: Any) -> dict[str, Any]:
    add = reverse("admin:ecomai_recommendations_synonym_add")
    return {
        "figures": figures,
        "add": f"{add}?{urlencode({'terms': figures.query[:200]})}",
        "try": f"{reverse(TRY_OUT)}?{urlencode({'q': figures.query})}",
    }


def try_link(text: str) -> SafeString:
    address = f"{reverse(TRY_OUT)}?{urlencode({'q': text})}"
    return format_html('<a href="{}">{}</a>', address, _("try the search"))
