"""Speech: language models of few phrases, numbers as they are said, and a recogniser that knows the shop."""

import math
import re
import subprocess

import numpy as np
import pytest

from ecomai.learning.speech.ngrams import END, START, arpa_model
from ecomai.learning.speech.words import spoken_words, written_text
from support_bot.benchmarks.speaking import find_synthesiser, speak

PHRASES = [text.split() for text in ("where is my order", "where is my parcel", "cancel my order")]


def read_arpa(text):
    """Return log probabilities and back-off weights of a model, as a recogniser reads them."""
    found, backoffs, n = {}, {}, 0
    for line in text.splitlines():
        if section := re.fullmatch(r"\\(\d)-grams:", line):
            n = int(section[1])
        elif n and line and not line.startswith("\\"):
            value, *words = line.split()
            found[tuple(words[:n])] = float(value)
            backoffs[tuple(words[:n])] = float(words[n]) if len(words) > n else 0.0
    return found, backoffs


def probability(found, backoffs, gram):
    if gram in found:
        return 10 ** found[gram]
    return 10 ** backoffs.get(gram[:-1], 0.0) * probability(found, backoffs, gram[1:])


def test_after_each_history_probabilities_sum_to_one():
    found, backoffs = read_arpa(arpa_model(PHRASES))
    words = [gram[0] for gram in found if len(gram) == 1 and gram != (START,)]
    for history in [(), ("my",), ("is", "my"), (START,), (START, "where"), ("order", "my")]:
        total = sum(probability(found, backoffs, (*history, word)) for word in words)
        assert math.isclose(total, 1.0, abs_tol=2e-3), history


def test_what_was_said_is_likelier_than_what_was_not():
    found, backoffs = read_arpa(arpa_model(PHRASES))
    said, unsaid = (probability(found, backoffs, ("is", "my", word)) for word in ("parcel", "cancel"))
    assert said > 5 * unsaid > 0
    assert probability(found, backoffs, ("my", "order", END)) > 0.5


def test_counts_are_those_of_the_sections():
    text = arpa_model(PHRASES)
    found, _backoffs = read_arpa(text)
    for n in (1, 2, 3):
        assert f"ngram {n}={sum(len(gram) == n for gram in found)}" in text


def test_without_a_word_there_is_no_model():
    with pytest.raises(ValueError, match="word"):
        arpa_model([[], []])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Where's order #40?", ["where's", "order", "four", "zero"]),
        ("A 7-piece set", ["a", "seven", "piece", "set"]), ("你好, 42", ["你好", "four", "two"]), ("?!", []),
    ],
)  # fmt: skip
def test_words_are_as_they_are_spoken(text, words):
    assert spoken_words(text) == words


def test_several_digits_are_a_number_and_one_is_a_word():
    assert written_text(["order", "one", "oh", "two", "for", "one", "cup"]) == "order 102 for one cup"
    assert written_text(["my", "number", "is", "nine", "nine"]) == "my number is 99"


# -- the recogniser -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop():
    pytest.importorskip("pocketsphinx", reason="speech is heard with the extra “voice”")
    if find_synthesiser() is None:
        pytest.skip("no synthesiser (espeak-ng, espeak, flite) is on the PATH")
    from ecomai.learning.speech.sphinx import SphinxRecogniser

    phrases = ["where is my order", "cancel my order", "where is my refund", "do you have a stoneware mug"]
    return SphinxRecogniser(phrases)


def test_the_shops_phrases_are_heard_and_numbers_written_as_figures(shop):
    assert shop.transcribe(speak("where is my refund")) == "where is my refund"
    heard = shop.transcribe(speak("cancel my order"))
    assert heard == "cancel my order"
    assert "order" in shop.transcribe(speak("where is my order 4 0 2 1"))


def test_a_word_of_two_known_words_is_known(shop):
    assert shop.n_unknown_ == 0
    assert "stoneware" in shop.transcribe(speak("do you have a stoneware mug"))


def test_who_is_too_slow_is_stopped_and_can_hear_again(shop):
    from ecomai.learning.speech.sphinx import TooSlowError

    sound = np.tile(speak("where is my order"), 5)
    with pytest.raises(TooSlowError):
        shop.transcribe(sound, seconds=0.0)
    assert shop.transcribe(speak("cancel my order")) == "cancel my order"


def test_noise_is_no_error(shop):
    noise = np.random.default_rng(0).integers(-300, 300, 16_000).astype(np.int16)
    assert isinstance(shop.transcribe(noise), str)
    assert shop.transcribe(np.empty(0, dtype=np.int16)) == ""


def test_a_synthesiser_that_is_killed_is_an_error_and_no_silence(monkeypatch):
    if find_synthesiser() is None:
        pytest.skip("no synthesiser (espeak-ng, espeak, flite) is on the PATH")
    monkeypatch.setattr("support_bot.benchmarks.speaking.find_synthesiser", lambda: ["false"])
    with pytest.raises(subprocess.CalledProcessError):
        speak("hello")
