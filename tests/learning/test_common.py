"""The contract of estimators, held against every one of them."""

import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ecomai.learning
from ecomai.learning.base import Estimator
from ecomai.learning.classifiers.anomaly import AnomalyDetector
from ecomai.learning.classifiers.base import Classifier
from ecomai.learning.classifiers.boosted import BoostedClassifier
from ecomai.learning.classifiers.ensemble import CalibratedEnsemble
from ecomai.learning.classifiers.entities import EntityTagger
from ecomai.learning.classifiers.event_sequence import EventSequenceClassifier
from ecomai.learning.classifiers.intent import IntentClassifier
from ecomai.learning.classifiers.logistic import LogisticClassifier
from ecomai.learning.classifiers.prior import PriorClassifier
from ecomai.learning.classifiers.semi_supervised import SelfTrainedClassifier
from ecomai.learning.classifiers.text_base import TextClassifier
from ecomai.learning.classifiers.text_ensemble import TextEnsemble
from ecomai.learning.classifiers.text_pieces import PiecesTextClassifier
from ecomai.learning.classifiers.text_transformer import TransformerTextClassifier
from ecomai.learning.customer_value.assortment import Assortment
from ecomai.learning.customer_value.attrition import AttritionModel
from ecomai.learning.customer_value.base import CustomerValueModel
from ecomai.learning.customer_value.bg_nbd import BgNbdModel
from ecomai.learning.customer_value.boosted import BoostedValueModel
from ecomai.learning.customer_value.ensemble import ValueEnsemble
from ecomai.learning.customer_value.gamma_gamma import GammaGammaSpend
from ecomai.learning.customer_value.own_rate import OwnRateModel
from ecomai.learning.customer_value.pareto_nbd import ParetoNbdModel
from ecomai.learning.customer_value.private import PrivateValueModel
from ecomai.learning.customer_value.sequence import SequenceValueModel
from ecomai.learning.encoders.adapted import AdaptedTextEncoder
from ecomai.learning.encoders.base import TextEncoder
from ecomai.learning.encoders.char_ngram import CharNgramTextEncoder
from ecomai.learning.encoders.compact import CompactTextEncoder
from ecomai.learning.encoders.images import PretrainedImageEncoder
from ecomai.learning.encoders.pretrained import PretrainedTextEncoder
from ecomai.learning.encoders.routed import RoutedTextEncoder
from ecomai.learning.encoders.small_images import SmallImageEncoder
from ecomai.learning.exceptions import FormatVersionError, InvalidDataError, NotFittedError
from ecomai.learning.interactions import Interactions
from ecomai.learning.rankers.boosted import BoostedRanker
from ecomai.learning.rankers.listwise import ListwiseRanker
from ecomai.learning.rankers.positions import PositionBias
from ecomai.learning.recommenders.base import Recommender
from ecomai.learning.recommenders.exposure import TailReranker
from ecomai.learning.recommenders.item_item import ItemItemRecommender
from ecomai.learning.recommenders.matrix_factorization import MatrixFactorizationRecommender
from ecomai.learning.recommenders.next_basket import NextBasketRecommender
from ecomai.learning.recommenders.own_frequency import OwnFrequencyRecommender
from ecomai.learning.recommenders.popularity import PopularityRecommender
from ecomai.learning.recommenders.sequence import SequenceRecommender
from ecomai.learning.recommenders.sequential_rules import SequentialRulesRecommender
from ecomai.learning.recommenders.thompson import ThompsonBandit
from ecomai.learning.response.base import ResponseModel
from ecomai.learning.response.boosted import BoostedResponse
from ecomai.learning.response.joint import JointResponse
from ecomai.learning.response.placement_rate import PlacementRate
from ecomai.learning.retrieval.bm25 import BM25Index
from ecomai.learning.retrieval.cross_encoder import CrossEncoder
from ecomai.learning.retrieval.hybrid import HybridSearcher
from ecomai.learning.retrieval.pair_ranker import PairRanker
from ecomai.learning.retrieval.spelling import SpellingCorrector
from ecomai.learning.uplift.average_effect import AverageEffect
from ecomai.learning.uplift.base import MetaLearner, UpliftLearner
from ecomai.learning.uplift.chosen import ChosenUplift
from ecomai.learning.uplift.dr_learner import DRLearner
from ecomai.learning.uplift.regressors import BoostedRegressor, LinearRegressor, Regressor
from ecomai.learning.uplift.s_learner import SLearner
from ecomai.learning.uplift.t_learner import TLearner
from ecomai.learning.uplift.x_learner import XLearner

