"""Intents and entities answer in a web process as they did where they were learned."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from ecomai.inference.spans import Span
from ecomai.learning.classifiers.entities import EntityTagger
from ecomai.learning.classifiers.intent import IntentClassifier
from ecomai.learning.export import export_intents
from ecomai.serving.exceptions import UnreadableArtifactError
from ecomai.serving.predictors import load_predictor
from ecomai.serving.predictors.intents import IntentsPredictor
from tests.learning.tiny import write_tiny_bert

TEXTS = [
    f"{colour} {thing}" for colour in ("red", "blue") for thing in ("dress", "shirt", "shoes", "mug", "plate")
]
LABELS = [text.split()[0] for text in TEXTS]
CHINESE = ["我要退款", "请给我退款", "退款什么时候到", "我的快递到哪里了", "查快递", "快递还没到"]


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[IntentClassifier, EntityTagger, Path]:
    model = write_tiny_bert(tmp_path_factory.mktemp("bert"))
    options = {"device": "cpu", "is_narrow": False, "learning_rate": 1e-2, "max_epochs": 2}
    intents = IntentClassifier(model, scripts=("latin",), min_steps=4, dim=16, held_share=0.0, **options)
    intents.fit([*TEXTS, *CHINESE], [*LABELS, *["refund"] * 3, *["track"] * 3])
    intents.thresholds_ = np.array([0.2, 0.5])
    tagger = EntityTagger(model, swap_share=0.0, **{**options, "max_epochs": 40})
    tagger.fit(TEXTS, [[Span(0, len(label), "colour")] for label in LABELS])
    folder = tmp_path_factory.mktemp("artifact")
    return intents, tagger, export_intents(intents, folder, tagger=tagger)


def test_it_answers_as_the_model_did(learned: tuple[IntentClassifier, EntityTagger, Path]) -> None:
    model, tagger, folder = learned
    predictor = load_predictor(folder)
    assert isinstance(predictor, IntentsPredictor)
    texts = [*TEXTS, *CHINESE, "", "?!", "Кружка"]
    found = predictor.classify(texts)
    shares = model.predict_proba(texts)
    assert [each.intent for each in found] == model.predict(texts)
    np.testing.assert_allclose([each.confidence for each in found], shares.max(axis=1), atol=1e-4)
    np.testing.assert_allclose([each.strangeness for each in found], model.strangeness(texts), atol=1e-4)
    assert [each.is_out_of_scope for each in found] == (model.strangeness(texts) > 0).tolist()
    assert found[0].confidence >= found[0].others[0][1] >= found[0].others[1][1]
    assert predictor.find_entities(texts) == tagger.predict(texts)
    assert predictor.find_entities(["red mug"]) == [[Span(0, 3, "colour")]]
    assert predictor.classify([]) == []


def test_without_a_tagger_nothing_is_named(
    learned: tuple[IntentClassifier, EntityTagger, Path], tmp_path: Path
) -> None:
    predictor = IntentsPredictor.load(export_intents(learned[0], tmp_path))
    assert predictor.find_entities(["red mug", "x"]) == [[], []]


def test_an_artifact_whose_parts_do_not_fit_is_refused(
    learned: tuple[IntentClassifier, EntityTagger, Path], tmp_path: Path
) -> None:
    folder = export_intents(learned[0], tmp_path)
    arrays = load_file(folder / "arrays.safetensors")
    description = json.loads((folder / "predictor.json").read_text())
    (folder / "predictor.json").write_text(json.dumps({**description, "classes": ["one"]}))
    with pytest.raises(UnreadableArtifactError, match="other vectors"):
        IntentsPredictor.load(folder)
    (folder / "predictor.json").write_text(json.dumps(description))
    save_file(
        {name: array for name, array in arrays.items() if name != "mixture"}, folder / "arrays.safetensors"
    )
    with pytest.raises(UnreadableArtifactError, match="mixture"):
        IntentsPredictor.load(folder)
