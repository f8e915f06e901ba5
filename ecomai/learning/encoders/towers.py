"""The two halves of a CLIP or SigLIP model, each with what makes its output a vector to compare.

Letters of shapes: `B` batch, `T` tokens, `D` features.
"""

from typing import Any

import torch
from torch import Tensor, nn


class Tower(nn.Module):
    """Base of both: a vector of length 1, counted from the middle of the shop's."""

    def __init__(self, backbone: Any, n_features: int) -> None:
        super().__init__()
        self.backbone = backbone
        # Not persistent: estimators save it as what was learned.
        self.register_buffer("centre", torch.zeros(n_features), persistent=False)

    def finish(self, features: Tensor) -> Tensor:  # (B, D) -> (B, D)
        """Take the middle of all vectors away from B of them (B, D), and scale them to length 1."""
        unit = nn.functional.normalize(features, dim=-1)
        # What is the middle itself says nothing; scaled up, its rounding errors would.
        return nn.functional.normalize(unit - self.centre, dim=-1, eps=1e-3)


class PictureTower(Tower):
    """Vectors of pictures."""

    def forward(self, pixel_values: Tensor) -> Tensor:  # (B, 3, height, width) -> (B, D)
        """Return a vector for each picture, as `finish` does: (B, 3, height, width), prepared, to (B, D)."""
        return self.finish(self.backbone.get_image_features(pixel_values=pixel_values).pooler_output)


class WordTower(Tower):
    """Vectors of texts, in the space of the pictures'."""

    def forward(self, input_ids: Tensor) -> Tensor:  # (B, T) -> (B, D)
        """Return a vector for each text's token ids, as `finish` does: (B, T) to (B, D)."""
        return self.finish(self.backbone.get_text_features(input_ids=input_ids).pooler_output)
