"""What other scenarios may ask of this one."""

from ecomai.capabilities import FoundItem, Recommendations, RecommendedItem, SearchResults, Unavailable

from . import services
from .services.search import search


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
        self, *, query: str, n: int = 20, storefront: str = "", time_budget_seconds: float = 0.1
    ) -> SearchResults:
        answer = search(
            query=query, n=n, storefront=storefront, time_budget_seconds=time_budget_seconds,
            is_personal=False, is_kept=False, with_facets=False,
        )  # fmt: skip
        if answer.code:
            return SearchResults(unavailable=Unavailable(answer.code))
        return SearchResults(items=[FoundItem(hit.item.external_id, hit.score) for hit in answer.hits])
