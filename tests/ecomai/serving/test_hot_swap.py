"""Versions change under load: no request fails, and each answer is one version's as a whole."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from ecomai.learning.export import export_next_item
from ecomai.learning.recommenders.sequence import SequenceRecommender
from ecomai.registry.artifacts import store_artifact
from ecomai.registry.models import ModelVersion
from ecomai.serving import live

from .conftest import HISTORIES, MODEL

N_IN_FLIGHT = 100
N_PROMOTIONS = 9


@pytest.fixture
def versions(
    sequence_model: SequenceRecommender, registry_folder: Path, tmp_path: Path
) -> list[ModelVersion]:
    """Two catalogues that have no item in common, one without texts, and a version with a cut file."""
    other = SequenceRecommender(dim=8, n_layers=1, n_heads=1, max_length=3, max_epochs=1, device="cpu")
    other.fit([[item for item in history if item < 4] for history in HISTORIES])
    made = []
    for number, (model, letter) in enumerate(((sequence_model, "a"), (other, "b"), (other, "c")), start=1):
        folder = export_next_item(
            model, tmp_path / letter, item_ids=[f"{letter}{n}" for n in range(model.n_items_)]
        )
        stored = store_artifact(folder, model_name=MODEL, number=number, kind="next_item")
        made.append(ModelVersion.objects.create(
            model_name=MODEL, number=number, artifact_path=stored.path, artifact_digest=stored.digest
        ))  # fmt: skip
    damaged = registry_folder / "artifacts" / made[2].artifact_path / "items.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-8])
    return made


@pytest.mark.django_db(transaction=True)
def test_no_request_fails_and_no_answer_mixes_versions_while_versions_change(
    versions: list[ModelVersion], deploy: Any, settings: Any
) -> None:
    settings.ECOMAI = {**settings.ECOMAI, "SERVING": {"POLL_SECONDS": 0.01, "RETRY_SECONDS": 0.05}}
    letters = {versions[0].pk: "a", versions[1].pk: "b"}
    deploy(live_version=versions[0])
    live.refresh()
    is_over, all_in = threading.Event(), threading.Barrier(N_IN_FLIGHT + 1)
    history = [f"{letter}{n}" for n in range(3) for letter in "ab"]

    def ask() -> set[str]:
        all_in.wait()
        answered = set()
        while not is_over.is_set():
            served = live.get_live(MODEL)
            connections.close_all()  # as at the end of a request
            assert served is not None
            predictor: Any = served.predictor
            items = predictor.recommend(history, 3, exclude=history)
            scores = predictor.scores([history])
            assert {item.item_id[0] for item in items} == {letters[served.version_id]}
            assert scores.shape == (1, len(predictor.item_ids))
            answered.add(letters[served.version_id])
            time.sleep(0.05)
        return answered

    with ThreadPoolExecutor(N_IN_FLIGHT) as pool:
        asked = [pool.submit(ask) for _ in range(N_IN_FLIGHT)]
        all_in.wait()
        try:
            for number in range(N_PROMOTIONS):
                deploy(live_version=versions[(number + 1) % 3])
                live.refresh()
                if number % 3 == 1:
                    assert [fault.version_number for fault in live.faults()] == [3]
                time.sleep(0.05)
        finally:
            is_over.set()
        answers = [one.result(timeout=60) for one in asked]
    assert set.union(*answers) == {"a", "b"}
