"""What other scenarios may ask of this one."""

from ecomai.capabilities import Recommendations, RecommendedItem, Unavailable
from ecomai.commerce.models import Customer

from . import services


class ShopRecommender:
    """The `Recommender` of `ecomai.capabilities`."""

    def recommend(
        self, *, customer_id: str, n: int = 10, storefront: str = "", time_budget_seconds: float = 0.05
    ) -> Recommendations:
        customer = Customer.objects.filter(storefront=storefront, external_id=customer_id).first()
        answer = services.recommend(
            storefront=storefront, customer=customer, n=n, placement="capability",
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
