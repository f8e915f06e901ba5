"""Pictures: opened with care, and prepared for an encoder, in training and serving alike."""

import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # Pillow is there only where pictures are used
    from PIL.Image import Image

# Told by their content, whatever a name or header says; none that Pillow hands to another program.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF")
MAX_PIXELS = 50_000_000  # more than telephones take; decoded, they need 150 MB
#: No encoder looks at more; all pictures go through this size, those of items and those that are searched by.
KEPT_SIDE = 512


class UnreadablePictureError(ValueError):
    """The content is no picture that can be read. `reason` is `empty`, `not_a_picture`, `too_many_pixels` or
    `broken`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def open_picture(content: bytes, *, max_pixels: int = MAX_PIXELS, side: int = KEPT_SIDE) -> "Image":
    """Decode a picture, turned as its camera was held, on white where it is transparent.

    Parameters
    ----------
    content : bytes
        A file's content.
    max_pixels : int, default 50,000,000
        What claims to have more is not decoded: a small file can hold a huge picture.
    side : int, default 512
        A larger picture is made smaller, until its longer side has so many pixels.

    Returns
    -------
    PIL.Image.Image
        In RGB. Of an animation, its first picture.

    Raises
    ------
    UnreadablePictureError
        If there is nothing, no picture, a damaged one, or one with too many pixels.
    """
    from PIL import Image, ImageOps

    if not content:
        raise UnreadablePictureError("empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the size is judged below, and broken metadata is no harm
            found = Image.open(io.BytesIO(content), formats=_formats())
            if found.width * found.height > max_pixels:
                raise UnreadablePictureError("too_many_pixels")
            # A JPEG can be decoded at a fraction of its size; twice the side leaves enough to reduce well.
            found.draft("RGB", (2 * side, 2 * side))
            found.load()
            picture = _on_white(ImageOps.exif_transpose(found))
            picture.thumbnail((side, side), Image.Resampling.LANCZOS)
            return picture
    except UnreadablePictureError:
        raise
    except Image.DecompressionBombError:
        raise UnreadablePictureError("too_many_pixels") from None
    except Image.UnidentifiedImageError:
        raise UnreadablePictureError("not_a_picture") from None
    except Exception:  # decoders raise whatever they stumble over
        raise UnreadablePictureError("broken") from None


def check_picture(content: bytes, *, max_pixels: int = MAX_PIXELS) -> None:
    """Look at the beginning of a picture alone, which takes no time: what it is, and how large.

    Parameters
    ----------
    content, max_pixels
        As in `open_picture`.

    Raises
    ------
    UnreadablePictureError
        As in `open_picture`, but for damage that decoding alone finds.
    """
    from PIL import Image

    if not content:
        raise UnreadablePictureError("empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=_formats()) as found:
                n_pixels = found.width * found.height
    except Image.DecompressionBombError:
        raise UnreadablePictureError("too_many_pixels") from None
    except Image.UnidentifiedImageError:
        raise UnreadablePictureError("not_a_picture") from None
    except Exception:  # decoders raise whatever they stumble over
        raise UnreadablePictureError("broken") from None
    if n_pixels > max_pixels:
        raise UnreadablePictureError("too_many_pixels")


def picture_type(content: bytes) -> str:
    """Return the media type of a picture that `check_picture` has let pass, told by its content."""
    from PIL import Image

    with Image.open(io.BytesIO(content), formats=_formats()) as found:
        return Image.MIME[found.format or ""]


@cache
def _formats() -> tuple[str, ...]:
    """Return those of our formats that this Pillow was built with."""
    from PIL import Image

    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _on_white(picture: "Image") -> "Image":
    from PIL import Image

    if not picture.has_transparency_data:
        return picture.convert("RGB")
    ground = Image.new("RGBA", picture.size, "white")
    ground.alpha_composite(picture.convert("RGBA"))
    return ground.convert("RGB")


@dataclass(frozen=True)
class Preparation:
    """What an encoder's pictures look like: sizes in pixels, and how colours become numbers.

    Attributes
    ----------
    height, width : int
        Of what the encoder reads.
    shortest : int
        The shorter side is made so long, and the middle is cut out; 0: the picture is pressed into the size.
    resample : int
        Pillow's number of the method.
    scale : float
        What values from 0 to 255 are multiplied by.
    mean, std : tuple of 3 float
        Of each colour; taken away, then divided by.
    """

    height: int
    width: int
    shortest: int
    resample: int
    scale: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        mean, std = (tuple(map(float, values[name])) for name in ("mean", "std"))
        return cls(**{**values, "mean": mean, "std": std})

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def __call__(self, pictures: Sequence["Image"]) -> NDArray[np.float32]:
        """Return pictures as float32 of shape (n_pictures, 3, height, width)."""
        prepared = np.empty((len(pictures), 3, self.height, self.width), dtype=np.float32)
        mean, std = (np.array(values, dtype=np.float32) for values in (self.mean, self.std))
        for row, picture in enumerate(pictures):
            pixels = np.asarray(self.cut(picture), dtype=np.float32) * np.float32(self.scale)  # (H, W, 3)
            prepared[row] = ((pixels - mean) / std).transpose(2, 0, 1)
        return prepared

    def cut(self, picture: "Image") -> "Image":
        """Return a picture in the size that is read."""
        picture = picture.convert("RGB")
        if not self.shortest:
            return picture.resize((self.width, self.height), self.resample)
        short, long = sorted(picture.size)
        longer = int(self.shortest * long / short)
        is_upright = picture.width <= picture.height
        size = (self.shortest, longer) if is_upright else (longer, self.shortest)
        picture = picture.resize(size, self.resample)
        left, top = (picture.width - self.width) // 2, (picture.height - self.height) // 2
        return picture.crop((left, top, left + self.width, top + self.height))