TINY = {"dim": 8, "n_layers": 1, "max_length": 6, "max_epochs": 2, "batch_size": 16, "device": "cpu"}
RECOMMENDERS: list[Callable[[], Recommender]] = [
    lambda: PopularityRecommender(half_life_days=7),
    lambda: ItemItemRecommender(n_neighbours=5),
    lambda: OwnFrequencyRecommender(half_life_days=30),
    lambda: SequentialRulesRecommender(half_life_days=30),
    lambda: MatrixFactorizationRecommender(n_factors=3, half_life_days=30),
    lambda: NextBasketRecommender(n_trees=2, n_threads=1),
    lambda: SequenceRecommender(**TINY),
    lambda: SequenceRecommender(**TINY, n_negatives=4, random_state=3),
    lambda: SequenceRecommender(**TINY, n_members=2, has_context=True),
]
ENCODERS: list[Callable[[str], TextEncoder]] = [
    lambda model: PretrainedTextEncoder(model, batch_size=2, device="cpu"),
    lambda model: AdaptedTextEncoder(model, pretraining="masked", rank=2, device="cpu"),
    lambda model: AdaptedTextEncoder(
        model, kind="full", pretraining="masked", pretraining_epochs=2, device="cpu"
    ),
    lambda model: CompactTextEncoder(model, n_layers=1, max_epochs=1, device="cpu"),
    lambda model: CharNgramTextEncoder(dim=6),
    lambda model: RoutedTextEncoder(model, scripts=("latin",), dim=6, device="cpu"),
]
SEARCHERS: list[Callable[[], Estimator]] = [
    BM25Index, SpellingCorrector, HybridSearcher, PairRanker, CrossEncoder,
]  # fmt: skip
RANKERS: list[Callable[[], Estimator]] = [BoostedRanker, ListwiseRanker, PositionBias]
# Their contract is in test_classifiers.py, test_event_sequence.py, test_text_classifiers.py
# test_intent.py and test_entities.py.
CLASSIFIERS: list[Callable[[], Estimator]] = [
    PriorClassifier, BoostedClassifier, SelfTrainedClassifier, CalibratedEnsemble, EventSequenceClassifier,
    AnomalyDetector, LogisticClassifier, PiecesTextClassifier, TransformerTextClassifier, TextEnsemble,
    IntentClassifier, EntityTagger,
]  # fmt: skip
# Their contract is in test_customer_value.py.
CUSTOMER_VALUE: list[Callable[[], Estimator]] = [
    OwnRateModel, BgNbdModel, ParetoNbdModel, GammaGammaSpend, BoostedValueModel, SequenceValueModel,
    ValueEnsemble, Assortment, PrivateValueModel,
]  # fmt: skip
# Their contract is in test_uplift.py.
UPLIFT: list[Callable[[], Estimator]] = [
    AverageEffect, SLearner, TLearner, XLearner, DRLearner, ChosenUplift, LinearRegressor, BoostedRegressor,
]  # fmt: skip
# Their contract is in test_response.py.
RESPONSE: list[Callable[[], Estimator]] = [PlacementRate, BoostedResponse, JointResponse]
EXPOSERS: list[Callable[[], Estimator]] = [TailReranker, lambda: ThompsonBandit(n_features=2)]
TEXTS = ["red dress", "blue dress for the summer", "mug", "红色连衣裙", "蓝牙耳机", "Кружка синяя"]
OTHER_TEXTS = ["lamp", "green shoes", "绿色的灯"]

