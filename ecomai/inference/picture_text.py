"""The text in a picture, such as of a receipt, read by rapidocr, which brings its models along."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # Pillow and rapidocr are there only where pictures are read
    from PIL.Image import Image

#: Lines of which the reader is less sure are left out.
LEAST_SCORE = 0.6


@dataclass(frozen=True)
class Line:
    """One line of text; `score` says how sure the reader is, 0 to 1."""

    text: str
    score: float


def read_lines(picture: "Image", *, least_score: float = LEAST_SCORE) -> list[Line]:
    """Return the lines of text in a picture, from the top to the bottom.

    Parameters
    ----------
    picture : PIL.Image.Image
        In RGB.
    least_score : float in [0, 1], default 0.6
        Lines below it are left out.

    Returns
    -------
    list of Line
        Empty where there is no text.

    Raises
    ------
    ImportError
        If rapidocr is not installed.
    """
    found = _reader()(np.asarray(picture.convert("RGB"))[:, :, ::-1].copy())  # it reads BGR
    texts, scores = found.txts or (), found.scores or ()
    lines = (Line(str(text).strip(), float(score)) for text, score in zip(texts, scores, strict=True))
    return [line for line in lines if line.text and line.score >= least_score]


@lru_cache(maxsize=1)
def _reader() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(params={"Global.log_level": "error"})
