"""The recogniser that comes with the package pocketsphinx: English, without anything to download."""

import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .ngrams import arpa_model
from .words import DIGITS, spoken_words, written_text

RATE = 16_000
LANGUAGES = ("en",)
_CHUNK = RATE  # a second
#: Part words of which an unknown word may be made have so many letters at least.
LEAST_PART = 3


class TooSlowError(Exception):
    """The time that was given is over."""


class SphinxRecogniser:
    """Hears what is like the phrases it was made with; without phrases, anything, and poorly.

    Parameters
    ----------
    phrases : iterable of str, optional
        What is likely to be said. Numbers of any digits are understood besides.
    """

    def __init__(self, phrases: Iterable[str] = ()) -> None:
        from pocketsphinx import Decoder, get_model_path

        self.decoder: Any = Decoder(
            hmm=get_model_path("en-us/en-us"), dict=get_model_path("en-us/cmudict-en-us.dict"),
            lm=get_model_path("en-us/en-us.lm.bin"), loglevel="FATAL", samprate=float(RATE),
        )  # fmt: skip
        self.n_unknown_ = 0
        if spoken := [words for phrase in phrases if (words := spoken_words(phrase))]:
            self._learn(spoken)

    def _learn(self, phrases: Sequence[Sequence[str]]) -> None:
        """Give the decoder a model of the phrases; a word that nobody can pronounce is left out."""
        sounds = {word: self._sounds(word) for words in phrases for word in words}
        for word, phones in sounds.items():
            if phones and not self.decoder.lookup_word(word):
                self.decoder.add_word(word, phones, False)
        self.n_unknown_ = sum(not phones for phones in sounds.values())
        known = [[word for word in words if sounds[word]] for words in phrases]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "phrases.arpa")
            path.write_text(arpa_model([*known, *number_phrases()]), encoding="utf-8")
            self.decoder.add_lm_file("shop", str(path))
        self.decoder.activate_search("shop")

    def _sounds(self, word: str) -> str:
        """Return how a word is spoken: from the dictionary, or as two words of it in a row."""
        if found := self.decoder.lookup_word(word):
            return str(found)
        for cut in range(len(word) - LEAST_PART, LEAST_PART - 1, -1):
            first, second = (self.decoder.lookup_word(part) for part in (word[:cut], word[cut:]))
            if first and second:
                return f"{first} {second}"
        return ""

    def transcribe(self, samples: NDArray[np.int16], *, seconds: float = 60.0) -> str:
        """Return what was said.

        Parameters
        ----------
        samples : int16 array of shape (n_samples,)
            16,000 a second.
        seconds : float, default 60
            How long it may take.

        Raises
        ------
        TooSlowError
            If it takes longer.
        """
        until = time.monotonic() + seconds
        self.decoder.start_utt()
        try:
            for start in range(0, len(samples), _CHUNK):
                self.decoder.process_raw(samples[start : start + _CHUNK].tobytes(), False, False)
                if time.monotonic() > until:
                    raise TooSlowError
        finally:
            self.decoder.end_utt()
        found = self.decoder.hyp()
        return written_text(found.hypstr.split()) if found else ""


def number_phrases() -> list[list[str]]:
    """Return phrases by which any digit may follow any other after words that numbers follow."""
    pairs = [[first, second] for first in DIGITS for second in DIGITS]
    return [[*words, *pair, *pair[::-1]] for pair in pairs for words in (["order"], ["order", "number"])]
