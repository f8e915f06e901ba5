"""What was said: heard with the shop's own phrases, or by a Whisper that the shop names."""

import io
import json
import wave

import numpy as np
import pytest

from ecomai.commerce.models import Item
from ecomai.registry.jobs import execute_job
from support_bot import hearing
from support_bot.benchmarks.speaking import find_synthesiser, speak
from support_bot.benchmarks.speech import speech, word_errors
from support_bot.exceptions import NoSpeechModelError
from support_bot.services import attachments
from support_bot.visitors import chat_visitor

pytestmark = pytest.mark.django_db
needs_voice = pytest.mark.skipif(
    find_synthesiser() is None, reason="no synthesiser (espeak-ng, espeak, flite) is on the PATH"
)


def recording(samples) -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setparams((1, 2, hearing.RATE, 0, "NONE", ""))
        file.writeframes(np.asarray(samples, dtype="<i2").tobytes())
    return written.getvalue()


@needs_voice
def test_a_recording_becomes_words_with_the_names_of_what_the_shop_sells(visitor):
    pytest.importorskip("pocketsphinx", reason="speech is heard with the extra “voice”")
    Item.objects.create(external_id="1", title="Stoneware mug", category_path="Home > Blankets")
    row = attachments.take_recording(visitor, content=recording(speak("do you have a stoneware mug")))
    execute_job(row.job_id)
    row.refresh_from_db()
    assert row.state == "read"
    assert "stoneware" in row.text
    assert bytes(row.content) == b""


@needs_voice
def test_a_language_that_nobody_hears_is_said(ada):
    chinese = chat_visitor(language="zh-hans")
    row = attachments.take_recording(chinese, content=recording(speak("hello there")))
    execute_job(row.job_id)
    row.refresh_from_db()
    assert (row.state, row.code) == ("failed", "no_speech_model")


def test_phrases_are_those_of_the_shop():
    Item.objects.create(external_id="1", title="Wool blanket", category_path="Home > Blankets")
    Item.objects.create(external_id="2", title="Withdrawn", is_active=False)
    Item.objects.create(external_id="3", title="羊毛毯")
    phrases = hearing.shop_phrases()
    assert "do you have Wool blanket" in phrases
    assert "Blankets" in phrases
    assert "where is my order" in phrases
    assert not any("Withdrawn" in phrase or "羊" in phrase for phrase in phrases)


@pytest.fixture(scope="module")
def tiny_whisper(tmp_path_factory):
    """A Whisper of few weights that knows nothing, saved as its makers save theirs."""
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("whisper")
    words = ["<|endoftext|>", *(chr(code) for code in range(33, 127)), "Ġ"]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = transformers.WhisperTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    config = transformers.WhisperConfig(
        vocab_size=len(tokenizer), num_mel_bins=8, d_model=16, encoder_layers=1, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16,
        pad_token_id=0, bos_token_id=0, eos_token_id=0, decoder_start_token_id=0,
        begin_suppress_tokens=None, suppress_tokens=None,
    )  # fmt: skip
    transformers.WhisperForConditionalGeneration(config).save_pretrained(folder / "model")
    sound = transformers.WhisperFeatureExtractor(feature_size=8)
    transformers.WhisperProcessor(sound, tokenizer).save_pretrained(folder / "model")
    return folder / "model"


def hum():
    return (9_000 * np.sin(np.arange(hearing.RATE) / 9)).astype(np.int16)


def test_a_whisper_that_is_named_hears_any_language(settings, tiny_whisper):
    hearing._whisper.cache_clear()
    settings.ECOMAI = settings.ECOMAI | {"SUPPORT_BOT": {"SPEECH_MODEL": str(tiny_whisper)}}
    heard = hearing.write_down(recording(hum()), language="zh-hans")
    assert heard == hearing.write_down(recording(hum()), language="en")
    assert isinstance(heard, str)


def test_a_whisper_that_is_away_is_said(settings, tmp_path):
    hearing._whisper.cache_clear()
    settings.ECOMAI = settings.ECOMAI | {"SUPPORT_BOT": {"SPEECH_MODEL": str(tmp_path / "away")}}
    with pytest.raises(NoSpeechModelError):
        hearing.write_down(recording(hum()), language="en")


@needs_voice
@pytest.mark.slow
def test_the_shops_own_phrases_halve_the_words_heard_wrongly():
    pytest.importorskip("pocketsphinx", reason="speech is heard with the extra “voice”")
    found = speech(None, device="cpu", seed=0, report=lambda *_said: None)
    assert found["metrics"]["word_error_rate"] < 0.5 * found["peers"]["general"]["word_error_rate"]


def test_errors_are_words_changed_missing_and_too_many():
    assert word_errors(["where", "is", "my", "order"], ["where", "is", "my", "order"]) == 0
    assert word_errors(["where", "is", "my", "order"], ["is", "my", "odour", "now"]) == 3
    assert word_errors(["a"], []) == word_errors([], ["a"]) == 1
