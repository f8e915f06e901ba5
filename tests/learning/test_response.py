"""What models of clicks and conversions must do, on exposures whose chances are known."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ecomai.inference.exposures import Contents, Exposures, hash_of
from ecomai.learning.classifiers.base import sigmoid
from ecomai.learning.encoders.char_ngram import CharNgramTextEncoder
from ecomai.learning.exceptions import FormatVersionError, InvalidDataError, NotFittedError
from ecomai.learning.metrics.response import calibration_error_by_rank, response_report
from ecomai.learning.response.base import UNKNOWN, Outcomes, ResponseModel
from ecomai.learning.response.boosted import BoostedResponse
from ecomai.learning.response.calibrating import fit_line
from ecomai.learning.response.joint import JointResponse, NextItems
from ecomai.learning.response.joint_network import entire_space_losses
from ecomai.learning.response.placement_rate import PlacementRate

TINY = {"dim": 8, "n_experts": 2, "n_buckets": 64, "max_epochs": 3, "batch_size": 256, "device": "cpu"}
MODELS: list[Callable[[], ResponseModel]] = [
    PlacementRate,
    lambda: BoostedResponse(n_trees=20, n_threads=1),
    lambda: JointResponse(**TINY, n_threads=1),
]
model = pytest.mark.parametrize("make", MODELS)
N_ITEMS, N_TEXT, N_STEPS = 12, 6, 4


def contents(seed: int = 0) -> Contents:
    """Twelve items of two kinds that differ in their first direction, and four texts without a key."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(N_ITEMS + 4, N_TEXT)) * 0.3
    vectors[:N_ITEMS, 0] = np.where(np.arange(N_ITEMS) % 2, 1.0, -1.0)
    return Contents.of(vectors, [*range(100, 100 + N_ITEMS), *([-1] * 4)])


def draw(n: int = 6000, *, seed: int = 0) -> tuple[Outcomes, np.ndarray, np.ndarray]:
    """Exposures with outcomes and their true chances: place 1 is clicked more, and so is what fits taste."""
    rng = np.random.default_rng(seed)
    place, item = rng.integers(0, 3, n), rng.integers(0, N_ITEMS, n)
    taste = rng.integers(0, 2, n)
    histories = 2 * rng.integers(0, N_ITEMS // 2, (n, N_STEPS)) + taste[:, None]
    histories[rng.random(n) < 0.2] = -1
    price = rng.normal(size=n)
    fits = (item % 2 == taste) & (histories[:, 0] >= 0)
    click = sigmoid(-3.0 + 1.0 * (place == 1) + 1.5 * fits)
    conversion = sigmoid(-1.5 - 1.0 * price)
    clicked = (rng.random(n) < click).astype(int)
    converted = clicked * (rng.random(n) < conversion)
    shown = Exposures.of(
        categories=np.stack([place, item], axis=1), numbers=price[:, None], items=item,
        texts=N_ITEMS + rng.integers(0, 4, n), histories=histories, contents=contents(),
    )  # fmt: skip
    return Outcomes.of(shown, clicked, converted), click, conversion


def next_items(n: int = 2000) -> NextItems:
    """Customers turn to items of the kind that they looked at before."""
    rng = np.random.default_rng(1)
    taste = rng.integers(0, 2, n)
    drawn = 2 * rng.integers(0, N_ITEMS // 2, (n, N_STEPS + 1)) + taste[:, None]
    return NextItems.of(drawn[:, 1:], drawn[:, 0], n_contents=N_ITEMS + 4)


@model
def test_there_are_two_probabilities_for_each_exposure(make):
    outcomes, *_true = draw(800)
    estimator = make()
    assert estimator.fit(outcomes) is estimator
    for shown in (outcomes.exposures, outcomes.exposures.take(slice(0, 0))):
        found = estimator.predict(shown)
        for chances in found:
            assert chances.shape == (len(shown),)
            assert ((chances > 0) & (chances < 1)).all()


@model
def test_a_prediction_before_fit_is_refused(make):
    with pytest.raises(NotFittedError, match=r"fit\(\) or load\(\)"):
        make().predict(draw(10)[0].exposures)


@model
def test_a_second_fit_forgets_the_first_and_a_seed_decides(make):
    first, second = draw(800)[0], draw(800, seed=7)[0]
    refitted = make().fit(first, valid=second).fit(second, valid=first).predict(first.exposures)
    np.random.seed(3)
    fresh = make().fit(second, valid=first).predict(first.exposures)
    for one, other in zip(refitted, fresh, strict=True):
        np.testing.assert_array_equal(one, other)


@model
def test_a_saved_model_predicts_the_same(make, tmp_path: Path):
    outcomes = draw(800)[0]
    fitted = make().fit(outcomes, valid=draw(400, seed=5)[0])
    loaded = type(fitted).load(fitted.save(tmp_path))
    for one, other in zip(
        loaded.predict(outcomes.exposures), fitted.predict(outcomes.exposures), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} <= {".json", ".safetensors"}
    path = tmp_path / "estimator.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": 99}))
    with pytest.raises(FormatVersionError):
        type(fitted).load(tmp_path)


