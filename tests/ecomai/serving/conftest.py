"""Artifacts made by real models, and versions of them in the registry."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ecomai.learning.encoders.char_ngram import CharNgramTextEncoder
from ecomai.learning.export import export_next_item, export_popularity, export_similar_items
from ecomai.learning.recommenders.item_item import ItemItemRecommender
from ecomai.learning.recommenders.popularity import PopularityRecommender
from ecomai.learning.recommenders.sequence import SequenceRecommender
from ecomai.registry.artifacts import store_artifact
from ecomai.registry.models import ModelDeployment, ModelVersion
from ecomai.serving import live

torch.set_num_threads(1)

MODEL = "probe.model"
IDS = [f"item-{number}" for number in range(6)]
TEXTS = ["red dress", "blue dress", "green dress", "usb cable", "long usb cable", "short usb cable"]
HISTORIES = [[0, 1, 2], [1, 0], [3, 4], [4, 3, 5], [0, 1], [5, 4]] * 8


@pytest.fixture(scope="session")
def encoder() -> CharNgramTextEncoder:
    return CharNgramTextEncoder(dim=6, words="none").fit(TEXTS)


@pytest.fixture(scope="session")
def sequence_model(encoder: CharNgramTextEncoder) -> SequenceRecommender:
    model = SequenceRecommender(
        dim=8, n_layers=1, max_length=5, max_epochs=25, batch_size=16, learning_rate=1e-2, device="cpu"
    )
    return model.fit(HISTORIES, encoder.encode(TEXTS))


@pytest.fixture(scope="session")
def item_model(encoder: CharNgramTextEncoder) -> ItemItemRecommender:
    return ItemItemRecommender(n_neighbours=4).fit(HISTORIES, encoder.encode(TEXTS))


@pytest.fixture(scope="session")
def next_item_folder(
    sequence_model: SequenceRecommender,
    encoder: CharNgramTextEncoder,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("next_item")
    return export_next_item(sequence_model, folder, item_ids=IDS, text_encoder=encoder)


@pytest.fixture(scope="session")
def similar_items_folder(
    item_model: ItemItemRecommender,
    encoder: CharNgramTextEncoder,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("similar_items")
    return export_similar_items(item_model, folder, item_ids=IDS, item_vectors=encoder.encode(TEXTS))


@pytest.fixture
def popularity_folder(tmp_path: Path) -> Path:
    model = PopularityRecommender().fit([[0, 0, 0, 1, 1, 2]], np.eye(3, dtype=np.float32))
    return export_popularity(model, tmp_path / "popularity", item_ids=IDS[:3])


@pytest.fixture
def registry_folder(settings: Any, tmp_path: Path) -> Iterator[Path]:
    settings.ECOMAI = {
        **settings.ECOMAI,
        "REGISTRY": {"FOLDER": tmp_path / "registry"},
        "SERVING": {"POLL_SECONDS": 0.0, "RETRY_SECONDS": 0.0},
    }
    live.forget()
    yield tmp_path / "registry"
    live.forget()


@pytest.fixture
def make_version(registry_folder: Path, tmp_path: Path) -> Callable[..., ModelVersion]:
    """Registers a version of the model; its popularity gives the first place to the item `best`."""

    def make(number: int, best: int = 0) -> ModelVersion:
        model = PopularityRecommender().fit([[best, best, 0, 1, 2]])
        folder = export_popularity(model, tmp_path / f"v{number}", item_ids=IDS[:3])
        stored = store_artifact(folder, model_name=MODEL, number=number, kind="popularity")
        return ModelVersion.objects.create(
            model_name=MODEL,
            number=number,
            artifact_path=stored.path,
            artifact_digest=stored.digest,
            artifact_bytes=stored.n_bytes,
        )

    return make


@pytest.fixture
def deploy() -> Callable[..., None]:
    """Says what serves: the row that promotion writes."""

    def deploy(
        *, live_version: ModelVersion | None = None, shadow_version: ModelVersion | None = None
    ) -> None:
        mode = ModelDeployment.Mode.LIVE if live_version else ModelDeployment.Mode.SHADOW
        ModelDeployment.objects.update_or_create(
            model_name=MODEL,
            defaults={"mode": mode, "live_version": live_version, "shadow_version": shadow_version},
        )

    return deploy
