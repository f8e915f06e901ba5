"""Artifacts of encoders that read a query and a text together."""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch.export import Dim

from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.retrieval.cross_encoder import CrossEncoder, TokenisedPairs

from .graphs import compare_graph, export_graph
from .int8 import quantize_statically
from .layout import describe, prepare_folder
from .quantization import open_session

GRAPH_FILE = "cross_encoder.onnx"
DESCRIPTION_FILE = "cross_encoder.json"
TOKENIZER_FILE = "cross_encoder_tokenizer.json"
EXACT, NARROW = "float32", "int8"
#: With fewer pairs there are no scales to fix, and nothing is judged.
MIN_PAIRS = 64
PAIRS_AT_ONCE = 20
TURNS = 5
SAMPLE = (["red mug", "lamp", "a summer dress"], ["mug in red, 2 pieces", "lamp", "dress for the summer"])

Feeds = dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Form:
    """What one form of the graph costs and keeps.

    Attributes
    ----------
    name : {"float32", "int8"}
    size_mb : float
        In 10^6 bytes.
    ms_20_pairs : float
        Milliseconds for 20 pairs in one thread, without the tokens; the middle of the sample's batches.
    grade_difference_p95 : float
        To the exact grades, of all but the worst 5 % of the pairs.
    """

    name: str
    size_mb: float
    ms_20_pairs: float
    grade_difference_p95: float


def export_cross_encoder(
    model: CrossEncoder,
    folder: str | Path,
    *,
    queries: Sequence[str] = (),
    texts: Sequence[str] = (),
    max_difference: float = 0.03,
) -> Path:
    """Write an artifact of kind `cross_encoder`, in 8-bit integers where the grades stay what they were.

    Parameters
    ----------
    model : CrossEncoder
        Fitted.
    folder : path
        Created where it is missing.
    queries, texts : sequences of n_pairs str, default ()
        Pairs as they are asked for. One half fixes the scales of the integers, the other judges them;
        with fewer than 64 the graph stays exact.
    max_difference : float, default 0.03
        Of the grades, which are from 0 to 1, for all but the worst 5 % of the pairs.

    Returns
    -------
    Path
        The folder; `cross_encoder.json` says which form was chosen, and what was measured of both.

    Raises
    ------
    NotFittedError
        If the model has not learned.
    InvalidDataError
        If queries and texts are no pairs.
    ExportError
        If the graph does not answer as the model does.
    """
    if len(queries) != len(texts):
        raise InvalidDataError(f"{len(queries)} queries and {len(texts)} texts are no pairs.")
    folder = prepare_folder(folder)
    write_cross_encoder(model, folder)
    if len(queries) >= MIN_PAIRS:
        narrow_cross_encoder(model, folder, queries, texts, max_difference=max_difference)
    return describe(folder, "cross_encoder")


def write_cross_encoder(model: CrossEncoder, folder: Path) -> None:
    """Write the files alone, into an artifact whose order they refine."""
    model.check_is_fitted()
    model.tokenizer.backend_tokenizer.save(str(folder / TOKENIZER_FILE))
    _write_graph(model, folder / GRAPH_FILE)
    description = {
        "format_version": 1,
        "max_length": model.max_length,
        "padding": int(model.tokenizer.pad_token_id or 0),
        "precision": EXACT,
        "forms": [],
    }
    (folder / DESCRIPTION_FILE).write_text(json.dumps(description), encoding="utf-8")


def narrow_cross_encoder(
    model: CrossEncoder,
    folder: Path,
    queries: Sequence[str],
    texts: Sequence[str],
    *,
    max_difference: float = 0.03,
) -> list[Form]:
    """Put the 8-bit graph in the exact one's place where it passes; return both, the exact one first."""
    drawn = np.random.default_rng(0).permutation(len(queries))
    pairs = TokenisedPairs(model.tokenizer, queries, texts, model.max_length)
    calibration, judged = np.array_split(drawn, 2)
    exact = folder / GRAPH_FILE
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        narrow = Path(place) / GRAPH_FILE
        quantize_statically(exact, narrow, _batches(pairs, calibration))
        forms = _measure({EXACT: exact, NARROW: narrow}, list(_batches(pairs, judged)))
        is_taken = forms[-1].grade_difference_p95 <= max_difference
        if is_taken:
            shutil.move(narrow, exact)
    description = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
    description |= {"precision": NARROW if is_taken else EXACT, "forms": [asdict(form) for form in forms]}
    (folder / DESCRIPTION_FILE).write_text(json.dumps(description), encoding="utf-8")
    return forms


def _write_graph(model: CrossEncoder, path: Path) -> None:
    network = model.network
    device = next(network.parameters()).device
    tokens = TokenisedPairs(model.tokenizer, *SAMPLE, model.max_length).batch(np.arange(len(SAMPLE[0])))
    shapes = {name: {0: Dim("batch"), 1: Dim("tokens", min=2, max=model.max_length)} for name in tokens}
    export_graph(network, tuple(tokens.values()), path, output="scores", shapes=shapes)
    single = {name: tensor[2:, :4] for name, tensor in tokens.items()}
    compare_graph(network, tuple(single.values()), path, names=tuple(single))
    network.to(device)


def _batches(pairs: TokenisedPairs, places: NDArray[np.int64]) -> Iterator[Feeds]:
    for start in range(0, len(places), PAIRS_AT_ONCE):
        batch = pairs.batch(places[start : start + PAIRS_AT_ONCE])
        yield {name: tensor.numpy() for name, tensor in batch.items()}


def _measure(paths: dict[str, Path], batches: Sequence[Feeds]) -> list[Form]:
    """Time the forms in turns, so that a busy machine slows both; of each batch the best turn counts."""
    sessions = {name: open_session(path) for name, path in paths.items()}
    # An input that the network has no use for is not in its graph.
    inputs = {name: [each.name for each in session.get_inputs()] for name, session in sessions.items()}
    seconds = {name: np.full(len(batches), np.inf) for name in paths}
    grades: dict[str, list[NDArray[np.float32]]] = {name: [] for name in paths}
    for turn in range(TURNS):
        for place, feeds in enumerate(batches):
            for name, session in sessions.items():
                started = time.perf_counter()
                scores = session.run(None, {each: feeds[each] for each in inputs[name]})[0]
                seconds[name][place] = min(seconds[name][place], time.perf_counter() - started)
                if turn == 0:
                    grades[name].append(1 / (1 + np.exp(-scores)))
    exact = np.concatenate(grades[EXACT])
    is_full = np.array([len(feeds["input_ids"]) == PAIRS_AT_ONCE for feeds in batches])
    return [
        Form(
            name,
            round(path.stat().st_size / 1e6, 1),
            round(1000 * float(np.median(seconds[name][is_full])), 2),
            round(float(np.percentile(np.abs(np.concatenate(grades[name]) - exact), 95)), 4),
        )
        for name, path in paths.items()
    ]
