"""Encoders of trainings: other forms and other weights, and always one form for all texts of a version."""

import json
from pathlib import Path

import numpy as np
import pytest

from ecomai.commerce.models import Item
from ecomai.fusion.models import EntityVector
from ecomai.learning.encoders import adapted
from ecomai.learning.export import quantization
from ecomai.registry.admin.versions import card_rows
from ecomai.registry.artifacts import open_artifact
from ecomai.registry.comparisons import trade_off_table
from ecomai.registry.models import ModelVersion
from ecomai.registry.services import go_live, promote_version
from ecomai.serving import live
from ecomai.serving.predictors.text_encoder import TextEncoder
from recommendations import services
from recommendations.texts import item_text
from recommendations.training import adapting, text_readers
from tests.learning.tiny import write_tiny_bert

from .test_training import ENOUGH, N_EACH, N_KINDS, SMALL, make_history, train
from .test_updating import add_walks

N_ITEMS = N_KINDS * N_EACH


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_tiny_bert(tmp_path_factory.mktemp("encoder") / "tiny")


@pytest.fixture
def items(db, settings, registry_folder):
    settings.ECOMAI = {**settings.ECOMAI, "RECOMMENDATIONS": ENOUGH}
    return make_history()


@pytest.fixture
def integers_win(monkeypatch):
    """Few texts are enough, any likeness is, and integers are always the fastest."""
    monkeypatch.setattr(quantization, "MIN_TEXTS", 16)
    monkeypatch.setattr(quantization.TradeOff, "passes", lambda *_gate: True)
    monkeypatch.setattr(
        quantization,
        "texts_per_second",
        lambda runs, _batches, **_callers: {name: float(name == "int8") for name in runs},
    )


def trained(*args, **hyperparameters) -> ModelVersion:
    run = train(*args, **hyperparameters)
    assert run.job.state == "succeeded", run.job.traceback
    return run.version


def text_of(item: Item) -> str:
    return item_text(title=item.title, category_path=item.category_path)


def stored(key: str) -> dict[str, np.ndarray]:
    rows = EntityVector.objects.filter(encoder=key).values_list("entity_id", "values")
    return {item_id: np.frombuffer(bytes(values), dtype=np.float32) for item_id, values in rows}


def assert_one_form_reads_everything(version: ModelVersion, items: list[Item]) -> None:
    """Vectors of the training and of an item that comes now are those of the files that serve."""
    encoder = TextEncoder.load(open_artifact(version))
    vectors = stored(version.card["encoder_key"])
    np.testing.assert_allclose(
        vectors[items[3].external_id], encoder.encode([text_of(items[3])])[0], atol=2e-3
    )
    promote_version(version=version)
    go_live(model_name=version.model_name)
    live.refresh()
    new = Item.objects.create(external_id="newest", title="kind1 thing newest", category_path="Kind 1")
    assert services.encode_items(item_keys=[new.pk]) == 1
    fresh = stored(version.card["encoder_key"])["newest"]
    np.testing.assert_allclose(fresh, encoder.encode([text_of(new)])[0], atol=2e-3)
    live.forget()


def test_integers_read_all_texts_of_a_version_where_they_pass(items, tiny, integers_win):
    version = trained(**{**SMALL, "encoder": tiny}, encoder_precision="int8")
    described = json.loads((open_artifact(version) / "text_encoder.json").read_text())
    assert described["pretrained"]["precision"] == version.card["encoder_precision"] == "int8"
    chosen = {row["name"]: row["is_chosen"] for row in version.card["trade_offs"]}
    assert chosen["int8"]
    assert sum(chosen.values()) == 1
    table = trade_off_table(version.card)
    assert table is not None
    assert "int8" in [row[0] for row in table.rows]
    assert "Numbers of the text encoder" in [str(label) for label, _value in card_rows(version)]
    assert len(stored(version.card["encoder_key"])) == N_ITEMS
    assert_one_form_reads_everything(version, items)
    exact = trained("similar_items", encoder=tiny)
    assert exact.card["encoder_key"] != version.card["encoder_key"]