X_A = [[0, 1, 2], [1, 2], [3], [], [0, 1, 0, 1, 2, 3, 4, 0, 1]]
X_B = [[4, 3], [4, 3, 2], [0, 4]]
VECTORS = np.random.default_rng(5).normal(size=(5, 3)).astype(np.float32)
HISTORIES = [[0], [1, 4], [], [0, 1, 2, 3, 4, 0, 1, 2]]

recommender = pytest.mark.parametrize("make", RECOMMENDERS)
encoder = pytest.mark.parametrize("make", ENCODERS)


def interactions(rows: list[list[int]], n_items: int = 5) -> Interactions:
    return Interactions.from_sequences(rows, n_items=n_items)


def test_every_estimator_is_held_to_the_contract(tiny_model: str) -> None:
    known = {type(estimator) for estimator in estimators(tiny_model)}
    found = set()
    for module in pkgutil.walk_packages(ecomai.learning.__path__, "ecomai.learning."):
        for _name, value in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(value, Estimator) and not inspect.isabstract(value):
                found.add(value)
    bases = {Estimator, Classifier, Recommender, TextEncoder, UpliftLearner, MetaLearner, Regressor}
    bases |= {CustomerValueModel, AttritionModel, ResponseModel, TextClassifier}
    assert found - bases == known


# -- all ----------------------------------------------------------------------------------------


def estimators(tiny_model: str) -> list[Estimator]:
    return [
        *(make() for make in (*RECOMMENDERS, *SEARCHERS, *RANKERS, *EXPOSERS, *CLASSIFIERS, *UPLIFT)),
        *(make() for make in (*CUSTOMER_VALUE, *RESPONSE)),
        SmallImageEncoder(),
        *(make(tiny_model) for make in (*ENCODERS, PretrainedImageEncoder)),
    ]


def test_init_stores_hyperparameters_and_nothing_else(tiny_model: str) -> None:
    for estimator in estimators(tiny_model):
        assert vars(estimator) == estimator.get_params()


def test_hyperparameters_are_json(tiny_model: str) -> None:
    for estimator in estimators(tiny_model):
        parameters = estimator.get_params()
        read = json.loads(json.dumps(parameters, allow_nan=False))
        assert type(estimator)(**read).get_params() == read


def test_saving_what_has_not_learned_is_refused(tiny_model: str, tmp_path: Path) -> None:
    for estimator in estimators(tiny_model):
        with pytest.raises(NotFittedError):
            estimator.save(tmp_path)


# -- recommenders -------------------------------------------------------------------------------


@recommender
def test_fit_returns_itself(make: Callable[[], Recommender]) -> None:
    model = make()
    assert model.fit(interactions(X_A), VECTORS) is model


@recommender
def test_a_prediction_before_fit_is_refused(make: Callable[[], Recommender]) -> None:
    for ask in (make().scores, make().recommend):
        with pytest.raises(NotFittedError, match=r"fit\(\) or load\(\)"):
            ask([[0]])


@recommender
def test_scores_have_a_row_per_history_and_a_column_per_item(make: Callable[[], Recommender]) -> None:
    model = make().fit(interactions(X_A), VECTORS)
    assert model.scores(HISTORIES).shape == (4, 5)
    assert model.scores([]).shape == (0, 5)
    assert np.isfinite(model.scores(HISTORIES)).all()


@recommender
def test_a_second_fit_forgets_the_first(make: Callable[[], Recommender]) -> None:
    refitted = make().fit(interactions(X_A), VECTORS).fit(interactions(X_B), VECTORS)
    fresh = make().fit(interactions(X_B), VECTORS)
    np.testing.assert_array_equal(refitted.scores(HISTORIES), fresh.scores(HISTORIES))


