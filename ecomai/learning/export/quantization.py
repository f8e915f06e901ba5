"""A smaller and faster text encoder, where its vectors stay what they were: measured, not assumed."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer

from ecomai.learning.exceptions import InvalidDataError

from .int8 import linear_maps, quantize_statically

GRAPH_FILE = "text_encoder.onnx"
BATCH_SIZE = 32
N_CALIBRATION = 256
N_JUDGED = 256
# Texts that are read one at a time: for speed, and for whether the batch matters.
N_SINGLES = 32
MIN_TEXTS = 64
N_NEIGHBOURS = 10
TURNS = 4
EXACT = "float32"
# What dynamic quantisation may touch: it takes the standard's attention for an older one of the same name.
LINEAR = ["MatMul", "Gather"]

Feeds = dict[str, NDArray[np.int64]]
Run = Callable[[Feeds], NDArray[np.float32]]


@dataclass(frozen=True)
class TradeOff:
    """What one form of an encoder costs and keeps.

    Attributes
    ----------
    name : str
    size_mb : float
        Of the graph, in 10^6 bytes.
    texts_per_second_1, texts_per_second_32 : float
        One text a run, and 32; tokens counted out beforehand.
    cosine_p5, cosine_min : float
        To the exact vectors: of all but the worst 5 % of the texts, and of the worst.
    neighbours_kept : float in [0, 1]
        Share of the exact vectors' 10 nearest neighbours that stay.
    batch_cosine_min : float
        Between a text's vector alone and in a batch; 1 where the batch does not matter.
    """

    name: str
    size_mb: float
    texts_per_second_1: float
    texts_per_second_32: float
    cosine_p5: float
    cosine_min: float
    neighbours_kept: float
    batch_cosine_min: float

    def passes(self, min_cosine_p5: float, min_neighbours_kept: float) -> bool:
        """Whether vectors stay near enough to the exact ones, alone and in a batch."""
        is_near = min(self.cosine_p5, self.batch_cosine_min) >= min_cosine_p5
        return is_near and self.neighbours_kept >= min_neighbours_kept


def quantize_text_encoder(
    folder: str | Path,
    texts: Sequence[str],
    *,
    min_cosine_p5: float = 0.99,
    min_neighbours_kept: float = 0.9,
    random_state: int = 0,
) -> list[TradeOff]:
    """Replace the transformer of an artifact by its fastest form that passes the gate.

    A gate is passed by cosine, neighbours, and by vectors that do not depend on their batch; the exact
    form always passes. Vectors of two forms must not meet in one index.

    Parameters
    ----------
    folder : path
        An artifact with the files of `export_text_encoder`.
    texts : sequence of str
        Of the shop, at least 64. One part fixes the scales, another one judges.
    min_cosine_p5, min_neighbours_kept : float in [0, 1]
    random_state : int, default 0

    Returns
    -------
    list of TradeOff
        The curve, for the model's card; `text_encoder.json` names the form chosen as `precision`.

    Raises
    ------
    InvalidDataError
        If there are too few texts, or the artifact has no transformer.
    """
    folder = Path(folder)
    description = json.loads((folder / "text_encoder.json").read_text(encoding="utf-8"))
    if not description["pretrained"] or len(set(texts)) < MIN_TEXTS:
        raise InvalidDataError(f"An artifact with a transformer and at least {MIN_TEXTS} texts are needed.")
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        forms, judged = make_forms(folder, texts, Path(place), random_state=random_state)
        found = measure_forms(forms, judged)
        passed = [
            one for one in found if one.name == EXACT or one.passes(min_cosine_p5, min_neighbours_kept)
        ]  # fmt: skip
        best = max(passed, key=lambda one: one.texts_per_second_32)
        if best.name != EXACT:
            shutil.move(forms[best.name], folder / GRAPH_FILE)
    description["pretrained"]["precision"] = best.name
    (folder / "text_encoder.json").write_text(json.dumps(description), encoding="utf-8")
    return found


def as_card(found: Sequence[TradeOff], folder: str | Path) -> list[dict[str, Any]]:
    """Return the curve as JSON for a model's card, with `is_chosen` beside the form that an artifact has.

    Parameters
    ----------
    found : sequence of TradeOff
    folder : path
        The artifact whose transformer was replaced.

    Returns
    -------
    list of dict
    """
    description = json.loads((Path(folder) / "text_encoder.json").read_text(encoding="utf-8"))
    chosen = description["pretrained"]["precision"]
    return [{**asdict(one), "is_chosen": one.name == chosen} for one in found]


class Tokens:
    """Texts as the inputs of a graph, in the way that serving makes them.

    Parameters
    ----------
    folder : Path
        An artifact.
    """

    def __init__(self, folder: Path) -> None:
        description = json.loads((folder / "text_encoder.json").read_text(encoding="utf-8"))
        self._tokenizer = Tokenizer.from_file(str(folder / "text_encoder_tokenizer.json"))
        self._tokenizer.enable_truncation(description["pretrained"]["max_length"])
        self._tokenizer.enable_padding()

    def feeds(self, texts: Sequence[str]) -> Feeds:
        """Return `input_ids` and `attention_mask` of shape (n_texts, n_tokens)."""
        encoded = self._tokenizer.encode_batch(list(texts))
        return {
            "input_ids": np.array([entry.ids for entry in encoded], dtype=np.int64),
            "attention_mask": np.array([entry.attention_mask for entry in encoded], dtype=np.int64),
        }

    def batches(self, texts: Sequence[str], size: int = BATCH_SIZE) -> Iterator[Feeds]:
        """Yield the texts by their length, some at a time, so that little is spent on padding."""
        ordered = sorted(texts, key=len)
        for start in range(0, len(ordered), size):
            yield self.feeds(ordered[start : start + size])


@dataclass(frozen=True)
class Judged:
    """The texts that forms are compared on: all in batches, and those of some rows one by one."""

    batches: list[Feeds]
    singles: dict[int, Feeds]


def make_forms(
    folder: Path, texts: Sequence[str], place: Path, *, random_state: int = 0
) -> tuple[dict[str, Path], Judged]:
    """Write the forms of an artifact's transformer that are worth a look.

    Parameters
    ----------
    folder : Path
        The artifact.
    texts : sequence of str
    place : Path
        Where the graphs are written.
    random_state : int, default 0

    Returns
    -------
    forms : dict of str to Path
        The first one is the exact form.
    judged : Judged
        Texts that had no part in making them.
    """
    distinct = sorted(set(texts))
    order = np.random.default_rng(random_state).permutation(len(distinct))
    n_calibration = min(N_CALIBRATION, len(distinct) // 2)
    chosen = [distinct[row] for row in order[: n_calibration + N_JUDGED]]
    calibration, judged = chosen[:n_calibration], chosen[n_calibration:]
    tokens, source = Tokens(folder), folder / GRAPH_FILE
    maps = linear_maps(source)
    narrowing = [name for name, (n_inputs, n_outputs) in maps.items() if n_inputs > n_outputs]
    uneven = [name for name, (n_inputs, n_outputs) in maps.items() if n_inputs != n_outputs]
    forms = {EXACT: source}
    for name, kept in (("int8", []), ("int8_without_narrowing", narrowing)):
        forms[name] = place / f"{name}.onnx"
        quantize_statically(source, forms[name], tokens.batches(calibration), is_kept=kept)
    for name, kept in (("int8_dynamic", []), ("int8_dynamic_without_ffn", uneven)):
        forms[name] = place / f"{name}.onnx"
        quantize_dynamic(
            source, forms[name], op_types_to_quantize=LINEAR, per_channel=True, reduce_range=True,
            weight_type=QuantType.QInt8, nodes_to_exclude=kept,
        )  # fmt: skip
    ordered = sorted(judged, key=len)
    singles = {
        row: tokens.feeds([ordered[row]]) for row in range(0, len(ordered), -(-len(ordered) // N_SINGLES))
    }
    return forms, Judged(list(tokens.batches(ordered)), singles)


def measure_forms(
    forms: dict[str, Path], judged: Judged, *, n_callers: int = 1, peers: dict[str, Run] | None = None
) -> list[TradeOff]:
    """Compare forms of one graph with the first of them.

    Parameters
    ----------
    forms : dict of str to Path
    judged : Judged
    n_callers : int, default 1
        How many ask at the same time while speed is measured, each in a thread of its own.
    peers : dict of str to callable, optional
        Others that turn feeds into vectors, measured in the same turns.

    Returns
    -------
    list of TradeOff
        In the order of the forms; then the peers, without a size.
    """
    runs = {name: _run_of(open_session(path)) for name, path in forms.items()} | (peers or {})
    fast_32 = texts_per_second(runs, judged.batches, n_callers=n_callers)
    fast_1 = texts_per_second(runs, list(judged.singles.values()), n_callers=n_callers)
    together = {name: np.concatenate([run(feeds) for feeds in judged.batches]) for name, run in runs.items()}
    exact, rows = next(iter(together.values())), list(judged.singles)
    found = []
    for name, run in runs.items():
        alone = np.concatenate([run(feeds) for feeds in judged.singles.values()])
        cosines = (exact * together[name]).sum(1)
        found.append(TradeOff(
            name=name,
            size_mb=round(forms[name].stat().st_size / 1e6, 1) if name in forms else 0.0,
            texts_per_second_1=round(fast_1[name], 1),
            texts_per_second_32=round(fast_32[name], 1),
            cosine_p5=round(float(np.percentile(cosines, 5)), 4),
            cosine_min=round(float(cosines.min()), 4),
            neighbours_kept=round(_neighbours_kept(exact, together[name]), 3),
            batch_cosine_min=round(float((alone * together[name][rows]).sum(1).min()), 4),
        ))  # fmt: skip
    return found


def _run_of(session: onnxruntime.InferenceSession) -> Run:
    return lambda feeds: session.run(None, feeds)[0]


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Open a graph as serving does: a run takes one thread, and runs go side by side."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        os.fspath(path), options, providers=["CPUExecutionProvider"],
        disabled_optimizers=["SkipLayerNormFusion"],
    )  # fmt: skip


def texts_per_second(
    runs: dict[str, Run], batches: Sequence[Feeds], *, n_callers: int = 1
) -> dict[str, float]:
    """Return how many texts each run reads in a second for all callers together.

    Runs take turns, so that a busy machine slows all of them, and of each batch the best turn counts: an
    interruption costs no more than that turn.

    Parameters
    ----------
    runs : dict of str to callable
        Each takes the feeds of one batch.
    batches : sequence of dict
    n_callers : int, default 1
        Each caller has every batch read once in a turn.

    Returns
    -------
    dict of str to float
    """
    seconds = {name: np.full(len(batches), np.inf) for name in runs}
    with ThreadPoolExecutor(n_callers) as callers:
        for _turn in range(TURNS):
            for place, feeds in enumerate(batches):
                for name, run in runs.items():
                    started = time.perf_counter()
                    list(callers.map(run, [feeds] * n_callers))
                    seconds[name][place] = min(seconds[name][place], time.perf_counter() - started)
    n_texts = n_callers * sum(len(feeds["input_ids"]) for feeds in batches)
    return {name: n_texts / float(best.sum()) for name, best in seconds.items()}


def _neighbours_kept(exact: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    near, now = _nearest(exact), _nearest(other)
    return float(np.mean([len(set(a) & set(b)) / len(a) for a, b in zip(near, now, strict=True)]))


def _nearest(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    return np.argsort(-scores, axis=1)[:, : min(N_NEIGHBOURS, len(vectors) - 1)]
