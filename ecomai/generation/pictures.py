"""Pictures of items: drawn or cut out in a worker by a model of the shop's own, and marked as such."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from ecomai.inference.pictures import open_picture

from .app_settings import app_settings
from .exceptions import (
    CutoutModelAwayError,
    NoFigureError,
    PictureModelAwayError,
    PictureWithheldError,
)
from .facts import Facts

if TYPE_CHECKING:
    from PIL.Image import Image

SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
#: What IPTC calls a picture that a model has made, one that it has drawn anew, and one that it has mended.
MADE, DRAWN_ANEW, MENDED = (
    "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicallyEnhanced",
)  # fmt: skip
#: Models with an encoder and decoder of latents want sides that are multiples of so many pixels.
STEP_PIXELS = 64
LONGEST_WORDS = 500
#: A cut-out keeps the size of its original up to so many pixels a side.
CUTOUT_SIDE = 2048
#: With less of a picture as its figure, or more, a model has found none.
FIGURE_SHARE = (0.005, 0.98)
WHITE = (255, 255, 255)


@dataclass(frozen=True)
class DrawnPicture:
    """A PNG file that says of itself what a model did to it."""

    content: bytes
    width: int
    height: int
    model: str


def is_configured() -> bool:
    return bool(app_settings.IMAGE_MODEL)


def can_cut_out() -> bool:
    return bool(app_settings.CUTOUT_MODEL)


def words_for(facts: Facts) -> str:
    """Return what a picture of an item should show: the item on white, and nothing that is not known."""
    known = [facts.title, facts.category, *(f"{name} {value}" for name, value in facts.attributes)]
    said = ", ".join(part for part in known if part)
    return f"product photo of {said}, plain white background, soft light"[:LONGEST_WORDS]


def draw_picture(
    words: str, *, original: bytes = b"", strength: float, seed: int,
    on_step: Callable[[float], None] | None = None,
) -> DrawnPicture:  # fmt: skip
    """Draw from words, or a picture anew. Only in a worker.

    Raises PictureModelAwayError where the model cannot be had, PictureWithheldError where its own filter
    keeps the picture back, and UnreadablePictureError for an original that is no picture.
    """
    side = app_settings.IMAGE_SIDE
    start = _fitting(open_picture(original, side=side)) if original else None
    model = _load(app_settings.IMAGE_MODEL, app_settings.LOCAL_DEVICE, start is not None)
    picture = model.draw(
        words, original=start, side=side, n_steps=app_settings.IMAGE_STEPS, strength=strength,
        random_state=seed, on_step=on_step,
    )  # fmt: skip
    if picture is None:
        raise PictureWithheldError
    name = _short(app_settings.IMAGE_MODEL)
    made = {
        "generated": True, "model": name, "words": words, "seed": seed, "from_picture": start is not None,
    }  # fmt: skip
    return _marked(picture, name, made, MADE if start is None else DRAWN_ANEW)


def cut_out(original: bytes, *, is_on_white: bool) -> DrawnPicture:
    """Take away what is behind the figure of a picture, which itself stays as it is. Only in a worker.

    Raises CutoutModelAwayError where the model cannot be had, NoFigureError where it finds no figure, and
    UnreadablePictureError for what is no picture.
    """
    from PIL import Image

    picture = open_picture(original, side=CUTOUT_SIDE)
    name = _short(app_settings.CUTOUT_MODEL)
    figure = _load_cutout(app_settings.CUTOUT_MODEL, app_settings.LOCAL_DEVICE).find_figure(picture)
    least, most = FIGURE_SHARE
    if not least <= float(figure.mean()) <= most:
        raise NoFigureError
    mask = Image.fromarray((255 * figure).round().astype("uint8"))
    if is_on_white:
        found = Image.composite(picture, Image.new("RGB", picture.size, WHITE), mask)
    else:
        found = picture.convert("RGBA")
        found.putalpha(mask)
    made = {"generated": False, "edited": "background removed", "model": name}
    return _marked(found, name, made, MENDED)


def _short(model: str) -> str:
    """A folder or an organisation is nobody's business."""
    return model.rstrip("/").rsplit("/", 1)[-1]


def _load_cutout(name: str, device: str) -> Any:
    if not name:
        raise CutoutModelAwayError(cause="no model is named")
    try:
        return _cutout_model(name, device)
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        raise CutoutModelAwayError(cause=type(error).__name__) from error


@lru_cache(maxsize=1)
def _cutout_model(name: str, device: str) -> Any:
    from ecomai.learning.generation.cutout_model import CutoutModel

    return CutoutModel.load(name, device=device)


def _load(name: str, device: str, is_from_picture: bool) -> Any:
    if not name:
        raise PictureModelAwayError(cause="no model is named")
    try:
        return _model(name, device, is_from_picture)
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        raise PictureModelAwayError(cause=type(error).__name__) from error


@lru_cache(maxsize=1)
def _model(name: str, device: str, is_from_picture: bool) -> Any:
    # torch and diffusers come with it, so it is loaded where a worker draws and nowhere else.
    from ecomai.learning.generation.picture_model import PictureModel

    return PictureModel.load(name, is_from_picture=is_from_picture, device=device)


def _fitting(picture: "Image") -> "Image":
    """Return a picture whose sides a model can take."""
    width, height = (max(side // STEP_PIXELS, 1) * STEP_PIXELS for side in picture.size)
    return picture.resize((width, height))


def _marked(picture: "Image", model: str, made: dict[str, Any], source_type: str) -> DrawnPicture:
    """Write a PNG of which programs, search engines and people can tell what a model did, by its metadata."""
    from PIL.PngImagePlugin import PngInfo

    marks = PngInfo()
    marks.add_itxt("Software", "ecomai")
    marks.add_itxt("Comment", json.dumps(made, ensure_ascii=False))
    marks.add_itxt("XML:com.adobe.xmp", _xmp(SOURCE_TYPES + source_type, model))
    written = io.BytesIO()
    picture.save(written, format="PNG", pnginfo=marks, optimize=True)
    return DrawnPicture(written.getvalue(), picture.width, picture.height, model)


def _xmp(source_type: str, model: str) -> str:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        ' xmlns:xmp="http://ns.adobe.com/xap/1.0/">'
        f"<Iptc4xmpExt:DigitalSourceType>{source_type}</Iptc4xmpExt:DigitalSourceType>"
        f"<xmp:CreatorTool>{escape(model)}</xmp:CreatorTool></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
