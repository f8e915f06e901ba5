"""Everything that trains runs on a GPU unchanged, and what it learned serves from a CPU."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ecomai.learning.callbacks import Curve
from ecomai.learning.classifiers.event_sequence import EventSequenceClassifier
from ecomai.learning.exceptions import TrainingCancelledError, TrainingMemoryError
from ecomai.learning.flops import count_flops, matrix_rate
from ecomai.learning.interactions import Interactions
from ecomai.learning.metrics.classification import roc_auc
from ecomai.learning.recommenders.sequence import SequenceRecommender
from ecomai.learning.retrieval.cross_encoder import CrossEncoder
from ecomai.learning.splits import leave_last_out
from ecomai.learning.trainer import train
from recommendations.benchmarks.encoder_training import encoder_row

from .test_cross_encoder import QUERIES, TEXTS, judged
from .test_cross_encoder import SETTINGS as PAIR_SETTINGS
from .test_event_sequence import TINY as TINY_EVENTS
from .test_event_sequence import events
from .tiny_training import Network, Notes, Rows, plan, weights

gpu = pytest.mark.gpu
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="There is no CUDA device here.")
OPTIONS = {"dim": 16, "n_layers": 1, "max_length": 8, "batch_size": 32, "max_epochs": 10}


class HungryOnTheGpu(Network):
    """Really asks the GPU for more than it has whenever it is given too many rows."""

    def __init__(self, n_rows_that_fit: int) -> None:
        super().__init__()
        self.n_rows_that_fit = n_rows_that_fit

    def forward(self, x: torch.Tensor, y: torch.Tensor, is_step: torch.Tensor) -> dict[str, torch.Tensor]:
        outputs = super().forward(x, y, is_step)
        if len(x) > self.n_rows_that_fit:
            torch.empty(2**45, dtype=torch.uint8, device=x.device)
        return outputs


@gpu
@needs_gpu
def test_the_sequence_model_learns_on_the_gpu_and_answers_on_the_cpu(
    loyal_users: Interactions, item_vectors: np.ndarray, tmp_path: Path
) -> None:
    split = leave_last_out(loyal_users)
    model = SequenceRecommender(**OPTIONS, device="cuda").fit(split.train, item_vectors, valid=split)
    assert next(model.network.parameters()).device.type == "cuda"
    assert {parameter.dtype for parameter in model.network.parameters()} == {torch.float32}
    on_cpu = SequenceRecommender.load(model.save(tmp_path), device="cpu")
    np.testing.assert_allclose(on_cpu.scores([[0, 1], [7]]), model.scores([[0, 1], [7]]), atol=1e-3)
    ranked, _ = on_cpu.recommend([[0, 1, 2]], n=3)
    assert all(item < 6 for item in ranked[0])


@gpu
@needs_gpu
def test_a_model_from_the_gpu_is_exported(loyal_users: Interactions, tmp_path: Path) -> None:
    from ecomai.learning.export import export_next_item

    model = SequenceRecommender(**OPTIONS, device="cuda").fit(loyal_users)
    item_ids = [str(item) for item in range(loyal_users.n_items)]
    export_next_item(model, tmp_path, item_ids=item_ids)  # refuses a graph that answers otherwise
    assert (tmp_path / "user_encoder.onnx").is_file()


@gpu
@needs_gpu
def test_mixed_precision_learns_what_the_cpu_learns() -> None:
    on_cpu, on_gpu = Network(), Network()
    expected = train(on_cpu, Rows(), plan(), judge=judge_where_it_is, metric="closeness")
    result = train(on_gpu, Rows(), plan(device="cuda"), judge=judge_where_it_is, metric="closeness")
    assert result.judgements == pytest.approx(expected.judgements, rel=0.05)


def judge_where_it_is(module: torch.nn.Module) -> dict[str, float]:
    device = next(module.parameters()).device
    batch = {name: tensor.to(device) for name, tensor in Rows().__getitems__(list(range(10))).items()}
    with torch.no_grad():
        return {"closeness": -float(module(**batch)["loss"])}


@gpu
@needs_gpu
def test_a_training_on_the_gpu_resumes_to_the_same_curve(tmp_path: Path) -> None:
    whole = train(Network(dropout=0.3), Rows(), plan(device="cuda"), checkpoint_folder=tmp_path / "whole")
    with pytest.raises(TrainingCancelledError):
        train(Network(dropout=0.3), Rows(), plan(device="cuda"), checkpoint_folder=tmp_path / "stopped",
              callbacks=[Notes(stop_at=0.5)])  # fmt: skip
    notes, resumed = Notes(), Network(dropout=0.3)
    result = train(resumed, Rows(), plan(device="cuda"), checkpoint_folder=tmp_path / "stopped",
                   callbacks=[notes])  # fmt: skip
    assert notes.n_steps < 20
    assert [step for step, _ in result.curve] == [step for step, _ in whole.curve]
    for (_, metrics), (_, expected) in zip(result.curve, whole.curve, strict=True):
        assert metrics["loss"] == pytest.approx(expected["loss"], rel=1e-3)


@gpu
@needs_gpu
def test_a_batch_that_the_gpu_cannot_hold_is_done_in_parts() -> None:
    whole, hungry, curve = Network(), HungryOnTheGpu(3), Curve()
    train(whole, Rows(), plan(device="cuda"))
    train(hungry, Rows(), plan(device="cuda"), callbacks=[curve])
    assert [m["micro_batch_size"] for _, m in curve.points if "micro_batch_size" in m] == [4, 2]
    np.testing.assert_allclose(weights(hungry.cpu()), weights(whole.cpu()), atol=1e-2)  # bf16 has 8 bits
    with pytest.raises(TrainingMemoryError):
        train(HungryOnTheGpu(0), Rows(), plan(device="cuda"))


@gpu
@needs_gpu
def test_an_encoder_is_fine_tuned_on_the_gpu() -> None:
    row = encoder_row("cuda", batch_size=64, n_steps=20)
    assert row["tokens_per_second"] > 0
    assert 0 < row["matrix_share"] < 1
    assert row["peak_device_memory_mb"] > 0


@gpu
@needs_gpu
def test_a_classifier_of_events_learns_on_the_gpu_and_answers_on_the_cpu(tmp_path: Path) -> None:
    table, bad = events(600)
    settings = {**TINY_EVENTS, "device": "cuda"}
    model = EventSequenceClassifier(**settings).pretrain(table, np.arange(200))
    model.fit(table, np.arange(200, 500), bad[200:500])
    assert next(model.network.parameters()).device.type == "cuda"
    cases = np.arange(500, 600)
    on_gpu = model.decision_function(table, cases)
    assert roc_auc(bad[cases], on_gpu) > 0.8
    model.save(tmp_path)
    on_cpu = EventSequenceClassifier.load(tmp_path, device="cpu")
    np.testing.assert_allclose(on_cpu.decision_function(table, cases), on_gpu, atol=1e-2)


@gpu
@needs_gpu
def test_a_reader_of_pairs_learns_on_the_gpu_and_answers_on_the_cpu(tiny_model: str, tmp_path: Path) -> None:
    model = CrossEncoder(tiny_model, **{**PAIR_SETTINGS, "device": "cuda"})
    model.fit(QUERIES, TEXTS, judged([0, 1, 2, 6, 7, 8]))
    asked = ["mug", "mug", "mug"], ["red mug", "blue mug", "green mug"]
    on_gpu = model.predict(*asked)
    assert on_gpu[0] > on_gpu[1] > on_gpu[2]
    on_cpu = CrossEncoder.load(model.save(tmp_path), device="cpu")
    np.testing.assert_allclose(on_cpu.predict(*asked), on_gpu, atol=1e-2)


class TwoLayers(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(7, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": self.layers(x).sum()}


def test_the_operations_of_a_step_are_those_of_its_matrix_products() -> None:
    first, second = 11 * 7 * 5, 11 * 5 * 3
    # Forwards; backwards the weights of both, and the input of the second alone.
    assert count_flops(TwoLayers(), {"x": torch.ones(11, 7)}) == 2 * (2 * first + 3 * second)


def test_no_step_multiplies_faster_than_large_matrices() -> None:
    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    row = encoder_row("cpu", size, batch_size=4, n_steps=12)
    assert matrix_rate("cpu") > 1e8
    assert 0 < row["matrix_share"] < 1
