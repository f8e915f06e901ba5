"""From a web request to an answer: whose it is, what it asks for, and what is being tried out on it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.http import HttpRequest

from ecomai.commerce.models import ApiKey
from ecomai.commerce.visitors import proven_customer_id, session_of, storefront_of
from ecomai.experiments.services import assign, log_exposure

from ..arms import FIRST, SUBJECT, read_arm
from ..catalogue import ItemFilter
from ..exceptions import OtherCustomerError
from .answers import AnswerList, recommend

__all__ = ["FIRST", "SUBJECT", "parse_query", "recommend_for_request"]


def recommend_for_request(
    request: HttpRequest,
    *,
    customer_id: str = "",
    item_id: str = "",
    basket: Sequence[str] = (),
    n: int | None = None,
    placement: str = "",
    filters: ItemFilter | None = None,
) -> AnswerList:
    """Recommend for the visitor behind a request, as an experiment at the placement says.

    Only a server with a secret key may name a customer; anybody else who names one that is not
    proven to be the visitor raises OtherCustomerError.
    """
    storefront = storefront_of(request)
    own_id = proven_customer_id(request, storefront=storefront)
    is_named = bool(customer_id) and customer_id != own_id
    if is_named and not _may_name_customers(request):
        raise OtherCustomerError()
    asked_for, session_id = customer_id if is_named else own_id, session_of(request)
    assignment = placement and assign(
        subject=f"{SUBJECT}:{placement}",
        customer_id=asked_for,
        session_id=session_id,
        storefront=storefront,
    )
    arm = read_arm(assignment.configuration if assignment else {})
    answer = recommend(
        storefront=storefront,
        customer_id=asked_for,
        session_id=session_id,
        item_id=item_id,
        basket=basket,
        n=n,
        placement=placement,
        filters=filters,
        first=arm.first,
        pipeline_id=arm.pipeline_id,
        model_version=arm.model_version,
    )
    if assignment and answer.picks:
        log_exposure(assignment)
    if own_id and not is_named and answer.unknown_ids[:1] == [own_id]:
        # A visitor of whom nothing has come in yet has not named anybody.
        return replace(answer, unknown_ids=answer.unknown_ids[1:])
    return answer


def _may_name_customers(request: Any) -> bool:
    key = getattr(request, "auth", None)
    return isinstance(key, ApiKey) and key.kind == ApiKey.Kind.SECRET


def parse_query(query: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a checked query string into the arguments of `recommend_for_request`."""
    return {
        "customer_id": query.get("customer", ""),
        "item_id": query.get("item", ""),
        "basket": query.get("basket", ()),
        "n": query.get("n"),
        "placement": query.get("placement", ""),
        "filters": ItemFilter(
            category=query.get("category", ""),
            min_price=query.get("min_price"),
            max_price=query.get("max_price"),
            currency=query.get("currency", "").upper(),
            is_in_stock=query.get("in_stock", False),
        ),
    }
