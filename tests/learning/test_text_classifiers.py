"""The contract of classifiers of texts, held against each of them, and what the ensemble adds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecomai.learning.classifiers.text_base import TextClassifier
from ecomai.learning.classifiers.text_ensemble import TextEnsemble
from ecomai.learning.classifiers.text_pieces import PiecesTextClassifier
from ecomai.learning.classifiers.text_transformer import TransformerTextClassifier
from ecomai.learning.exceptions import FormatVersionError, InvalidDataError, NotFittedError
from ecomai.learning.metrics.classification import expected_calibration_error, roc_auc

TINY: dict[str, Any] = {
    "max_epochs": 4, "learning_rate": 1e-2, "is_narrow": False, "device": "cpu", "max_length": 16,
}  # fmt: skip
#: All are words of the tiny encoder; "red" and "blue" decide.
FILLERS = ("dress", "shirt", "shoes", "mug", "plate", "lamp", "for", "the", "summer", "winter", "of")
#: The same in a script that it does not know.
CHINESE = ("连衣裙", "衬衫", "鞋子", "杯子", "盘子", "台灯", "夏天", "冬天", "今天", "这个", "那个")
MAKERS: list[Callable[[str], TextClassifier]] = [
    lambda model: PiecesTextClassifier(),
    lambda model: PiecesTextClassifier(has_letters=False),
    lambda model: TransformerTextClassifier(model, **TINY),
    lambda model: TextEnsemble(model, **TINY),
]
text_classifier = pytest.mark.parametrize("make", MAKERS, ids=["pieces", "words", "transformer", "ensemble"])


def labelled(
    n: int = 300, seed: int = 0, fillers: tuple[str, ...] = FILLERS, words: tuple[str, str] = ("blue", "red")
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Texts of one word that decides among others that do not; a third are ones, and a grade goes along."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 1 / 3).astype(int)
    gap = "" if fillers is CHINESE else " "
    texts = [gap.join([*rng.choice(fillers, 3), words[label], *rng.choice(fillers, 2)]) for label in y]
    return texts, y, np.where(y == 1, 0.25 * rng.integers(0, 2, n), 0.75 + 0.25 * rng.integers(0, 2, n))


@text_classifier
def test_it_learns_the_word_that_decides(make: Callable[[str], TextClassifier], tiny_model: str) -> None:
    texts, y, grades = labelled()
    model = make(tiny_model)
    assert model.fit(texts, y, grades=grades) is model
    other, other_y, _grades = labelled(100, seed=1)
    found = model.predict_proba(other)
    assert found.shape == (100, 2)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert roc_auc(other_y, found[:, 1]) > 0.99
    assert model.predict_proba([]).shape == (0, 2)


@text_classifier
def test_a_judgement_before_fit_is_refused(make: Callable[[str], TextClassifier], tiny_model: str) -> None:
    with pytest.raises(NotFittedError):
        make(tiny_model).predict_proba(["mug"])


@text_classifier
def test_a_second_fit_forgets_the_first(make: Callable[[str], TextClassifier], tiny_model: str) -> None:
    first, second = labelled(60), labelled(260, seed=2)
    refitted = make(tiny_model).fit(*first[:2], grades=first[2]).fit(*second[:2])
    fresh = make(tiny_model).fit(*second[:2])
    np.testing.assert_array_equal(refitted.columns(first[0]), fresh.columns(first[0]))


@text_classifier
def test_a_saved_classifier_judges_the_same(
    make: Callable[[str], TextClassifier], tiny_model: str, tmp_path: Path
) -> None:
    texts, y, grades = labelled(320)
    model = make(tiny_model).fit(texts, y, grades=grades)
    loaded = type(model).load(model.save(tmp_path))
    np.testing.assert_array_equal(loaded.columns(texts), model.columns(texts))
    assert loaded.get_params() == model.get_params()
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} <= {".json", ".safetensors"}
    with pytest.raises(FormatVersionError):
        next(kind for kind in (PiecesTextClassifier, TextEnsemble) if kind is not type(model)).load(tmp_path)


@text_classifier
def test_a_judgement_does_not_depend_on_the_other_texts(
    make: Callable[[str], TextClassifier], tiny_model: str
) -> None:
    texts, y, _grades = labelled(260)
    model = make(tiny_model).fit(texts, y)
    some = ["red mug", "the dress of the summer for the winter", "", "!!!", "红色"]
    together = model.decision_function(some)
    np.testing.assert_allclose(together, model.decision_function(some[::-1])[::-1], atol=1e-5)
    alone = [model.decision_function([text])[0] for text in some]
    np.testing.assert_allclose(together, alone, atol=1e-5)


@text_classifier
def test_what_is_no_labelled_text_is_refused(make: Callable[[str], TextClassifier], tiny_model: str) -> None:
    texts, y, grades = labelled(20)
    wrong: list[tuple[Any, Any, Any]] = [
        ("red", y, None), ([1] * 20, y, None), (texts, y[:9], None), (texts, y + 1, None),
        (texts, y * 0, None), (texts, y, grades + 1), (texts, y, grades[:3]), (texts, y, grades * np.nan),
    ]  # fmt: skip
    for given, labels, known in wrong:
        with pytest.raises(InvalidDataError):
            make(tiny_model).fit(given, labels, grades=known)


def test_texts_without_words_are_refused() -> None:
    with pytest.raises(InvalidDataError, match="no words"):
        PiecesTextClassifier(has_letters=False).fit(["!", "?", "!!", "??"], [0, 1, 0, 1])


def test_a_cancelled_or_killed_transformer_goes_on_where_it_was(tiny_model: str, tmp_path: Path) -> None:
    """A training with checkpoints ends with the same weights as one without."""
    texts, y, grades = labelled(80)
    plain = TransformerTextClassifier(tiny_model, **TINY).fit(texts, y, grades=grades)
    kept = TransformerTextClassifier(tiny_model, **TINY).fit(
        texts, y, grades=grades, checkpoint_folder=tmp_path
    )
    np.testing.assert_array_equal(plain.columns(texts), kept.columns(texts))


def test_the_epoch_that_orders_the_validation_texts_best_is_kept(tiny_model: str) -> None:
    texts, y, _grades = labelled(120)
    valid = labelled(60, seed=4)
    model = TransformerTextClassifier(tiny_model, **TINY).fit(texts, y, valid=valid[:2])
    assert roc_auc(valid[1], model.decision_function(valid[0])) == pytest.approx(max(model.judged_))


# -- the ensemble ---------------------------------------------------------------------------------


def test_a_script_that_the_transformer_does_not_know_is_carried_by_the_pieces(tiny_model: str) -> None:
    """In Chinese the tiny encoder is blind, and no transformer is trained; what decides is found."""
    texts, y, grades = labelled(300, fillers=CHINESE, words=("很好", "太慢"))
    model = TextEnsemble(tiny_model, scripts=("latin",), **TINY).fit(texts, y, grades=grades)
    assert not model.has_transformer_
    other, other_y, _grades = labelled(100, seed=1, fillers=CHINESE, words=("很好", "太慢"))
    assert roc_auc(other_y, model.decision_function(other)) > 0.99
    assert (model.predict(other) == other_y).mean() > 0.97


def test_texts_of_two_scripts_are_judged_by_one_ensemble_with_weights_of_their_own(tiny_model: str) -> None:
    latin = labelled(500)
    chinese = labelled(150, seed=3, fillers=CHINESE, words=("很好", "太慢"))
    texts, y = [*latin[0], *chinese[0]], np.concatenate([latin[1], chinese[1]])
    model = TextEnsemble(tiny_model, scripts=("latin",), **TINY).fit(texts, y)
    assert model.has_transformer_
    assert model.weights_[0, 1] > 0
    assert model.weights_[1, 1] == 0
    assert roc_auc(y[:500], model.decision_function(latin[0])) > 0.99
    assert roc_auc(y[500:], model.decision_function(chinese[0])) > 0.99


def test_a_transformer_that_says_nothing_is_weighed_down(tiny_model: str) -> None:
    """Its words are all unknown to the tiny encoder, though the script is known, as in another language."""
    words = tuple(f"wort{number}" for number in range(11))
    texts, y, _grades = labelled(600, fillers=words, words=("gut", "schlecht"))
    model = TextEnsemble(tiny_model, **TINY).fit(texts, y)
    other, other_y, _grades = labelled(100, seed=1, fillers=words, words=("gut", "schlecht"))
    assert model.has_transformer_
    assert model.held_["transformer"] < 0.8
    assert roc_auc(other_y, model.decision_function(other)) > 0.99


def test_probabilities_are_shares(tiny_model: str) -> None:
    """One label of five is wrong, so no text is surer than that."""
    texts, y, _grades = labelled(2000)
    rng = np.random.default_rng(3)
    noisy = np.where(rng.random(len(y)) < 0.2, 1 - y, y)
    model = TextEnsemble("", held_share=0.3).fit(texts[:1500], noisy[:1500])
    found = model.predict_proba(texts[1500:])[:, 1]
    assert expected_calibration_error(noisy[1500:], found) < 0.1


def test_few_texts_are_enough_to_begin_with(tiny_model: str) -> None:
    model = TextEnsemble(tiny_model, **TINY).fit(["red", "red mug", "blue", "blue mug"], [1, 1, 0, 0])
    assert not model.has_transformer_
    assert model.decision_function(["red lamp"])[0] > model.decision_function(["blue lamp"])[0]