def test_where_no_integers_pass_the_exact_form_stays_and_the_curve_says_why(
    items, tiny, monkeypatch, tmp_path
):
    monkeypatch.setattr(quantization, "MIN_TEXTS", 16)
    monkeypatch.setattr(quantization.TradeOff, "passes", lambda *_gate: False)
    texts = [text_of(item) for item in items]
    exact = text_readers.fit_reader(texts, name=tiny)
    reader = text_readers.in_integers(exact, texts, tmp_path / "made", cache=tmp_path / "cache")
    assert reader.key == exact.key
    assert reader.source is exact.source
    assert reader.card["encoder_precision"] == "float32"
    assert {row["name"]: row["is_chosen"] for row in reader.card["trade_offs"]}["float32"]


def test_without_enough_texts_or_a_transformer_a_sentence_says_so(items, tiny, tmp_path):
    texts = [text_of(item) for item in items]
    for name, n_texts in ((tiny, N_ITEMS), ("char_ngram", 0)):
        exact = text_readers.fit_reader(texts, name=name)
        reader = text_readers.in_integers(exact, texts, tmp_path, cache=tmp_path)
        assert reader.key == exact.key
        assert reader.card["encoder_precision"].startswith(f"There are {n_texts} texts")


def test_a_run_that_goes_on_keeps_the_form_it_chose(items, tiny, integers_win, monkeypatch, tmp_path):
    texts = [text_of(item) for item in items]
    exact = text_readers.fit_reader(texts, name=tiny)
    first = text_readers.in_integers(exact, texts, tmp_path / "made", cache=tmp_path)
    made = (tmp_path / "made" / "text_encoder.onnx").stat().st_mtime_ns
    again = text_readers.in_integers(exact, texts, tmp_path / "made", cache=tmp_path)
    assert (tmp_path / "made" / "text_encoder.onnx").stat().st_mtime_ns == made
    assert (again.key, again.card) == (first.key, first.card)


# -- encoders of the shop's own -------------------------------------------------------------------


@pytest.fixture
def is_better(monkeypatch):
    """`is_better(True)`: whether an adapted encoder finds the next item better than the published one."""

    def be(is_so: bool) -> None:
        judged = iter([0.1, 0.2, 0.15] if is_so else [0.2, 0.1, 0.1])
        monkeypatch.setattr(adapted, "_judge_network", lambda *_: lambda _task: {"mrr@10": next(judged, 0.0)})

    return be


@pytest.mark.parametrize("kind", ["head", "lora", "adalora", "full"])
def test_an_adapted_encoder_goes_with_its_version_and_reads_new_items(items, tiny, is_better, kind):
    is_better(True)
    options = {"encoder_adaptation": kind, "encoder_max_pairs": 300, "max_epochs": 2, "is_refitted": False}
    version = trained(**{**SMALL, "encoder": tiny, **options})
    facts = version.card["encoder_adaptation"]
    assert (facts["kind"], facts["is_kept"]) == (kind, True)
    assert (facts["mrr@10_before"], facts["mrr@10_after"]) == (0.1, 0.2)
    rows = {row["name"]: row for row in version.card["trade_offs"]}
    assert set(rows) == {"published", kind}
    assert rows[kind]["is_chosen"]
    assert rows["published"]["cosine"] == pytest.approx(1.0, abs=1e-3)
    assert rows[kind]["size_mb"] >= rows["published"]["size_mb"] > 0
    texts = [text_of(item) for item in items]
    published = text_readers.fit_reader(texts, name=tiny)
    assert version.card["encoder_key"] != published.key
    mine = TextEncoder.load(open_artifact(version)).encode(texts)
    # AdaLoRA begins at nothing and moves least: these few steps leave it near the published one.
    assert np.abs(mine - published.encode(texts)).max() > (1e-7 if kind == "adalora" else 1e-4)
    assert_one_form_reads_everything(version, items)


