"""Exported models answer as they did in training, also about items that came since."""

import json
import math
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from ecomai.exceptions import InvalidInputError
from ecomai.inference.event_context import EventContext
from ecomai.learning.encoders.char_ngram import CharNgramTextEncoder
from ecomai.learning.encoders.pretrained import PretrainedTextEncoder
from ecomai.learning.encoders.routed import RoutedTextEncoder
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.export import export_next_item, export_text_encoder
from ecomai.learning.interactions import Interactions
from ecomai.learning.recommenders.item_item import ItemItemRecommender
from ecomai.learning.recommenders.sequence import SequenceRecommender
from ecomai.serving.exceptions import UnknownPredictorError, UnreadableArtifactError
from ecomai.serving.predictors import get_predictor_class, load_predictor, register_predictor
from ecomai.serving.predictors.next_item import NextItemPredictor
from ecomai.serving.predictors.popularity import PopularityPredictor
from ecomai.serving.predictors.similar_items import SimilarItemsPredictor
from ecomai.serving.predictors.text_encoder import TextEncoder
from tests.learning.tiny import write_tiny_bert

from .conftest import IDS, TEXTS

HISTORIES = [[0], [0, 1], [3, 4, 5], [], [0, 1, 2, 3, 4, 5, 0, 1]]


def named(history: list[int]) -> list[str]:
    return [IDS[item] for item in history]


@pytest.fixture
def predictor(next_item_folder: Path) -> NextItemPredictor:
    return NextItemPredictor.load(next_item_folder)


@pytest.fixture
def neighbours(similar_items_folder: Path) -> SimilarItemsPredictor:
    return SimilarItemsPredictor.load(similar_items_folder)


# -- loading ------------------------------------------------------------------------------------


def test_an_artifact_is_loaded_by_the_kind_it_names(
    next_item_folder: Path, similar_items_folder: Path, popularity_folder: Path
) -> None:
    assert isinstance(load_predictor(next_item_folder), NextItemPredictor)
    assert isinstance(load_predictor(similar_items_folder), SimilarItemsPredictor)
    assert isinstance(load_predictor(popularity_folder), PopularityPredictor)


def test_a_kind_that_nobody_registered_is_refused_and_may_be_registered() -> None:
    with pytest.raises(UnknownPredictorError, match="oracle"):
        get_predictor_class("oracle")
    register_predictor("oracle", f"{PopularityPredictor.__module__}.PopularityPredictor")
    assert get_predictor_class("oracle") is PopularityPredictor


@pytest.mark.parametrize(
    "change", [{"format_version": 2}, {"format_version": None}, {"kind": "similar_items"}]
)
def test_another_format_or_kind_is_refused(popularity_folder: Path, change: dict) -> None:
    path = popularity_folder / "predictor.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(UnreadableArtifactError):
        PopularityPredictor.load(popularity_folder)


def test_a_missing_or_damaged_file_is_named(popularity_folder: Path) -> None:
    (popularity_folder / "items.json").write_text('["item-0", ')
    with pytest.raises(UnreadableArtifactError, match=r"items\.json is damaged"):
        load_predictor(popularity_folder)
    (popularity_folder / "predictor.json").unlink()
    with pytest.raises(UnreadableArtifactError, match=r"predictor\.json is missing"):
        load_predictor(popularity_folder)


