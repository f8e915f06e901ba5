"""How likely clicks and orders are: the model's word where one is live, counted rates where none is."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomai.serving import live
from ecomai.serving.budget import run_with_budget
from ecomai.serving.predictors.response import ResponsePredictor, Words

from ...ads.columns import CATEGORIES, NUMBERS, Moment, categories_of, numbers_of
from ...names import AD_RESPONSE
from .shelf import ShelfAd

logger = logging.getLogger(__name__)

#: As if so many impressions of the shop's overall rate had gone before; a new one is tried until then.
PRIOR_IMPRESSIONS, PRIOR_CLICKS = 100.0, 20.0
USUAL_CLICK_RATE, USUAL_CONVERSION_RATE = 0.01, 0.02
N_DRAWS = 200


@dataclass(frozen=True)
class Chances:
    """Chances of shape (n_positions, n_draws, n_ads).

    One draw where a model is sure, several where rates are counted. Counts are the same for each position,
    so that there is one of them then; a position beyond the last has its chances.
    """

    click: NDArray[np.float64]
    conversion: NDArray[np.float64]
    source: str
    version: int | None = None

    def values(self, ads: Sequence[ShelfAd]) -> NDArray[np.float64]:
        """What showing each is worth in the reporting currency: its price, and what an order is worth.

        Of the shape of the chances.
        """
        price = np.array([ad.unit_price for ad in ads])
        worth = np.array([ad.conversion_value for ad in ads])
        is_by_click = np.array([ad.group.priced_by == ad.group.PricedBy.CLICK for ad in ads])
        paid = np.where(is_by_click, self.click, 1.0) * price
        return paid + worth * self.click * self.conversion


def chances_of(
    ads: Sequence[ShelfAd], moment: Moment, rng: np.random.Generator, *, n_positions: int = 1
) -> Chances:
    """Return how likely clicks and orders are, in each of the first positions."""
    served = live.get_live(AD_RESPONSE)
    if served is None or not _is_fitting(served.predictor):
        return counted(ads, rng)
    predictor: Any = served.predictor
    found = run_with_budget(
        lambda: _predicted(predictor, ads, moment, served.version_number, n_positions),
        lambda: counted(ads, rng),
    )
    return found.value


def counted(ads: Sequence[ShelfAd], rng: np.random.Generator) -> Chances:
    """Draw each rate from what its counts leave open, so that what is new is tried (Thompson sampling)."""
    shown, clicked, bought = (
        np.array([getattr(ad, name) for ad in ads], dtype=np.float64)
        for name in ("n_impressions", "n_clicks", "n_conversions")
    )
    clicked, bought = np.minimum(clicked, shown), np.minimum(bought, clicked)
    click = _draw(clicked, shown, USUAL_CLICK_RATE, PRIOR_IMPRESSIONS, rng)
    conversion = _draw(bought, clicked, USUAL_CONVERSION_RATE, PRIOR_CLICKS, rng)
    return Chances(click[None], conversion[None], source="counted")


def _draw(
    n_hits: NDArray[np.float64], n: NDArray[np.float64], usual: float, strength: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:  # fmt: skip
    overall = (n_hits.sum() + strength * usual) / (n.sum() + strength)
    return rng.beta(n_hits + strength * overall, n - n_hits + strength * (1 - overall), (N_DRAWS, len(n)))


def _is_fitting(predictor: object) -> bool:
    """Whether a model reads what is computed here; one of another time does not."""
    if not isinstance(predictor, ResponsePredictor):
        return False
    is_alike = tuple(predictor.categories) == CATEGORIES and tuple(predictor.numbers) == NUMBERS
    if not is_alike:
        logger.warning("The live model of advertisements reads other columns; counted rates answer.")
    return is_alike


def _predicted(
    predictor: ResponsePredictor, ads: Sequence[ShelfAd], moment: Moment, version: int, n_positions: int
) -> Chances:
    # The database must not be asked here: it is another thread.
    history, is_known = predictor.encode_items([str(item) for item in moment.steps])
    texts = predictor.encode_words([Words(words_of(ad.creative)) for ad in ads])
    positions = range(1, n_positions + 1)
    found = predictor.predict(
        categories=[categories_of(ad.facts, moment) for ad in ads] * n_positions,
        numbers=np.array(
            [numbers_of(ad.facts, moment, position) for position in positions for ad in ads], dtype=np.float32
        ),
        items=np.tile(_items(predictor, ads), (n_positions, 1)),
        texts=np.tile(texts, (n_positions, 1)),
        history=history[is_known],
    )
    click, conversion = found.reshape(n_positions, 1, len(ads), 2).transpose(3, 0, 1, 2)
    return Chances(click, conversion, source="model", version=version)


def _items(predictor: ResponsePredictor, ads: Sequence[ShelfAd]) -> NDArray[np.float32]:
    """Encoded items: known from the training, else read now, and zeros where nothing is advertised."""
    vectors, is_known = predictor.encode_items([str(ad.facts.item or "") for ad in ads])
    new = [place for place, ad in enumerate(ads) if ad.facts.item and not is_known[place]]
    if new:
        words = [Words(item_words(ads[place].creative.item), str(ads[place].facts.item)) for place in new]
        vectors[new] = predictor.encode_words(words)
    return vectors


def words_of(creative: Any) -> str:
    """What an advertisement says, as an encoder reads it."""
    return f"{creative.title}. {creative.text}".strip()


def item_words(item: Any) -> str:
    """What an item is, as an encoder reads it."""
    return ". ".join(filter(None, (item.title, item.category_path, item.description[:500])))