def test_an_encoder_that_is_no_better_for_it_stays_as_it_was(items, tiny, is_better):
    is_better(False)
    version = trained(**{**SMALL, "encoder": tiny}, encoder_adaptation="lora", encoder_max_pairs=200)
    assert version.card["encoder_adaptation"]["is_kept"] is False
    published = text_readers.fit_reader([text_of(item) for item in items], name=tiny)
    assert version.card["encoder_key"] == published.key


def test_a_smaller_encoder_answers_as_the_larger_and_may_be_of_integers_too(items, tiny, integers_win):
    options = {"encoder_layers": 1, "encoder_is_vocabulary_pruned": True, "encoder_precision": "int8"}
    version = trained(**{**SMALL, "encoder": tiny, **options})
    rows = {row["name"]: row for row in version.card["trade_offs"]}
    assert {"published", "compact", "float32", "int8"} <= set(rows)
    assert rows["compact"]["size_mb"] < rows["published"]["size_mb"]
    assert version.card["encoder_adaptation"]["n_layers"] == 1
    assert_one_form_reads_everything(version, items)


def test_more_layers_than_there_are_leave_the_encoder_and_say_why(items, tiny):
    version = trained(**{**SMALL, "encoder": tiny}, encoder_layers=6)
    assert "layers" in version.card["encoder_adaptation"]["left_out_because"]
    assert version.metrics["ndcg@10"] > 0


def test_an_update_reads_with_the_encoder_of_the_version_it_goes_on_from(items, tiny, is_better):
    is_better(True)
    options = {**SMALL, "encoder": tiny, "encoder_adaptation": "head", "encoder_max_pairs": 200}
    first = trained(**options)
    promote_version(version=first)
    add_walks(items)
    second = trained(**options, is_update=True)
    assert second.card["update"]["from_version"] == first.number
    for name in ("encoder_key", "encoder_adaptation", "trade_offs"):
        assert second.card[name] == first.card[name]
    texts = [text_of(item) for item in items]
    mine, its = (TextEncoder.load(open_artifact(version)).encode(texts) for version in (second, first))
    np.testing.assert_array_equal(mine, its)
    live.forget()


# -- time -----------------------------------------------------------------------------------------


def working(asked: list[int], seconds_per_row: float, clock: list[float]):
    """A training that takes so long, in ten parts."""

    def fit(n_rows: int, watch) -> str:
        asked.append(n_rows)
        for part in range(1, 11):
            clock[0] += n_rows * seconds_per_row / 10
            watch.on_progress(part / 10)
        return f"learned from {n_rows}"

    return fit


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(adapting.time, "monotonic", lambda: now[0])
    return now


def test_as_much_is_learned_from_as_fits_into_the_time(clock):
    asked: list[int] = []
    found, n_rows = adapting.within(10, 10_000, working(asked, 0.1, clock))  # 1,000 seconds for 600
    assert found == f"learned from {n_rows}"
    assert asked[0] == 10_000
    assert 3000 < n_rows < 6000
    assert clock[0] <= 600


def test_what_fits_at_once_is_tried_once(clock):
    asked: list[int] = []
    assert adapting.within(10, 5000, working(asked, 0.1, clock)) == ("learned from 5000", 5000)
    assert asked == [5000]


def test_what_never_fits_is_given_up(clock):
    asked: list[int] = []
    assert adapting.within(0.5, 10_000, working(asked, 20.0, clock)) == (None, 0)
    assert len(asked) <= 3


def test_similar_items_read_new_texts_with_the_encoder_they_came_with(items, tiny):
    version = trained("similar_items", encoder=tiny)
    assert_one_form_reads_everything(version, items)
    folder: Path = open_artifact(version)
    assert json.loads((folder / "predictor.json").read_text())["has_text_encoder"]