def test_a_web_process_that_serves_never_loads_torch(next_item_folder: Path) -> None:
    program = (
        "import os, sys, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'ecomai_project.settings.test';"
        "django.setup();"
        "from pathlib import Path; from ecomai.serving import live, budget;"
        "from ecomai.serving.predictors import load_predictor;"
        f"p = load_predictor(Path({str(next_item_folder)!r})); p.recommend(['item-0']); p.text_encoder;"
        "print(sorted({'torch', 'transformers', 'sklearn', 'scipy'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


# -- next item ----------------------------------------------------------------------------------


def test_scores_are_those_of_the_model(
    predictor: NextItemPredictor, sequence_model: SequenceRecommender
) -> None:
    histories = [named(history) for history in HISTORIES]
    np.testing.assert_allclose(predictor.scores(histories), sequence_model.scores(HISTORIES), atol=1e-5)
    assert predictor.scores([]).shape == (0, 6)
    assert list(predictor.item_ids) == IDS


def test_the_best_items_come_first_without_what_is_excluded_or_no_candidate(
    predictor: NextItemPredictor, sequence_model: SequenceRecommender
) -> None:
    expected = [IDS[item] for item in sequence_model.recommend([[0]], n=6)[0][0]]
    assert [item.item_id for item in predictor.recommend(["item-0"], 6)] == expected
    rest = predictor.recommend(["item-0"], 6, exclude=[expected[0], "unknown"])
    assert [item.item_id for item in rest] == expected[1:]
    only = predictor.recommend(["item-0"], 6, is_candidate=np.arange(6) == 4)
    assert [item.item_id for item in only] == ["item-4"]
    assert predictor.recommend(["item-0"], 3, is_candidate=np.zeros(6, dtype=bool)) == []


def test_many_histories_are_answered_like_one(predictor: NextItemPredictor) -> None:
    histories = [named(history) for history in HISTORIES] * 60
    together = predictor.top_n(histories, 3)
    assert len(together) == 300
    for history, answer in zip(histories[:5], together[295:], strict=True):
        alone = predictor.recommend(history, 3)
        assert [item.item_id for item in answer] == [item.item_id for item in alone]


def test_unknown_items_are_passed_over(predictor: NextItemPredictor) -> None:
    np.testing.assert_array_equal(
        predictor.scores([["gone", "item-3", "never"]]), predictor.scores([["item-3"]])
    )
    np.testing.assert_array_equal(predictor.scores([["gone"]]), predictor.scores([[]]))


def test_a_reason_is_the_event_whose_removal_lowers_the_score_most(predictor: NextItemPredictor) -> None:
    history = ["item-0", "unknown", "item-3", "item-1", "item-0", "item-4"]
    reasons = predictor.explain(history, IDS)
    base = predictor.scores([history])[0]
    without = {
        place: predictor.scores([history[:place] + history[place + 1 :]])[0]
        for place in range(len(history))
        if place != 1
    }
    assert any(reason is not None for reason in reasons)
    for column, reason in enumerate(reasons):
        drops = {place: base[column] - scores[column] for place, scores in without.items()}
        if reason is None:
            assert max(drops.values()) <= 1e-5
        else:
            assert reason.drop == pytest.approx(max(drops.values()), abs=1e-5)
            assert reason.drop == pytest.approx(drops[reason.position], abs=1e-5)
            assert reason.item_id == history[reason.position]


def test_without_known_events_or_items_there_is_no_reason(predictor: NextItemPredictor) -> None:
    assert predictor.explain([], IDS) == [None] * 6
    assert predictor.explain(["unknown"], ["item-0"]) == [None]
    assert predictor.explain(["item-0"], ["unknown"]) == [None]


def test_an_item_from_after_training_ranks_by_its_text_at_once(predictor: NextItemPredictor) -> None:
    vectors = predictor.text_encoder.encode(["yellow dress", "white usb cable"])
    predictor.add_items(["new-dress", "new-cable"], vectors)
    assert list(predictor.item_ids) == [*IDS, "new-dress", "new-cable"]
    dresses, cables = predictor.scores([["item-0", "item-1"], ["item-3", "item-4"]])
    assert dresses[6] - dresses[7] > cables[6] - cables[7] + 0.5
    assert predictor.has_item("new-dress")
    old_mask = np.ones(6, dtype=bool)
    assert "new-dress" not in [item.item_id for item in predictor.recommend([], 9, is_candidate=old_mask)]


def test_an_item_added_again_gets_its_new_text_and_a_trained_one_keeps_its_own(
    predictor: NextItemPredictor,
) -> None:
    encode = predictor.text_encoder.encode
    before = predictor.scores([["item-0"]])
    predictor.add_items(["new", "item-0"], encode(["yellow dress", "usb cable"]))
    first = predictor.scores([["item-0"]])
    predictor.add_items(["new"], encode(["usb cable"]))
    second = predictor.scores([["item-0"]])
    np.testing.assert_array_equal(before, first[:, :6])
    assert first.shape == second.shape == (1, 7)
    assert first[0, 6] != second[0, 6]


def test_texts_of_another_size_are_refused(predictor: NextItemPredictor) -> None:
    for vectors in (np.ones((1, 3), np.float32), np.ones(6, np.float32)):
        with pytest.raises(InvalidInputError, match="6 numbers"):
            predictor.add_items(["new"], vectors)


def test_items_may_be_added_while_others_ask(predictor: NextItemPredictor) -> None:
    faults: list[Exception] = []

    def ask() -> None:
        try:
            for _ in range(100):
                items = predictor.recommend(["item-0"], 50)
                assert len({item.item_id for item in items}) == len(items) >= 6
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(40):
        predictor.add_items([f"new-{number}"], np.ones((1, 6), np.float32))
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(predictor.item_ids) == 46


# -- kinds of events, and time ------------------------------------------------------------------

TYPES = ["view", "purchase"]


@pytest.fixture(scope="module")
def dated() -> Interactions:
    """After a purchase, or a long pause, comes something else than after a view."""
    rows, user = [], 0
    for _ in range(16):
        for type, pause, following in ((0, 0.01, 2), (1, 0.01, 4), (0, 90.0, 5)):
            rows += [(user, 0, 0, 2 + pause), (user, 1, type, 2.0), (user, following, 0, 1.0)]
            user += 1
    users, items, types, ages = (np.array(column) for column in zip(*rows, strict=True))
    return Interactions.from_columns(users, items, n_items=6, types=types, ages_days=ages)


@pytest.fixture(scope="module")
def context_model(dated: Interactions) -> SequenceRecommender:
    options = {"dim": 8, "n_layers": 1, "max_length": 4, "max_epochs": 40, "batch_size": 16}
    model = SequenceRecommender(**options, learning_rate=2e-2, has_context=True, device="cpu")
    return model.fit(dated)


@pytest.fixture
def reader(context_model: SequenceRecommender, tmp_path: Path) -> NextItemPredictor:
    export_next_item(context_model, tmp_path, item_ids=IDS, event_types=TYPES)
    return NextItemPredictor.load(tmp_path)


def known(type: str, age: float) -> EventContext:
    return EventContext(type, 1000.0 - age)


ASKED = [["item-0", "item-1"]] * 3
CONTEXTS = [
    [known("view", 2.01), known("view", 2)],
    [known("view", 2.01), known("purchase", 2)],
    [known("view", 92), known("view", 2)],
]


def test_what_was_done_and_when_moves_the_answer_as_in_training(
    reader: NextItemPredictor, context_model: SequenceRecommender, dated: Interactions
) -> None:
    assert reader.has_context
    asked = dated.where(dated.positions_from_end > 0).select(np.arange(3))
    scores = reader.scores(ASKED, CONTEXTS)
    np.testing.assert_allclose(scores, context_model.scores(asked), atol=1e-5)
    assert scores.argmax(axis=1).tolist() == [2, 4, 5]
    best = reader.top_positions(ASKED * 100, 1, contexts=CONTEXTS * 100)
    assert [places.tolist() for places, _scores in best[-3:]] == [[2], [4], [5]]


def test_events_before_the_newest_of_a_long_history_still_say_how_long_the_pause_was(
    reader: NextItemPredictor, context_model: SequenceRecommender
) -> None:
    items, ages = [0, 1, 2, 0, 1, 0], [200.0, 100.0, 3.0, 2.0, 1.5, 1.0]
    X = Interactions.from_columns(
        np.zeros(6, dtype=int),
        np.array(items),
        n_items=6,
        types=np.zeros(6, dtype=int),
        ages_days=np.array(ages),
    )
    context = [known("view", age) for age in ages]
    np.testing.assert_allclose(reader.scores([named(items)], [context]), context_model.scores(X), atol=1e-5)


def test_what_is_not_known_of_events_is_no_input(reader: NextItemPredictor) -> None:
    blind = reader.scores(ASKED[:1])
    unknown = [[EventContext("seen in a dream", math.nan), EventContext("", math.nan)]]
    np.testing.assert_array_equal(reader.scores(ASKED[:1], unknown), blind)
    gone = reader.scores([["gone", "item-0", "item-1"]], [[known("view", 500), *CONTEXTS[1]]])
    np.testing.assert_array_equal(gone, reader.scores(ASKED[:1], CONTEXTS[1:2]))
    assert reader.scores([[]], [[]]).shape == (1, 6)


def test_reasons_come_from_the_history_without_the_event_and_with_the_pause_that_leaves(
    reader: NextItemPredictor,
) -> None:
    history, context = named([0, 3, 1]), [known("view", 93), known("view", 92), known("purchase", 2)]
    base = reader.scores([history], [context])[0]
    for column, reason in enumerate(reader.explain(history, IDS, context)):
        drops = [
            base[column]
            - reader.scores([history[:n] + history[n + 1 :]], [context[:n] + context[n + 1 :]])[0, column]
            for n in range(3)
        ]
        if reason is None:
            assert max(drops) <= 1e-5
        else:
            assert reason.drop == pytest.approx(max(drops), abs=1e-5)


def test_an_artifact_from_before_kinds_and_times_is_still_read(
    next_item_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(next_item_folder, tmp_path / "old")
    description = json.loads((folder / "predictor.json").read_text())
    assert description.pop("has_context") is False
    del description["event_types"]
    (folder / "predictor.json").write_text(json.dumps({**description, "format_version": 1}))
    old, new = NextItemPredictor.load(folder), NextItemPredictor.load(next_item_folder)
    assert not old.has_context
    np.testing.assert_array_equal(old.scores([["item-0"]]), new.scores([["item-0"]]))
    np.testing.assert_array_equal(new.scores([["item-0"]], [[known("view", 1)]]), new.scores([["item-0"]]))


# -- neighbours beside the network --------------------------------------------------------------

WEIGHT = 3.0


@pytest.fixture
def blended(
    sequence_model: SequenceRecommender,
    item_model: ItemItemRecommender,
    encoder: CharNgramTextEncoder,
    tmp_path: Path,
) -> NextItemPredictor:
    folder = export_next_item(
        sequence_model, tmp_path / "blended", item_ids=IDS, text_encoder=encoder,
        neighbours=item_model, neighbour_weight=WEIGHT,
    )  # fmt: skip
    return NextItemPredictor.load(folder)


def test_neighbours_add_what_they_say_of_the_history(
    blended: NextItemPredictor, sequence_model: SequenceRecommender, item_model: ItemItemRecommender
) -> None:
    expected = sequence_model.scores(HISTORIES) + WEIGHT * item_model.scores(HISTORIES)
    histories = [named(history) for history in HISTORIES]
    np.testing.assert_allclose(blended.scores(histories), expected, atol=1e-5)
    ((best, scores),) = blended.top_positions([histories[1]], 6)
    assert best.tolist() == np.argsort(-expected[1], kind="stable").tolist()
    np.testing.assert_allclose(scores, np.sort(expected[1])[::-1], atol=1e-5)


def test_what_neighbours_say_counts_in_reasons(blended: NextItemPredictor) -> None:
    blended.add_items(["new-dress"], blended.text_encoder.encode(["white dress"]))
    history = [*named([0, 3, 1]), "new-dress"]
    base = blended.scores([history])[0]
    shown = list(blended.item_ids)
    drops = np.array([base - blended.scores([history[:n] + history[n + 1 :]])[0] for n in range(4)])
    for column, reason in enumerate(blended.explain(history, shown)):
        most = drops[:, column].max()
        assert (reason.drop if reason else 0.0) == pytest.approx(max(most, 0), abs=1e-4)


def test_what_came_after_training_stands_by_the_neighbours_of_its_twin(blended: NextItemPredictor) -> None:
    plain_before = blended.scores([["item-0"]])[0]
    blended.add_items(["a-dress", "a-cable"], blended.text_encoder.encode(["red dress", "usb cable"]))
    scores = blended.scores([["item-0"]])[0]
    np.testing.assert_allclose(scores[:6], plain_before, atol=1e-5)
    assert scores[6] > scores[7], "users take dresses with dresses"


def test_only_neighbours_of_the_same_items_that_recommend_others_can_be_added(
    sequence_model: SequenceRecommender, tmp_path: Path
) -> None:
    for other in (
        ItemItemRecommender().fit([[0, 1, 2]] * 3),
        ItemItemRecommender(own_weight=1.0).fit([[0, 1, 2, 3, 4, 5]] * 3),
    ):
        with pytest.raises(InvalidDataError, match=r"[nN]eighbours"):
            export_next_item(
                sequence_model, tmp_path / "bad", item_ids=IDS, neighbours=other, neighbour_weight=1.0
            )


# -- similar items ------------------------------------------------------------------------------


def test_neighbours_are_those_of_the_model(
    neighbours: SimilarItemsPredictor, item_model: ItemItemRecommender
) -> None:
    histories = [named(history) for history in HISTORIES]
    np.testing.assert_allclose(neighbours.scores(histories), item_model.scores(HISTORIES), atol=1e-6)
    expected = [IDS[item] for item in item_model.similar_items([0], n=2)[0][0]]
    assert [item.item_id for item in neighbours.similar("item-0", 2)] == expected
    assert neighbours.similar("unknown") == []


def test_a_basket_is_answered_by_all_of_its_items_and_with_none_of_them(
    neighbours: SimilarItemsPredictor,
) -> None:
    found = {item.item_id for item in neighbours.for_basket(["item-0", "item-3", "unknown"], 6)}
    assert {"item-1", "item-4"} <= found
    assert not {"item-0", "item-3"} & found
    total = neighbours.scores_for_basket(["item-0"]) + neighbours.scores_for_basket(["item-3"])
    np.testing.assert_allclose(neighbours.scores_for_basket(["item-0", "item-3"]), total, atol=1e-6)


def test_a_baskets_reason_is_the_item_that_an_answer_is_nearest_to(neighbours: SimilarItemsPredictor) -> None:
    basket = ["unknown", "item-3", "item-0"]
    near_dress, near_cable, nothing = neighbours.explain(basket, ["item-1", "item-4", "unknown"])
    assert near_dress is not None
    assert (near_dress.position, near_dress.item_id) == (2, "item-0")
    without = neighbours.scores_for_basket(["item-3"])[1]
    assert near_dress.drop == pytest.approx(neighbours.scores_for_basket(basket)[1] - without, abs=1e-6)
    assert near_cable is not None
    assert near_cable.item_id == "item-3"
    assert nothing is None


def test_an_item_from_after_training_is_similar_by_its_text(
    neighbours: SimilarItemsPredictor, encoder: CharNgramTextEncoder
) -> None:
    neighbours.add_items(["new-dress"], encoder.encode(["white dress"]))
    assert {item.item_id for item in neighbours.similar("new-dress", 3)} == {"item-0", "item-1", "item-2"}
    assert "new-dress" in [item.item_id for item in neighbours.similar("item-0", 6)]
    assert "new-dress" not in [item.item_id for item in neighbours.similar("new-dress", 9)]


# -- popularity and texts -----------------------------------------------------------------------


def test_popularity_is_the_same_for_everyone(popularity_folder: Path) -> None:
    predictor = PopularityPredictor.load(popularity_folder)
    assert [item.item_id for item in predictor.top(2)] == ["item-0", "item-1"]
    assert [item.item_id for item in predictor.top(2, exclude=["item-0"])] == ["item-1", "item-2"]
    assert predictor.scores([[], ["item-0"]]).tolist() == [[3, 2, 1], [3, 2, 1]]


def test_texts_have_the_vectors_of_training(encoder: CharNgramTextEncoder, next_item_folder: Path) -> None:
    texts = [*TEXTS, "a text of other words", "", "!!!", "红色连衣裙"]
    np.testing.assert_allclose(
        TextEncoder.load(next_item_folder).encode(texts), encoder.encode(texts), atol=1e-5
    )
    assert TextEncoder.load(next_item_folder).encode([]).shape == (0, 6)


def test_each_text_goes_to_the_part_that_knows_its_script_as_in_training(tmp_path: Path) -> None:
    texts = ["red dress", "红色连衣裙", "蓝牙耳机", "blue shirt of the summer " * 400, "?", "shoes"]
    model = write_tiny_bert(tmp_path / "tiny")
    encoder = RoutedTextEncoder(model, scripts=("latin",), dim=4, device="cpu").fit(texts)
    served = load_predictor(export_text_encoder(encoder, tmp_path / "artifact"))
    np.testing.assert_allclose(served.encode(texts * 20), encoder.encode(texts * 20), atol=1e-5)


def test_versions_with_the_same_transformer_share_one_session(tmp_path: Path) -> None:
    encoder = PretrainedTextEncoder(write_tiny_bert(tmp_path / "tiny"), device="cpu").fit()
    first, second = (TextEncoder.load(export_text_encoder(encoder, tmp_path / name)) for name in "ab")
    assert first._pretrained._session is second._pretrained._session


def test_an_encoder_that_needs_jieba_says_so_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = CharNgramTextEncoder(dim=2, words="jieba").fit(["红色连衣裙", "蓝牙耳机"])
    export_text_encoder(encoder, tmp_path)
    monkeypatch.setitem(sys.modules, "jieba", None)
    from ecomai.inference import text

    text._jieba.cache_clear()
    with pytest.raises(UnreadableArtifactError, match="jieba"):
        TextEncoder.load(tmp_path)


def test_a_copy_elsewhere_answers_too(next_item_folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(next_item_folder, tmp_path / "copy")
    assert load_predictor(copy).recommend(["item-0"], 1)
