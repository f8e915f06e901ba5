"""What was said in a recording: checked when it comes, written down in a worker."""

import io
import wave
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np
from django.db.models import Count
from numpy.typing import NDArray

from ecomai.commerce.models import Item

from .app_settings import app_settings
from .exceptions import NoSpeechModelError, NotARecordingError, RecordingTooLongError, SilentRecordingError
from .selectors import active_phrases

RATE = 16_000
#: Quieter than this share of the loudest possible nobody speaks, and shorter than this there is no word.
LEAST_LOUDNESS, LEAST_SECONDS = 0.004, 0.2
_FRAME = RATE // 50  # 20 ms
MOST_TITLES, LONGEST_TITLE = 2_000, 8
#: What customers say of a product.
CARRIERS = (
    "", "do you have", "do you have a", "i want to return the", "how much is the", "i am looking for a",
    "where is my", "is the",
)  # fmt: skip


def read_recording(content: bytes) -> NDArray[np.int16]:
    """Return the samples of a WAV file: PCM, 16 bits, 16,000 a second, mono, as the widget makes it.

    Raises NotARecordingError, RecordingTooLongError and SilentRecordingError.
    """
    try:
        with wave.open(io.BytesIO(content)) as found:
            form = (found.getnchannels(), found.getsampwidth(), found.getframerate(), found.getcomptype())
            if form != (1, 2, RATE, "NONE"):
                raise NotARecordingError()
            # What the header claims is not believed: so much is read, and no more.
            raw = found.readframes(app_settings.VOICE_SECONDS * RATE + 1)
    except (wave.Error, EOFError, ValueError, OverflowError, MemoryError):
        raise NotARecordingError() from None
    samples = np.frombuffer(raw[: len(raw) // 2 * 2], dtype="<i2").astype(np.int16)
    if len(samples) > app_settings.VOICE_SECONDS * RATE:
        raise RecordingTooLongError(seconds=app_settings.VOICE_SECONDS)
    if is_silent(samples):
        raise SilentRecordingError()
    return samples


def is_silent(samples: NDArray[np.int16]) -> bool:
    """Whether no part of it, a tenth of a second in all, is as loud as somebody who speaks."""
    if len(samples) < LEAST_SECONDS * RATE:
        return True
    frames = samples[: len(samples) // _FRAME * _FRAME].astype(np.float64).reshape(-1, _FRAME)
    frames -= frames.mean(axis=1, keepdims=True)
    loudness = np.sqrt((frames**2).mean(axis=1)) / 32768
    return bool((loudness > LEAST_LOUDNESS).sum() < 5)


def write_down(content: bytes, *, language: str, storefront: str = "") -> str:
    """Return what was said. Only in a worker.

    Raises NoSpeechModelError where nothing here hears the language, and what `read_recording` raises.
    """
    samples = read_recording(content)
    seconds = app_settings.HEARING_SECONDS
    if app_settings.SPEECH_MODEL:
        return str(_whisper(app_settings.SPEECH_MODEL).transcribe(samples, seconds=seconds))
    if language and not language.startswith("en"):
        raise NoSpeechModelError()
    try:
        recogniser = _sphinx(shop_phrases(storefront))
    except ImportError:
        raise NoSpeechModelError() from None
    from ecomai.learning.speech.sphinx import TooSlowError

    try:
        return str(recogniser.transcribe(samples, seconds=seconds))
    except TooSlowError:
        raise RecordingTooLongError(seconds=app_settings.VOICE_SECONDS) from None


def shop_phrases(storefront: str = "") -> tuple[str, ...]:
    """Return what is likely to be said: phrases of intents, and what sells, as customers speak of it."""
    said = [text for text, _intent in active_phrases() if text.isascii()]
    items = Item.objects.filter(storefront=storefront, is_active=True).exclude(title="")
    sold = items.annotate(n=Count("order_lines")).order_by("-n", "pk").values_list("title", "category_path")
    names = dict.fromkeys(
        name
        for title, category in islice(sold.iterator(), MOST_TITLES)
        for name in (_short(title), _short(category.rsplit(" > ", 1)[-1]))
        if name.isascii()
    )
    return (*said, *(f"{carrier} {name}".strip() for name in names if name for carrier in CARRIERS))


def _short(title: str) -> str:
    return " ".join(title.split()[:LONGEST_TITLE])


@lru_cache(maxsize=2)
def _sphinx(phrases: tuple[str, ...]) -> Any:
    from ecomai.learning.speech.sphinx import SphinxRecogniser

    return SphinxRecogniser(phrases)


@lru_cache(maxsize=1)
def _whisper(name: str) -> Any:
    # torch comes with it, so it is loaded where a worker hears and nowhere else.
    from ecomai.learning.speech.whisper import WhisperRecogniser

    try:
        return WhisperRecogniser.load(name)
    except (ImportError, OSError, ValueError) as error:
        raise NoSpeechModelError() from error
