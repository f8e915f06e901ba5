"""The demo shop's customers and the tastes behind what they do."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from .catalogue_types import COLOURS, Language
from .journeys import INTEREST_SHARES, INTERESTS
from .products import DEPARTMENTS

COUNTRIES = {
    "en": (("DE", "de", "EUR", 0.22), ("FR", "fr", "EUR", 0.14), ("IE", "en", "EUR", 0.16),
           ("NL", "nl", "EUR", 0.14),
           ("GB", "en", "GBP", 0.2), ("US", "en", "USD", 0.08), ("AT", "de", "EUR", 0.06)),
    "zh": (("CN", "zh-hans", "CNY", 0.93), ("HK", "zh-hant", "HKD", 0.05), ("SG", "zh-hans", "SGD", 0.02)),
}  # fmt: skip
AGE_BANDS = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")
DAYS_OF_HISTORY = 365


@dataclass(frozen=True, kw_only=True)
class DemoCustomer:
    """A customer, with the taste that the exported files do not say."""

    external_id: str
    language: str
    country: str
    currency: str
    traits: dict[str, Any]
    first_seen_at: datetime
    interests: tuple[str, ...]
    brands: dict[str, str]
    colours: tuple[str, ...]
    price_level: float
    sizes: int
    visits_per_year: float
    buys_readily: float

    def wants(self) -> dict[str, float]:
        """Return product type -> weight, over all interests; the first interest weighs most."""
        wanted: dict[str, float] = {}
        for rank, interest in enumerate(self.interests):
            for key, weight in INTERESTS[interest].items():
                wanted[key] = wanted.get(key, 0.0) + weight / (1 + 0.6 * rank)
        return wanted


def build_customers(
    *, n_customers: int, language: Language, until: datetime, rng: np.random.Generator
) -> list[DemoCustomer]:
    """Return customers in the order of their ids; older ids were seen first."""
    names = list(INTEREST_SHARES)
    shares = np.array([INTEREST_SHARES[name] for name in names])
    shares /= shares.sum()
    countries = COUNTRIES[language]
    country_of = rng.choice(len(countries), n_customers, p=[country[3] for country in countries])
    # Three in ten were customers before the year begins; the others came, more and more, during it.
    joined = np.where(
        rng.random(n_customers) < 0.3, DAYS_OF_HISTORY, DAYS_OF_HISTORY * (1 - rng.random(n_customers) ** 0.8)
    )
    joined = np.sort(np.clip(joined, 1.5, DAYS_OF_HISTORY))[::-1]
    return [
        _customer(
            number,
            countries[country_of[number]],
            until - timedelta(days=float(joined[number])),
            names,
            shares,
            rng,
        )
        for number in range(n_customers)
    ]


def _customer(
    number: int,
    country: tuple,
    first_seen_at: datetime,
    names: list[str],
    shares: np.ndarray,
    rng: np.random.Generator,
) -> DemoCustomer:
    n_interests = int(rng.choice([1, 2, 3], p=[0.3, 0.45, 0.25]))
    interests = tuple(names[i] for i in rng.choice(len(names), n_interests, replace=False, p=shares))
    palette = list(COLOURS)
    visits = float(np.clip(rng.lognormal(1.8, 0.65), 1.0, 40.0))
    return DemoCustomer(
        external_id=f"C{number + 1:06d}",
        language=country[1],
        country=country[0],
        currency=country[2],
        traits={
            "age_band": AGE_BANDS[int(rng.choice(6, p=[0.14, 0.27, 0.23, 0.17, 0.12, 0.07]))],
            "group": "member" if visits > 6 else "guest",
            "newsletter": bool(rng.random() < 0.4),
        },
        first_seen_at=first_seen_at,
        interests=interests,
        brands={
            department.code: department.brands[int(rng.integers(len(department.brands)))].en
            for department in DEPARTMENTS
        },
        colours=tuple(palette[i] for i in rng.choice(len(palette), 3, replace=False)),
        price_level=float(rng.beta(2, 2)),
        sizes=int(rng.integers(12)),
        visits_per_year=visits,
        buys_readily=float(rng.beta(5, 5) + 0.5),
    )
