"""The simple model: a few features, weighed by a logistic regression that the trained model brings along.

Before there is one, `STARTER` answers: expected values of what fraud looks like, which the first training
replaces by the shop's own history. It is monotone, needs no file, and takes some ten microseconds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .features import FEATURE_NAMES

_PLACES = {name: place for place, name in enumerate(FEATURE_NAMES)}


@dataclass(frozen=True)
class Scorecard:
    """log odds = intercept + the sum over features of weight x (value - centre) / scale.

    A missing value counts as its centre. Values are cut at `most` scales from the centre.
    """

    intercept: float
    weights: Mapping[str, tuple[float, float, float]]
    most: float = 5.0

    def contributions(self, values: Sequence[float | None]) -> dict[str, float]:
        """Return what each feature adds to the log odds."""
        found = {}
        for name, (weight, centre, scale) in self.weights.items():
            value = values[_PLACES[name]]
            if value is None or math.isnan(value):
                continue
            found[name] = weight * min(max((value - centre) / scale, -self.most), self.most)
        return found

    def probability(self, values: Sequence[float | None]) -> float:
        odds = self.intercept + sum(self.contributions(values).values())
        return 1 / (1 + math.exp(-min(max(odds, -30.0), 30.0)))

    def as_json(self) -> dict[str, Any]:
        """Return what an artifact keeps of it."""
        weights = {name: list(each) for name, each in self.weights.items()}
        return {"intercept": self.intercept, "weights": weights}

    def without(self, forbidden: Sequence[str]) -> "Scorecard":
        """Return the same without features whose names begin with one of these."""
        kept = {name: each for name, each in self.weights.items() if not name.startswith(tuple(forbidden))}
        return Scorecard(self.intercept, kept, self.most) if forbidden else self


STARTER = Scorecard(
    intercept=-4.6,  # one in a hundred
    weights={
        "device_accounts": (0.8, 0.0, 1.0),
        "card_accounts": (0.9, 0.0, 1.0),
        "address_accounts": (0.3, 0.0, 1.0),
        "fraud_distance": (-1.2, 3.0, 1.0),
        "customer_fraud_ever": (2.5, 0.0, 1.0),
        "card_payments_1h": (0.5, 0.0, 1.0),
        "device_payments_1h": (0.4, 0.0, 1.0),
        "ip_payments_1h": (0.2, 1.0, 3.0),
        "failed_payments": (0.7, 0.0, 1.0),
        "failed_logins": (0.4, 0.0, 2.0),
        "country_ip_differs": (0.8, 0.0, 1.0),
        "country_card_differs": (0.8, 0.0, 1.0),
        "address_differs": (0.4, 0.0, 1.0),
        "own_amount_z": (0.15, 0.0, 1.0),
        "own_new_device": (0.5, 0.0, 1.0),
        "own_returns_share": (0.8, 0.2, 0.3),
        "own_promotions_share": (0.6, 0.3, 0.3),
        "text_links": (1.2, 0.0, 1.0),
        "text_contacts": (1.2, 0.0, 1.0),
        "text_repeats": (0.8, 0.3, 0.2),
        "text_capitals": (0.5, 0.1, 0.2),
        "email_domain_fraud_share": (1.0, 0.0, 0.05),
        "network_fraud_share": (1.0, 0.0, 0.05),
    },
)
