"""`encoder`: what the text encoder's exported forms cost and keep, beside torch."""

import json
import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecomai.benchmarking import Report
from ecomai.benchmarking.processes import load_average
from ecomai.exceptions import InvalidInputError

N_THREADS = 2
SPEEDS = ("texts_per_second_1", "texts_per_second_32")
N_TEXTS = 1024
N_TURNS = 9
FILES = {"texts": "home_depot_search.csv.gz", "text": "product_title"}


def encoder(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Compare float32 and int8 graphs with torch: texts a second by 32 and by 1, and what the vectors keep.

    `data` holds a CSV with a column of texts, by default Home Depot's titles; `benchmark.json` may name
    others as `texts` and `text`. On two threads of the processor: two callers, each with a thread, as a web
    process or a worker's processes have it; torch and the graphs get the same tokens in turns, in batches of
    texts of like length. torch is also asked by one caller with both threads, and compared by the faster of
    the two. Scales are fixed on texts that are not judged.
    """
    import torch

    from ecomai.learning.encoders.pretrained import PretrainedTextEncoder
    from ecomai.learning.export import export_text_encoder
    from ecomai.learning.export.quantization import make_forms, measure_forms, texts_per_second

    texts = read_texts(data, n=N_TEXTS, seed=seed)
    report(0.05, "export")
    model = PretrainedTextEncoder(device="cpu").fit()
    network = model.network.eval()

    def ask_torch(feeds: dict[str, np.ndarray], n_threads: int = 1) -> np.ndarray:
        torch.set_num_threads(n_threads)  # each caller's thread has its own number
        with torch.inference_mode():
            return network(**{name: torch.from_numpy(values) for name, values in feeds.items()}).numpy()

    with tempfile.TemporaryDirectory() as place:
        folder = export_text_encoder(model, Path(place) / "artifact")
        report(0.2, "integers")
        forms, judged = make_forms(folder, texts, Path(place), random_state=seed)
        report(0.4, "measuring")
        together: dict[str, Any] = {"torch": partial(ask_torch, n_threads=N_THREADS)}
        batches, singles = judged.batches, list(judged.singles.values())
        measured = measure_forms(forms, judged, n_callers=N_THREADS, peers={"torch": ask_torch})
        report(0.9, "torch with both threads")
        alone = [texts_per_second(together, some)["torch"] for some in (singles, batches)]
    rows = {one.pop("name"): one for one in map(asdict, measured)}
    peers = {"torch": rows.pop("torch"), "torch_one_caller": dict(zip(SPEEDS, alone, strict=True))}
    _add_ratios(rows, peers)
    return {
        "metrics": rows["int8"],
        "rows": rows,
        "splits": {},
        "peers": peers,
        "settings": {
            "threads": N_THREADS, "judged_texts": sum(len(feeds["input_ids"]) for feeds in judged.batches),
            "load_average": load_average(),
        },
    }  # fmt: skip


def _add_ratios(rows: dict[str, dict[str, Any]], peers: dict[str, dict[str, Any]]) -> None:
    """Say of each form how many times as fast it is as torch, asked the way that is faster for torch."""
    for speed in SPEEDS:
        fastest = max(peer[speed] for peer in peers.values())
        for row in rows.values():
            row[speed.replace("texts_per_second", "times_torch")] = round(row[speed] / fastest, 2)


def read_texts(data: Path, *, n: int, seed: int) -> list[str]:
    """Return distinct texts of a folder, at most `n`, drawn at random."""
    described = data / "benchmark.json"
    names = FILES | (json.loads(described.read_text(encoding="utf-8")) if described.is_file() else {})
    path = data / names["texts"]
    if not path.is_file():
        raise InvalidInputError(reason=f"{path.name} is missing in {data.name}.")
    column = pd.read_csv(path, usecols=[names["text"]], dtype=str)[names["text"]].dropna().drop_duplicates()
    return column.sample(min(n, len(column)), random_state=seed).tolist()
