"""A small shop whose right answers are known: three kinds of things, bought by people who keep to one."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

from ecomai.commerce.models import Customer, Event, Item
from ecomai.registry.artifacts import store_artifact
from ecomai.registry.models import ModelVersion
from ecomai.registry.selectors import forget_switches
from ecomai.registry.services import go_live, promote_version
from ecomai.serving import live
from recommendations import catalogue, services
from recommendations.models import Pipeline, PipelineSource
from recommendations.pipeline import plans, sources
from recommendations.texts import item_text

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
KINDS = {"Coffee": "coffee beans", "Hiking": "hiking boots", "Writing": "fountain pen"}


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    """Each test starts with a process that has read nothing yet."""
    catalogue.forget()
    forget_switches()
    live.forget()
    plans.forget_plans()
    sources.forget_together()
    cache.clear()
    yield
    plans.forget_plans()
    catalogue.forget()
    forget_switches()
    live.forget()


@pytest.fixture
def add_item(db: None) -> Callable[..., Item]:
    def add(external_id: str, **fields: Any) -> Item:
        fields = {
            "title": f"Thing {external_id}",
            "price": Decimal(10),
            "currency": "EUR",
            "stock": 5,
        } | fields
        return Item.objects.create(external_id=external_id, **fields)

    return add


@pytest.fixture
def add_customer(db: None) -> Callable[..., Customer]:
    def add(external_id: str, **fields: Any) -> Customer:
        return Customer.objects.create(external_id=external_id, **fields)

    return add


@pytest.fixture
def add_event(db: None) -> Callable[..., Event]:
    def add(item: Item | None, *, type: str = "view", days_ago: float = 1.0, **fields: Any) -> Event:
        return Event.objects.create(
            key=uuid.uuid4(), item=item, type=type, occurred_at=NOW - timedelta(days=days_ago), **fields
        )

    return add


# Fixed keys, so that one trained artifact serves all tests.
FIRST_KEY = 900_001
N_OF_A_KIND = 4


def shop_texts() -> list[tuple[str, str]]:
    """Return kind and title of each item, in the order of their keys."""
    numbers = range(1, N_OF_A_KIND + 1)
    return [(kind, f"{text} number {number}") for kind, text in KINDS.items() for number in numbers]


@pytest.fixture
def shop(add_item: Callable[..., Item]) -> list[Item]:
    """Twelve items: four each of coffee, hiking and writing, from cheap to dear."""
    items = []
    for place, (kind, title) in enumerate(shop_texts()):
        number = place % N_OF_A_KIND + 1
        external_id = f"{kind.lower()}-{number}"
        items.append(
            add_item(
                external_id,
                pk=FIRST_KEY + place,
                title=title,
                category_path=f"{kind} > {KINDS[kind].title()}",
                price=Decimal(10 * number),
                url=f"/products/{external_id}/",
            )
        )
    return items


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Trained files of both models: whoever takes number n of a kind goes on with number n + 1 of it."""
    import torch

    from ecomai.learning.encoders.char_ngram import CharNgramTextEncoder
    from ecomai.learning.export import export_next_item, export_similar_items
    from ecomai.learning.recommenders.item_item import ItemItemRecommender
    from ecomai.learning.recommenders.sequence import SequenceRecommender

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("artifacts")
    texts = [item_text(title=title, category_path=kind) for kind, title in shop_texts()]
    encoder = CharNgramTextEncoder(dim=16).fit(texts)
    vectors = encoder.encode(texts)
    ids = [str(FIRST_KEY + place) for place in range(len(texts))]
    rows = [[4 * kind + step for step in range(start, 4)] for kind in range(3) for start in (0, 0, 1, 2)] * 12
    next_item = SequenceRecommender(dim=16, n_layers=1, max_epochs=20, batch_size=8, device="cpu")
    next_item.fit(rows, vectors)
    similar = ItemItemRecommender().fit(rows, vectors)
    return {
        "next_item": export_next_item(next_item, folder / "next_item", item_ids=ids, text_encoder=encoder),
        "similar_items": export_similar_items(
            similar, folder / "similar_items", item_ids=ids, item_vectors=vectors
        ),
    }


@pytest.fixture
def registry_folder(settings: Any, tmp_path: Path) -> Path:
    settings.ECOMAI = {**settings.ECOMAI, "REGISTRY": {"FOLDER": str(tmp_path / "registry")}}
    return tmp_path / "registry"


@pytest.fixture
def register(artifacts: dict[str, Path], registry_folder: Path, db: None) -> Callable[..., ModelVersion]:
    """Store the trained files as a version of a model."""

    def store(kind: str, number: int = 1) -> ModelVersion:
        name = f"recommendations.{kind}"
        stored = store_artifact(artifacts[kind], model_name=name, number=number, kind=kind)
        return ModelVersion.objects.create(
            model_name=name, number=number, artifact_path=stored.path, artifact_digest=stored.digest,
            artifact_bytes=stored.n_bytes, card={"encoder_key": "recommendations:test"},
        )  # fmt: skip

    return store


@pytest.fixture
def live_models(register: Callable[..., ModelVersion], shop: list[Item]) -> dict[str, ModelVersion]:
    """Both models, promoted and live."""
    versions = {kind: register(kind) for kind in ("next_item", "similar_items")}
    for version in versions.values():
        promote_version(version=version)
        go_live(model_name=version.model_name)
    live.refresh()
    return versions


@pytest.fixture
def version(db: None) -> ModelVersion:
    """A version's row, without files behind it."""
    return ModelVersion.objects.create(
        model_name="recommendations.next_item", number=3, artifact_path="nowhere", artifact_digest="0" * 64
    )


@pytest.fixture
def make_pipeline(db: None) -> Callable[..., Pipeline]:
    """Make a pipeline of some sources, live at the placement "home" unless told otherwise."""

    def make(
        *kinds: str, rules: Any = (), state: str = "live", placement: str = "home", **fields: Any
    ) -> Pipeline:
        pipeline = Pipeline.objects.create(
            name="Summer", placement=placement, state=state, **{"diversity": 0.0, **fields}
        )
        for kind in kinds:
            pipeline.sources.create(kind=kind, n_items=50, weight=PipelineSource.WEIGHTS[kind])
        for rule in rules:
            pipeline.rules.create(**{"name": "a rule", **rule})
        return pipeline

    return make


@pytest.fixture
def coffee_drinker(
    live_models: Any, shop: list[Item], add_customer: Callable[..., Customer], add_event: Callable[..., Event]
) -> Customer:
    """Looked at the first coffee, after which the model expects the second; coffee is what others look at."""
    customer = add_customer("anna")
    add_event(shop[0], customer=customer)
    for number, item in enumerate(shop):
        for _n in range(len(shop) - number):
            add_event(item, days_ago=2.0, session_id=f"somebody-{number}")
    services.refresh_popularity()
    return customer
