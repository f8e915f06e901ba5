"""A language model of the shop's own, made tiny and at random here, loaded by the code that loads any."""

import pytest

from ecomai.generation.composers import CompositionRequest
from ecomai.generation.composers.local import LocalComposer, load_model
from ecomai.generation.exceptions import ComposerAwayError
from ecomai.generation.facts import Facts
from ecomai.generation.services import compose

pytestmark = pytest.mark.django_db
WORDS = ["<pad>", "</s>", "<unk>", *"abcdefghijklmnopqrstuvwxyz", "mug", "blue", "stoneware"]


def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate(WORDS)}
    raw = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )


@pytest.fixture(params=["causal", "seq2seq"])
def folder(request, tmp_path):
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, T5Config, T5ForConditionalGeneration

    torch.manual_seed(0)
    ids = {"pad_token_id": 0, "eos_token_id": 1}
    if request.param == "causal":
        sizes = {"n_positions": 512, "n_embd": 16, "n_layer": 1, "n_head": 2}
        model = GPT2LMHeadModel(GPT2Config(vocab_size=len(WORDS), bos_token_id=1, **sizes, **ids))
    else:
        sizes = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2}
        model = T5ForConditionalGeneration(
            T5Config(vocab_size=len(WORDS), decoder_start_token_id=0, **sizes, **ids)
        )
    model.save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    return tmp_path


@pytest.fixture
def local(settings, shipped):
    def configure(model):
        settings.ECOMAI = settings.ECOMAI | {
            "GENERATION": {
                "COMPOSER": "local", "LOCAL_MODEL": str(model), "LOCAL_DEVICE": "cpu", "MAX_NEW_TOKENS": 12,
                "TEMPERATURE": 0,
            }
        }  # fmt: skip
        load_model.cache_clear()

    yield configure
    load_model.cache_clear()


REQUEST = CompositionRequest(
    purpose="test.title", language="en", most=80, facts=Facts(title="Stoneware mug", brand="Ember & Co")
)


def test_any_model_is_loaded_and_writes_the_same_each_time(folder):
    from ecomai.learning.generation import LanguageModel

    messages = [{"role": "system", "content": "write"}, {"role": "user", "content": "blue mug"}]
    first = LanguageModel.load(str(folder), device="cpu").generate(messages, max_new_tokens=8)
    again = LanguageModel.load(str(folder), device="cpu").generate(messages, max_new_tokens=8)
    assert first == again
    assert set(first.split()) <= set(WORDS)


def test_what_a_random_model_writes_is_held_against_the_facts(folder, local):
    local(folder)
    found = compose(REQUEST, in_worker=True)
    # Random words are no facts: either they were withheld, or they are nothing but the facts' own words.
    assert found.texts[0].text
    if found.composer == "grounded":
        assert found.fallback in ("all_withheld", "empty answer")
        assert found.texts[0].text == "Stoneware mug by Ember & Co"


def test_nothing_is_loaded_outside_of_a_worker(local, tmp_path):
    local(tmp_path / "is not even there")
    found = compose(REQUEST)
    assert (found.composer, found.fallback) == ("grounded", "only_in_worker")
    assert load_model.cache_info().misses == 0


def test_a_model_that_is_not_there_falls_back(local, tmp_path):
    local(tmp_path)
    found = compose(REQUEST, in_worker=True)
    assert found.composer == "grounded"
    assert found.fallback


def test_weights_that_are_pickled_are_not_read(folder, local):
    weights = folder / "model.safetensors"
    weights.rename(folder / "pytorch_model.bin")
    local(folder)
    with pytest.raises(ComposerAwayError):
        LocalComposer().compose(REQUEST)
