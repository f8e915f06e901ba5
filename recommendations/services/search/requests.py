"""From a web request to a search: whose it is, and what it asks for."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from ecomai.commerce.models import ApiKey
from ecomai.commerce.visitors import proven_customer_id, session_of, storefront_of

from ...catalogue import ItemFilter
from ...exceptions import OtherCustomerError
from .answers import SORTS, SearchAnswer, search
from .facets import SearchFilter


def search_for_request(request: HttpRequest, query: Mapping[str, Any]) -> SearchAnswer:
    """Search for the visitor behind a request by a checked query string.

    Only a server with a secret key may name a customer; anybody else who names one that is not proven to
    be the visitor raises OtherCustomerError.
    """
    storefront = storefront_of(request)
    own_id = proven_customer_id(request, storefront=storefront)
    named = query.get("customer", "")
    if named and named != own_id and not _may_name_customers(request):
        raise OtherCustomerError()
    return search(
        storefront=storefront,
        customer_id=named or own_id,
        session_id=session_of(request),
        query=query.get("q", ""),
        n=query.get("n"),
        page=query.get("page", 1),
        sort=query.get("sort", SORTS[0]),
        filters=filters_of(query),
        is_exact=query.get("exact", False),
        ignore=query.get("ignore", ()),
        is_personal=query.get("personal"),
    )


def filters_of(query: Mapping[str, Any]) -> SearchFilter:
    attributes: dict[str, list[str]] = {}
    for name, value in query.get("attribute", ()):
        attributes.setdefault(name, []).append(value)
    return SearchFilter(
        items=ItemFilter(
            category=query.get("category", ""),
            min_price=query.get("min_price"),
            max_price=query.get("max_price"),
            currency=query.get("currency", "").upper(),
            is_in_stock=query.get("in_stock", False),
        ),
        brands=tuple(query.get("brand", ())),
        attributes=attributes,
    )


def _may_name_customers(request: Any) -> bool:
    key = getattr(request, "auth", None)
    return isinstance(key, ApiKey) and key.kind == ApiKey.Kind.SECRET
