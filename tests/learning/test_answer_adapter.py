"""Low-rank adapters of a tiny language model: they learn, are saved, and leave the model as it was."""

import json

import pytest

from ecomai.learning.exceptions import InvalidDataError, NotFittedError
from ecomai.learning.generation import LanguageModel
from ecomai.learning.generation.adapters import AnswerAdapter, perplexity
from tests.ecomai.generation.test_local import folder  # noqa: F401

QUESTIONS = ["blue mug ?", "stoneware ?", "a b c ?", "d e ?"]
ANSWERS = ["stoneware blue mug", "mug blue", "x y z", "z z y"]


def fitted(folder, **more):  # noqa: F811
    model = LanguageModel.load(str(folder), device="cpu")
    adapter = AnswerAdapter(max_epochs=60, batch_size=4, learning_rate=2e-2, **more)
    return model, adapter.fit(model, QUESTIONS, ANSWERS, device="cpu")


def test_answers_that_were_learned_surprise_less_also_after_saving(folder, tmp_path):  # noqa: F811
    before = perplexity(LanguageModel.load(str(folder), device="cpu"), QUESTIONS, ANSWERS)
    model, adapter = fitted(folder)
    after = perplexity(model, QUESTIONS, ANSWERS)
    assert after < 0.8 * before
    saved = adapter.save(tmp_path / "adapter")
    assert {path.suffix for path in saved.iterdir()} == {".safetensors", ".json"}
    loaded = LanguageModel.load(str(folder), device="cpu", adapter=str(saved))
    assert perplexity(loaded, QUESTIONS, ANSWERS) == pytest.approx(after, rel=1e-3)
    assert json.loads((saved / "adapter_config.json").read_text())["peft_type"] == "LORA"
    plain = LanguageModel.load(str(folder), device="cpu")
    assert perplexity(plain, QUESTIONS, ANSWERS) == pytest.approx(before), "the model itself stays as it was"


def test_few_weights_are_learned_and_the_same_ones_each_time(folder):  # noqa: F811
    model, adapter = fitted(folder, rank=2)
    _again, other = fitted(folder, rank=2)
    assert adapter.n_weights_ < sum(each.numel() for each in model.model.parameters()) / 3
    for (name, one), (_name, two) in zip(
        adapter.network_.state_dict().items(), other.network_.state_dict().items(), strict=True
    ):
        assert one.equal(two), name


def test_a_long_question_loses_its_beginning_and_never_its_answer(folder):  # noqa: F811
    from ecomai.learning.generation.adapters import Answers

    model = LanguageModel.load(str(folder), device="cpu")
    rows = Answers(model, ["a " * 300 + "mug"], ["stoneware blue"], max_length=20)
    ids, labels = rows.rows[0]
    said = [label for label in labels if label != -100]
    assert model.tokenizer.decode(said) == "stoneware blue </s>"
    assert len(ids) <= 20
    assert model.tokenizer.convert_tokens_to_ids("mug") in ids


def test_nothing_to_learn_from_is_refused(folder):  # noqa: F811
    model = LanguageModel.load(str(folder), device="cpu")
    with pytest.raises(InvalidDataError):
        AnswerAdapter().fit(model, [], [])
    with pytest.raises(NotFittedError):
        AnswerAdapter().save("x")
