"""A shop of sixteen things with a trained search."""

from decimal import Decimal

import pytest

from ecomai.learning.encoders.char_ngram import CharNgramTextEncoder
from ecomai.learning.export import export_search
from ecomai.learning.retrieval.hybrid import HybridSearcher
from ecomai.registry.artifacts import store_artifact
from ecomai.registry.models import ModelVersion
from ecomai.registry.services import go_live, promote_version
from ecomai.serving import live
from ecomai.serving.predictors.search import canonical
from recommendations import catalogue, shelf
from recommendations.services import search as searches
from recommendations.services.search import suggestions

FIRST = 800_001
THINGS = {
    "coffee cup": "Kitchen > Cups", "tea pot": "Kitchen > Tea", "desk lamp": "Home > Lamps",
    "garden chair": "Garden > Chairs",
}  # fmt: skip
COLOURS = ("red", "blue", "green", "white")


@pytest.fixture(autouse=True)
def _no_search_remembered():
    searches.forget()
    suggestions.forget()
    yield
    searches.forget()
    suggestions.forget()


def rows():
    for n, (thing, category) in enumerate(THINGS.items()):
        for m, colour in enumerate(COLOURS):
            yield {
                "pk": FIRST + 4 * n + m, "external_id": f"{colour} {thing}".replace(" ", "-"),
                "title": f"{colour.title()} {thing}", "category_path": category,
                "price": Decimal(10 * (m + 1) + n), "brand": "Acme" if m % 2 else "Zen",
                "attributes": {"colour": colour}, "url": f"/p/{n}{m}/", "stock": 3 if m else 0,
            }  # fmt: skip


@pytest.fixture
def goods(add_item):
    return {row["title"].lower(): add_item(row.pop("external_id"), **row) for row in rows()}


@pytest.fixture(scope="session")
def artifact(tmp_path_factory):
    texts = [shelf.text_of({**row, "description": ""}) for row in rows()]
    encoder = CharNgramTextEncoder(dim=16).fit(texts)
    model = HybridSearcher().fit(texts, encoder.encode(texts))
    return export_search(
        model, tmp_path_factory.mktemp("search"), item_ids=[str(row["pk"]) for row in rows()], texts=texts,
        behaviour={canonical("brew", "english"): {4: 0.9}}, behaviour_weight=1.0, text_encoder=encoder,
        past_queries=[("coffee cup", 9, 6), ("coffin", 9, 0), ("coral", 2, 2), ("teapot blue", 5, 5)],
    )  # fmt: skip


@pytest.fixture
def trained(artifact, registry_folder, goods):
    stored = store_artifact(artifact, model_name="recommendations.search", number=1, kind="search")
    version = ModelVersion.objects.create(
        model_name="recommendations.search", number=1, artifact_path=stored.path,
        artifact_bytes=stored.n_bytes, artifact_digest=stored.digest,
        card={"encoder_key": "recommendations:test"},
    )  # fmt: skip
    promote_version(version=version)
    go_live(model_name=version.model_name)
    live.refresh()
    return version


def titles(answer):
    return [hit.item.title for hit in answer.hits]


def choices(answer, name):
    found = {facet.name: facet for facet in answer.facets}
    return {choice.label: choice.n for choice in found[name].choices} if name in found else {}


def look_again():
    """As a second later, when a process looks for changes."""
    catalogue._copy._looked_at = float("-inf")
