"""Pictures in the representation of items: text vectors and picture vectors side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from ecomai.registry.models import ModelVersion
from ecomai.registry.selectors import serving_version

from ..app_settings import app_settings
from ..scenario import IMAGE_ENCODER

#: In the card of a version that learned with pictures.
CARD_KEY = "image_encoder"
#: In the card of an image encoder: the key of its vectors, and their size.
KEY, N_FEATURES = "encoder_key", "n_features"


@dataclass(frozen=True)
class PictureFeatures:
    """Which image encoder's vectors stand beside the text vectors, and how much they count against them."""

    key: str
    n_features: int
    weight: float
    version_id: int

    @classmethod
    def in_use(cls, *, weight: float) -> Self | None:
        """Return what a training that begins now joins; None where pictures are not read."""
        if not app_settings.IMAGE_ENCODER or weight <= 0:
            return None
        version = serving_version(IMAGE_ENCODER)
        return None if version is None else cls.of_encoder(version, weight=weight)

    @classmethod
    def of_encoder(cls, version: ModelVersion, *, weight: float) -> Self:
        return cls(str(version.card[KEY]), int(version.card[N_FEATURES]), weight, version.pk)

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> Self | None:
        """Return what a version learned with, by its card."""
        return cls(**card[CARD_KEY]) if card.get(CARD_KEY) else None

    def as_card(self) -> dict[str, Any]:
        return {CARD_KEY: asdict(self)}

    def join(self, texts: np.ndarray, pictures: Mapping[int, np.ndarray]) -> np.ndarray:
        """Return text vectors with the picture vectors, by row, beside them.

        The cosine of two items becomes the weighted mean of what their texts and their pictures say. Picture
        vectors are counted from the middle of the shop's, so on the average two have a cosine of 0: zeros
        stand for an item without a picture, and it is neither nearer to the others for that nor farther.
        """
        scale = (1 + self.weight**2) ** -0.5
        joined = np.zeros((len(texts), texts.shape[1] + self.n_features), dtype=np.float32)
        joined[:, : texts.shape[1]] = texts
        for row, vector in pictures.items():
            joined[row, texts.shape[1] :] = self.weight * vector
        return joined * np.float32(scale)


def by_row(item_ids: Sequence[Any], vectors: Mapping[Any, np.ndarray]) -> dict[int, np.ndarray]:
    """Return vectors by the place of their item."""
    return {row: vectors[item_id] for row, item_id in enumerate(item_ids) if item_id in vectors}
