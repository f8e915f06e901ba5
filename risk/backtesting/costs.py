"""What decisions cost: of each order, in the reporting currency."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..models import Policy


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What mistakes and reviews cost a shop, and how much reviews and proofs are believed to help.

    `review_catches`: the share of frauds that a reviewer recognises. `proof_stops`: the share of frauds that
    a proof keeps off. `proof_loses`: the share of honest customers who leave when they are asked for one.
    The last three are beliefs, not measurements; pages say so, and let them be changed.
    """

    chargeback_cost: float
    margin: float
    review_cost: float
    review_capacity: int
    review_catches: float = 0.9
    proof_stops: float = 0.7
    proof_loses: float = 0.05

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def costs_of(policy: Policy, **beliefs: float) -> Costs:
    return Costs(
        chargeback_cost=float(policy.chargeback_cost), margin=policy.margin,
        review_cost=float(policy.review_cost), review_capacity=policy.review_capacity, **beliefs,
    )  # fmt: skip


def cost_table(
    costs: Costs, amounts: NDArray[np.float64], is_fraud: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return what each decision would cost, of shape (n_orders, 4), in the order of `DECISIONS`.

    An amount that is not known counts as nothing, besides what the bank charges.
    """
    amounts = np.nan_to_num(amounts)
    fraud = np.where(is_fraud, amounts + costs.chargeback_cost, 0.0)
    margin = np.where(is_fraud, 0.0, amounts * costs.margin)
    return np.stack(
        [
            fraud,
            fraud * (1 - costs.proof_stops) + margin * costs.proof_loses,
            fraud * (1 - costs.review_catches) + costs.review_cost,
            margin,
        ],
        axis=1,
    )