@recommender
def test_the_same_seed_gives_the_same_predictions_and_leaves_the_callers_randomness_alone(
    make: Callable[[], Recommender],
) -> None:
    np.random.seed(11)
    first = make().fit(interactions(X_A), VECTORS).scores(HISTORIES)
    drawn = np.random.random()
    second = make().fit(interactions(X_A), VECTORS).scores(HISTORIES)
    np.random.seed(11)
    np.testing.assert_array_equal(first, second)
    assert drawn == np.random.random()


def test_another_seed_gives_another_network() -> None:
    first, second = (
        SequenceRecommender(**TINY, random_state=seed).fit(interactions(X_A), VECTORS).scores(HISTORIES)
        for seed in (1, 2)
    )
    assert not np.allclose(first, second)


@recommender
def test_a_saved_recommender_predicts_the_same(make: Callable[[], Recommender], tmp_path: Path) -> None:
    model = make().fit(interactions(X_A), VECTORS)
    loaded = type(model).load(model.save(tmp_path))
    np.testing.assert_array_equal(loaded.scores(HISTORIES), model.scores(HISTORIES))
    assert loaded.get_params() == model.get_params()
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} <= {".json", ".safetensors"}


@recommender
def test_another_format_or_class_is_not_loaded(make: Callable[[], Recommender], tmp_path: Path) -> None:
    model = make().fit(interactions(X_A), VECTORS)
    path = model.save(tmp_path) / "estimator.json"
    description = json.loads(path.read_text())
    for change in ({"format_version": 99}, {"estimator": "Oracle"}):
        path.write_text(json.dumps({**description, **change}))
        with pytest.raises(FormatVersionError):
            type(model).load(tmp_path)


@recommender
@pytest.mark.parametrize(
    "vectors",
    [VECTORS[:3], VECTORS[0], np.empty((5, 0), np.float32), np.full((5, 3), np.nan, np.float32)],
    ids=["too few", "one dimension", "no feature", "not a number"],
)
def test_wrong_vectors_are_refused(make: Callable[[], Recommender], vectors: np.ndarray) -> None:
    with pytest.raises(InvalidDataError):
        make().fit(interactions(X_A), vectors)


@recommender
def test_items_outside_the_catalogue_are_refused(make: Callable[[], Recommender]) -> None:
    model = make().fit(interactions(X_A), VECTORS)
    for histories in ([[5]], [[-1]], [[[0]]], [[0.5]], interactions([[0]], n_items=4)):
        with pytest.raises(InvalidDataError):
            model.scores(histories)
    with pytest.raises(InvalidDataError, match="mask"):
        model.recommend([[0]], is_candidate=np.ones(3, dtype=bool))


@recommender
def test_an_empty_catalogue_is_refused(make: Callable[[], Recommender]) -> None:
    with pytest.raises(InvalidDataError, match="no item"):
        make().fit([[], []])


@recommender
def test_a_catalogue_of_one_item_is_learned(make: Callable[[], Recommender]) -> None:
    model = make().fit([[0], [0, 0]], np.ones((1, 3), dtype=np.float32))
    items, scores = model.recommend([[0], []], n=3)
    assert items.tolist() == [[0, -1, -1], [0, -1, -1]]
    assert np.isneginf(scores[:, 1:]).all()


@recommender
def test_one_event_is_enough_to_answer(make: Callable[[], Recommender]) -> None:
    model = make().fit(interactions([[2]]), VECTORS)
    assert sorted(model.recommend([[2], []], n=5)[0][1].tolist()) == [0, 1, 2, 3, 4]


@recommender
def test_no_texts_are_needed(make: Callable[[], Recommender]) -> None:
    assert make().fit(interactions(X_A)).recommend([[0]], n=2)[0].shape == (1, 2)


