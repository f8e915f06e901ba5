"""The encoder of passages trained through the registry and served: in integers, where its vectors stay."""

import pytest

from ecomai.learning.encoders.routed import RoutedTextEncoder
from ecomai.learning.export import export_text_encoder
from ecomai.learning.export.quantization import MIN_TEXTS
from ecomai.registry.comparisons import trade_off_table
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import TrainingRun
from ecomai.registry.services import go_live, promote_version, request_training
from ecomai.serving import live
from support_bot.demo.articles import seed_articles
from support_bot.knowledge import current
from support_bot.knowledge.finding import find_passages
from support_bot.names import PASSAGES
from support_bot.training.passages import LEAST_COSINE, in_integers
from tests.learning.tiny import write_tiny_bert


@pytest.fixture
def no_copies():
    """What a process keeps of articles and models is another test's."""
    for forget in (live.forget, current.forget):
        forget()
    yield
    for forget in (live.forget, current.forget):
        forget()


@pytest.mark.django_db
def test_what_serves_is_the_form_that_the_card_names_and_it_finds_by_meaning(registry_folder, no_copies):
    seed_articles()
    run = request_training(model_name=PASSAGES)
    execute_job(run.job_id)
    run = TrainingRun.objects.select_related("job", "version").get(pk=run.pk)
    assert run.job.state == "succeeded", run.job.traceback
    card = run.version.card
    chosen = [row for row in card["trade_offs"] if row["is_chosen"]]
    assert [row["name"] for row in chosen] == [card["encoder_precision"]]
    assert all(row["name"] == "float32" or row["cosine_p5"] >= LEAST_COSINE for row in chosen)
    assert trade_off_table(card) is not None
    promote_version(version=run.version)
    go_live(model_name=PASSAGES)
    live.refresh()
    current.encode_missing()
    found = find_passages("When will my parcel be here?", language="en")
    assert found.answer is not None
    assert "deliver" in found.answer.entry.title.lower()


def test_too_few_texts_judge_no_form(tmp_path):
    texts = [f"text {n}" for n in range(MIN_TEXTS - 1)]
    encoder = RoutedTextEncoder(model=write_tiny_bert(tmp_path / "tiny"), device="cpu").fit(texts)
    folder = export_text_encoder(encoder, tmp_path / "artifact")
    before = (folder / "text_encoder.onnx").read_bytes()
    assert in_integers(folder, encoder.read_by_transformer(texts)) == {}
    assert (folder / "text_encoder.onnx").read_bytes() == before


def test_texts_that_the_transformer_does_not_read_judge_nothing(tmp_path):
    encoder = RoutedTextEncoder(model=write_tiny_bert(tmp_path / "tiny"), scripts=("latin",), device="cpu")
    encoder.fit(["When does it come?", "什么时候到"])
    assert encoder.read_by_transformer(["When?", "什么时候到", ""]) == ["When?"]