@model
def test_exposures_of_another_kind_are_refused(make):
    outcomes = draw(800)[0]
    shown = outcomes.exposures
    fitted = make().fit(outcomes)
    other = Exposures.of(
        categories=shown.categories[:, :1], numbers=shown.numbers, items=shown.items, texts=shown.texts,
        histories=shown.histories, contents=shown.contents,
    )  # fmt: skip
    with pytest.raises(InvalidDataError, match="n_categories"):
        fitted.predict(other)


@model
def test_without_clicks_nothing_is_learned(make):
    outcomes = draw(50)[0]
    nobody = Outcomes.of(outcomes.exposures, np.zeros(50), np.zeros(50))
    with pytest.raises(InvalidDataError, match="clicked"):
        make().fit(nobody)


@model
def test_conversions_that_are_not_known_yet_teach_nothing_false(make):
    """Where every conversion is open the model still learns clicks."""
    outcomes = draw(1500)[0]
    open_ones = Outcomes.of(outcomes.exposures, outcomes.clicked, np.where(outcomes.clicked == 1, UNKNOWN, 0))
    found = make().fit(open_ones).predict(outcomes.exposures)
    assert np.isfinite(found.conversion).all()
    assert found.click.mean() == pytest.approx(outcomes.clicked.mean(), abs=0.04)


@model
def test_permuting_exposures_permutes_the_answers(make):
    outcomes = draw(800)[0]
    fitted, order = make().fit(outcomes), np.random.default_rng(2).permutation(800)
    direct, permuted = (fitted.predict(each) for each in (outcomes.exposures, outcomes.exposures.take(order)))
    np.testing.assert_allclose(direct.click[order], permuted.click, rtol=1e-4)


def test_wrong_outcomes_are_refused():
    shown = draw(4)[0].exposures
    for clicked, converted in (
        ([0, 1, 0], [0, 0, 0]), ([0, 2, 0, 0], [0, 0, 0, 0]), ([0, 0, 0, 1], [1, 0, 0, 0]),
        ([0, 0, 0, 1], [0, 0, 0, 2]),
    ):  # fmt: skip
        with pytest.raises(InvalidDataError):
            Outcomes.of(shown, clicked, converted)
    with pytest.raises(InvalidDataError):
        NextItems.of([[0, 1]], [99], n_contents=16)


def test_an_exposure_of_an_unknown_content_is_refused():
    shown = draw(2)[0].exposures
    with pytest.raises(ValueError, match="not there"):
        Exposures.of(
            categories=shown.categories, numbers=shown.numbers, items=[0, 99], texts=shown.texts,
            histories=shown.histories, contents=shown.contents,
        )  # fmt: skip


def test_the_baseline_is_the_rate_of_the_place():
    outcomes = draw()[0]
    fitted = PlacementRate(strength=1.0).fit(outcomes)
    found = fitted.predict(outcomes.exposures).click
    places = outcomes.exposures.categories[:, 0]
    for place in range(3):
        rate = outcomes.clicked[places == place].mean()
        assert found[places == place] == pytest.approx(rate, abs=1e-3)
    new = outcomes.exposures.take([0])
    new.categories[0, 0] = 77
    assert fitted.predict(new).click[0] == pytest.approx(outcomes.clicked.mean())


@pytest.mark.parametrize("make", MODELS[1:])
def test_learned_chances_are_near_the_true_ones_and_beat_the_baseline(make):
    train, valid, test = (draw(8000, seed=seed) for seed in range(3))
    known = (test[0].clicked, test[0].converted)
    reports = []
    for estimator in (PlacementRate(), make()):
        if isinstance(estimator, JointResponse):
            estimator = JointResponse(**{**TINY, "max_epochs": 12, "dim": 16}, n_threads=1)
        found = estimator.fit(train[0], valid=valid[0]).predict(test[0].exposures)
        reports.append(response_report(*known, click=found.click, conversion=found.conversion))
    baseline, ours = reports
    assert ours["click_log_loss"] < baseline["click_log_loss"]
    assert ours["click_roc_auc"] > baseline["click_roc_auc"] + 0.05
    assert ours["conversion_roc_auc"] > baseline["conversion_roc_auc"] + 0.1
    assert ours["click_calibration_error"] < 0.02
    assert np.corrcoef(found.click, test[1])[0, 1] > 0.7
    assert np.corrcoef(found.conversion, test[2])[0, 1] > 0.6


