"""What other scenarios may ask of this one."""

from dataclasses import asdict

from ecomai.capabilities import (
    FoundItem,
    Recommendations,
    RecommendedItem,
    SearchFilters,
    SearchResults,
    Unavailable,
)
from ecomai.exceptions import EcomaiError

from . import services
from .catalogue import ItemFilter
from .services.pictures import search_by_picture
from .services.search import SearchFilter, search


class ShopRecommender:
    """The `Recommender` of `ecomai.capabilities`."""

    def recommend(
        self, *, customer_id: str, n: int = 10, storefront: str = "", time_budget_seconds: float = 0.05
    ) -> Recommendations:
        answer = services.recommend(
            storefront=storefront, customer_id=customer_id, n=n, placement="capability",
            time_budget_seconds=time_budget_seconds,
        )  # fmt: skip
        if answer.code:
            return Recommendations(unavailable=Unavailable(answer.code))
        return Recommendations(
            items=[
                RecommendedItem(pick.item.external_id, pick.score, pick.reason.text) for pick in answer.picks
            ],
            model_version=answer.model_version,
        )


class ShopSearcher:
    """The `Searcher` of `ecomai.capabilities`."""

    def search(
        self,
        *,
        query: str,
        n: int = 20,
        storefront: str = "",
        filters: SearchFilters | None = None,
        time_budget_seconds: float = 0.1,
    ) -> SearchResults:
        answer = search(
            query=query, n=n, storefront=storefront, time_budget_seconds=time_budget_seconds,
            filters=SearchFilter(items=ItemFilter(**asdict(filters))) if filters else None,
            is_personal=False, is_kept=False, with_facets=False,
        )  # fmt: skip
        if answer.code:
            return SearchResults(unavailable=Unavailable(answer.code))
        return SearchResults(
            items=[
                FoundItem(hit.item.external_id, hit.score, hit.why[0].text if hit.why else "")
                for hit in answer.hits
            ]
        )


class ShopPictureSearcher:
    """The `PictureSearcher` of `ecomai.capabilities`."""

    def search_picture(self, *, content: bytes, n: int = 5, storefront: str = "") -> SearchResults:
        """Find what looks like it; without an encoder, or with no readable picture, nothing."""
        try:
            answer = search_by_picture(content, n=n, storefront=storefront)
        except EcomaiError as error:
            return SearchResults(unavailable=Unavailable(error.code))
        if answer.code:
            return SearchResults(unavailable=Unavailable(answer.code))
        return SearchResults(items=[FoundItem(pick.item.external_id, pick.score) for pick in answer.picks])
