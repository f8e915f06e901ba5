"""What other scenarios may ask of this one."""

from ecomai.capabilities import Recommendations, RecommendedItem, Unavailable

from . import services


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
