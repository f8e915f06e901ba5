"""Pictures as other cameras would have taken them: cut, mirrored, turned, in another light."""

import numpy as np
from PIL import Image, ImageEnhance


def changed(picture: Image.Image, rng: np.random.Generator, strength: float) -> Image.Image:
    """Return a picture of the same thing.

    Parameters
    ----------
    picture : PIL.Image.Image
        In RGB.
    rng : numpy Generator
    strength : float in [0, 1]
        0 leaves it as it is. At 1, half of each side may be cut away, it is turned by up to 15 degrees, and
        light, contrast and colours change by up to 40 %.

    Returns
    -------
    PIL.Image.Image
        Smaller where something was cut away.

    Examples
    --------
    >>> changed(Image.new("RGB", (8, 8)), np.random.default_rng(0), 0).size
    (8, 8)
    """
    if strength <= 0:
        return picture
    picture = _cut(picture, rng, strength)
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    edge = tuple(int(value) for value in np.asarray(picture)[0, 0])  # so that no corner turns black
    angle = float(rng.uniform(-15, 15)) * strength
    picture = picture.rotate(angle, Image.Resampling.BILINEAR, fillcolor=edge)
    for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        picture = change(picture).enhance(float(1 + rng.uniform(-0.4, 0.4) * strength))
    return picture


def _cut(picture: Image.Image, rng: np.random.Generator, strength: float) -> Image.Image:
    width, height = (max(1, round(side * rng.uniform(1 - 0.5 * strength, 1))) for side in picture.size)
    left = int(rng.integers(0, picture.width - width + 1))
    top = int(rng.integers(0, picture.height - height + 1))
    return picture.crop((left, top, left + width, top + height))