@recommender
def test_only_candidates_are_recommended_and_seen_items_left_out(make: Callable[[], Recommender]) -> None:
    model = make().fit(interactions(X_A), VECTORS)
    mask = np.array([True, True, True, False, False])
    items, _scores = model.recommend([[0], []], n=5, is_candidate=mask, exclude_seen=True)
    assert set(items[0]) == {1, 2, -1}
    assert set(items[1]) == {0, 1, 2, -1}


@recommender
def test_recommendations_are_the_scores_in_order(make: Callable[[], Recommender]) -> None:
    model = make().fit(interactions(X_A), VECTORS)
    items, scores = model.recommend(HISTORIES, n=5)
    expected = -np.sort(-model.scores(HISTORIES), axis=1)
    np.testing.assert_allclose(scores, expected)
    np.testing.assert_allclose(np.take_along_axis(model.scores(HISTORIES), items, axis=1), scores)


@recommender
def test_users_do_not_influence_each_others_answers(make: Callable[[], Recommender]) -> None:
    model = make().fit(interactions(X_A), VECTORS)
    together = model.scores(HISTORIES)
    alone = np.concatenate([model.scores([history]) for history in HISTORIES])
    np.testing.assert_allclose(together, alone, atol=1e-5)


# -- encoders -----------------------------------------------------------------------------------


@encoder
def test_vectors_have_length_one(make: Callable[[str], TextEncoder], tiny_model: str) -> None:
    model = make(tiny_model)
    assert model.fit(TEXTS) is model
    vectors = model.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), model.n_features_)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@encoder
def test_encoding_before_fit_is_refused(make: Callable[[str], TextEncoder], tiny_model: str) -> None:
    with pytest.raises(NotFittedError):
        make(tiny_model).encode(["mug"])


@encoder
def test_what_is_no_list_of_texts_is_refused(make: Callable[[str], TextEncoder], tiny_model: str) -> None:
    model = make(tiny_model).fit(TEXTS)
    wrong: list[Any] = ["mug", [None], [1.0], [["mug"]]]
    for texts in wrong:
        with pytest.raises(InvalidDataError):
            model.encode(texts)


@encoder
def test_a_refitted_encoder_is_like_a_fresh_one(make: Callable[[str], TextEncoder], tiny_model: str) -> None:
    refitted = make(tiny_model).fit(TEXTS).fit(OTHER_TEXTS)
    np.testing.assert_array_equal(
        refitted.encode(OTHER_TEXTS), make(tiny_model).fit(OTHER_TEXTS).encode(OTHER_TEXTS)
    )


@encoder
def test_a_saved_encoder_encodes_the_same(
    make: Callable[[str], TextEncoder], tiny_model: str, tmp_path: Path
) -> None:
    model = make(tiny_model).fit(TEXTS)
    loaded = type(model).load(model.save(tmp_path))
    np.testing.assert_array_equal(loaded.encode(TEXTS), model.encode(TEXTS))
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} <= {".json", ".safetensors"}


@encoder
@pytest.mark.parametrize("text", ["", "   ", "!!!", "🙂", "\x00"])
def test_a_text_without_letters_says_nothing(
    make: Callable[[str], TextEncoder], tiny_model: str, text: str
) -> None:
    model = make(tiny_model).fit(TEXTS)
    assert not model.encode([text]).any()


@encoder
def test_a_very_long_text_is_cut(make: Callable[[str], TextEncoder], tiny_model: str) -> None:
    model = make(tiny_model)
    assert np.isfinite(model.fit(TEXTS).encode(["red dress " * 10_000])).all()


@encoder
def test_no_texts_give_no_vectors(make: Callable[[str], TextEncoder], tiny_model: str) -> None:
    model = make(tiny_model).fit(TEXTS)
    assert model.encode([]).shape == (0, model.n_features_)


@encoder
def test_an_encoder_learns_from_one_text(make: Callable[[str], TextEncoder], tiny_model: str) -> None:
    assert np.isfinite(make(tiny_model).fit(["mug"]).encode(["mug", "lamp"])).all()
