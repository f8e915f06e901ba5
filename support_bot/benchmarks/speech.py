"""`speech`: how many words of shop phrases are heard wrongly, with and without the shop's language model."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ecomai.benchmarking import Report
from ecomai.exceptions import InvalidInputError

from ..understanding.starter import STARTER, starter_examples
from .speaking import RATE, find_synthesiser, speak

#: Said by nobody else in the run: the language model is built from the shipped phrases and these names.
NAMES = ("stoneware mug", "blue kettle", "wool blanket", "garden gloves", "candle holder")
SAID = (
    "where is my order", "has my parcel been shipped", "my order has not arrived yet",
    "can you track order 5 8 2 1 3", "when will my package arrive", "please cancel my order",
    "I want to cancel what I bought", "stop order 9 9 1 2 0 before it ships", "I ordered it by mistake",
    "I want to return the stoneware mug", "how do I send something back", "the blue kettle arrived broken",
    "can I exchange it for another size", "where is my refund", "when do I get my money back",
    "I need an invoice for my order", "send me the receipt please", "my card was declined",
    "I was charged twice for one order", "how much is delivery", "do you deliver on Saturday",
    "do you have a wool blanket", "I am looking for garden gloves", "how much is the candle holder",
    "I forgot my password", "change the address of my order", "I moved to a new address",
    "I want to talk to a person", "this is not what I ordered", "do you have the stoneware mug in blue",
)  # fmt: skip
CARRIERS = ("", "do you have a", "i want to return the", "how much is the", "i am looking for")


def speech(data: Path | None, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Speak 30 phrases, of which few stand word for word in the language model, and compare what is heard.

    `word_error_rate` counts words that are changed, missing or too many, of the words that were said.
    """
    command = find_synthesiser()
    if command is None:
        raise InvalidInputError(reason="no synthesiser (espeak-ng, espeak or flite) is on the PATH.")
    from ecomai.learning.speech.sphinx import SphinxRecogniser

    report(0.05, "speaking")
    sounds = [speak(text) for text in SAID]
    phrases = shipped_phrases()
    rows = {}
    for number, (name, known) in enumerate({"general": (), "shop": phrases}.items()):
        report(0.2 + 0.4 * number, name)
        rows[name] = _measure(SphinxRecogniser(known), sounds)
    exact = {text.lower() for text in phrases}
    seconds = round(sum(map(len, sounds)) / RATE, 1)
    return {
        "metrics": rows["shop"], "rows": {}, "peers": {"general": rows["general"]}, "splits": {},
        "settings": {
            "n_phrases": len(SAID), "n_known_word_for_word": sum(text.lower() in exact for text in SAID),
            "synthesiser": Path(command[0]).name, "seconds_of_speech": seconds,
        },
    }  # fmt: skip


def shipped_phrases() -> list[str]:
    said = [text for intent in STARTER for text in starter_examples(intent, "en")]
    return [*said, *(f"{carrier} {name}".strip() for name in NAMES for carrier in CARRIERS)]


def _measure(recogniser: Any, sounds: Sequence[Any]) -> dict[str, float]:
    from ecomai.learning.speech.words import spoken_words

    began = time.monotonic()
    heard = [recogniser.transcribe(sound) for sound in sounds]
    seconds = time.monotonic() - began
    pairs = [(spoken_words(said), spoken_words(found)) for said, found in zip(SAID, heard, strict=True)]
    n_words = sum(len(said) for said, _found in pairs)
    return {
        "word_error_rate": round(sum(word_errors(*pair) for pair in pairs) / n_words, 4),
        "phrases_right": round(sum(said == found for said, found in pairs) / len(pairs), 4),
        "seconds_a_phrase": round(seconds / len(pairs), 3),
    }


def word_errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """Return the least number of words to change, add or take away.

    Examples
    --------
    >>> word_errors(["where", "is", "my", "order"], ["where", "my", "odour"])
    2
    """
    costs = list(range(len(heard) + 1))
    for row, word in enumerate(said, start=1):
        before, costs[0] = costs[0], row
        for column, other in enumerate(heard, start=1):
            before, costs[column] = (
                costs[column],
                min(costs[column] + 1, costs[column - 1] + 1, before + (word != other)),
            )
    return costs[-1]