def test_the_chance_of_both_is_the_product():
    """Over the entire space a click and a conversion are told by the product of both chances."""
    logits = torch.tensor([[0.3, -0.7], [0.3, -0.7], [0.3, -0.7], [0.3, -0.7]], dtype=torch.float64)
    clicked, converted = torch.tensor([1.0, 1.0, 0.0, 1.0]), torch.tensor([1.0, 0.0, 0.0, -1.0])
    click, both = 1 / (1 + np.exp(-0.3)), 1 / (1 + np.exp(-0.3)) / (1 + np.exp(0.7))
    expected = [
        -np.log(click) - np.log(both), -np.log(click) - np.log(1 - both),
        -np.log(1 - click) - np.log(1 - both), -np.log(click),
    ]  # fmt: skip
    np.testing.assert_allclose(entire_space_losses(logits, clicked, converted), expected, rtol=1e-5)


def test_next_items_teach_the_encoders_what_belongs_together():
    """With hardly any click, the histories of other customers tell which items are of one kind."""
    train = draw(300)[0]
    fitted = JointResponse(**{**TINY, "max_epochs": 10}, next_weight=1.0, n_threads=1)
    fitted.fit(train, next_items=next_items())
    with torch.inference_mode():
        known = fitted.network.contents(
            torch.from_numpy(contents().vectors[:N_ITEMS]), torch.zeros(N_ITEMS, dtype=torch.int64)
        )
        known = torch.nn.functional.normalize(known, dim=-1)
        likeness = (known @ known.T).numpy()
    is_same = (np.arange(N_ITEMS)[:, None] % 2) == (np.arange(N_ITEMS)[None] % 2)
    assert likeness[is_same & ~np.eye(N_ITEMS, dtype=bool)].mean() > likeness[~is_same].mean() + 0.5


def test_a_line_mends_log_odds_that_are_too_sure():
    rng = np.random.default_rng(0)
    odds = rng.normal(-2, 1, 20_000)
    labels = (rng.random(20_000) < sigmoid(odds)).astype(int)
    slope, shift = fit_line(2 * odds + 1, labels)
    assert slope == pytest.approx(0.5, abs=0.05)
    assert shift == pytest.approx(-0.5, abs=0.1)
    assert fit_line(odds[:50], np.eye(50)[0])[0] == 1.0, "one positive says nothing of the slope"


def test_calibration_by_rank_tells_what_equal_width_hides():
    """Half the exposures are clicked never, half twice as often as said."""
    labels = np.zeros(20_000, dtype=int)
    labels[10_000::25] = 1
    scores = np.where(np.arange(20_000) < 10_000, 0.0199, 0.0201)
    assert calibration_error_by_rank(labels, scores) == pytest.approx(0.02, abs=1e-3)


def test_the_exported_model_answers_as_the_model_does(tmp_path: Path):
    from ecomai.learning.export import export_response
    from ecomai.serving.predictors import load_predictor
    from ecomai.serving.predictors.response import Words

    titles = [f"{'mug' if number % 2 else 'dress'} number {number}" for number in range(N_ITEMS)]
    words = ["red", "blue", "green", "last chance"]
    encoder = CharNgramTextEncoder(dim=N_TEXT).fit(titles + words)
    known = Contents.of(encoder.encode(titles + words), [*(hash_of(n) for n in range(N_ITEMS)), *([-1] * 4)])
    names = np.array([[hash_of(name) for name in ("home", "list", "")]])[0]
    drawn = draw(600)[0]
    shown = Exposures.of(
        categories=names[drawn.exposures.categories % 3], numbers=drawn.exposures.numbers,
        items=drawn.exposures.items, texts=drawn.exposures.texts, histories=drawn.exposures.histories,
        contents=known,
    )  # fmt: skip
    fitted = JointResponse(**TINY).fit(
        Outcomes.of(shown, drawn.clicked, drawn.converted),
        valid=Outcomes.of(shown, drawn.clicked, drawn.converted),
    )
    items = Contents.of(known.vectors[:N_ITEMS], known.keys[:N_ITEMS])
    ids = [str(number) for number in range(N_ITEMS)]
    folder = export_response(
        fitted, encoder, tmp_path, item_ids=ids, contents=items, categories=["place", "kind"],
        numbers=["price"],
    )  # fmt: skip
    predictor = load_predictor(folder)
    case = Exposures.of(
        categories=[[hash_of("home"), hash_of("new")], [hash_of("list"), -1]], numbers=[[0.5], [np.nan]],
        items=[3, 4], texts=[N_ITEMS + 3, N_ITEMS], histories=[[1, 2, -1, -1]] * 2, contents=known,
    )  # fmt: skip
    expected = fitted.predict(case)
    encoded, is_known = predictor.encode_items(["3", "4", "99"])
    assert is_known.tolist() == [True, True, False]
    found = predictor.predict(
        categories=[["home", "new"], ["list", ""]], numbers=case.numbers, items=encoded[:2],
        texts=predictor.encode_words([Words("last chance"), Words("red")]),
        history=predictor.encode_items(["1", "2"])[0],
    )  # fmt: skip
    np.testing.assert_allclose(found, np.stack(expected, axis=1), atol=1e-4)
    late = predictor.encode_words([Words(titles[3], key="3")])
    np.testing.assert_allclose(late, encoded[:1], atol=1e-4, err_msg="an item may come after the training")
