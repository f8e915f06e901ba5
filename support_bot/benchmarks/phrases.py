"""Labelled requests of a folder, and how they are split: what is asked is near nothing that is learned."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomai.exceptions import InvalidInputError
from ecomai.inference.spans import Span

DESCRIPTION = "benchmark.json"
#: The data set that is known by its file.
BITEXT = "bitext_customer_support_6480.csv.gz"
BITEXT_COLUMNS = {"text": "instruction", "label": "intent"}
COLUMNS = {"text": "text", "label": "label", "split": "split"}
TEST_SHARE = 0.2
#: From this share of common words on, two phrases are one.
LEAST_OVERLAP = 0.6
NUMBER = re.compile(r"#?\d[\d.,]*")
WORD = re.compile(r"\w+")

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Phrases:
    """Requests with their intents; what only some data has is None."""

    texts: list[str]
    labels: list[str]
    is_test: NDArray[np.bool_] | None = None
    categories: list[str] | None = None
    spans: list[list[Span]] | None = None
    has_typos: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def at(self, rows: Sequence[int] | Rows) -> tuple[list[str], list[str]]:
        """Return texts and labels of some rows."""
        return [self.texts[row] for row in rows], [self.labels[row] for row in rows]


def read_phrases(data: Path) -> Phrases:
    """Return the requests of a folder: the known set, or a CSV with text, label and perhaps a split."""
    if (data / BITEXT).is_file():
        return _bitext(pd.read_csv(data / BITEXT))
    path = data / DESCRIPTION
    described = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    columns = COLUMNS | described.get("columns", {})
    files = (
        [described["file"]]
        if "file" in described
        else [found.name for pattern in ("*.csv", "*.csv.gz") for found in sorted(data.glob(pattern))]
    )
    if not files:
        raise InvalidInputError(reason=f"{data.name} holds no CSV file.")
    frame = pd.concat([pd.read_csv(data / name).assign(_file=name) for name in files], ignore_index=True)
    if missing := {columns["text"], columns["label"]} - set(frame.columns):
        raise InvalidInputError(reason=f"{files[0]} lacks {', '.join(sorted(missing))}.")
    frame = frame[frame[columns["text"]].notna() & frame[columns["label"]].notna()]
    is_test = None
    if columns["split"] in frame:
        is_test = (frame[columns["split"]].astype(str).str.lower() == "test").to_numpy()
    elif len(files) > 1:
        is_test = frame["_file"].str.contains("test").to_numpy()
    return Phrases(
        frame[columns["text"]].astype(str).tolist(), frame[columns["label"]].astype(str).tolist(), is_test
    )


def _bitext(frame: pd.DataFrame) -> Phrases:
    starts = zip(frame["entity_type"], frame["start_offset"], frame["end_offset"], strict=True)
    spans = [[] if pd.isna(kind) else [Span(int(start), int(end), kind)] for kind, start, end in starts]
    return Phrases(
        frame["instruction"].tolist(), frame["intent"].tolist(), None, frame["category"].tolist(), spans,
        frame["tags"].str.contains("Z").to_numpy(),
    )  # fmt: skip


def random_split(phrases: Phrases, seed: int) -> NDArray[np.bool_]:
    """Return which rows are the test: a fifth of each intent."""
    rng = np.random.default_rng(seed)
    is_test = np.zeros(len(phrases), dtype=bool)
    for rows in rows_of(phrases.labels).values():
        is_test[rng.permutation(rows)[: round(TEST_SHARE * len(rows))]] = True
    return is_test


def grouped_split(phrases: Phrases, seed: int) -> NDArray[np.bool_]:
    """Return which rows are the test: a fifth of the connected components of each intent's phrases."""
    rng = np.random.default_rng(seed)
    is_test = np.zeros(len(phrases), dtype=bool)
    for rows in rows_of(phrases.labels).values():
        groups = components([phrases.texts[row] for row in rows])
        drawn = rng.permutation(np.unique(groups))
        is_test[rows] = np.isin(groups, drawn[: max(1, round(TEST_SHARE * len(drawn)))])
    return is_test


def rows_of(labels: Sequence[str]) -> dict[str, Rows]:
    """Return the rows of each label, labels sorted."""
    found = np.array(labels)
    return {label: np.flatnonzero(found == label) for label in sorted(set(labels))}


def components(texts: Sequence[str]) -> Rows:
    """Return the number of each text's component: texts are linked where their words overlap enough.

    Numbers count as one word.
    """
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    sets = [set(WORD.findall(NUMBER.sub("0", text.lower()))) for text in texts]
    columns: dict[str, int] = {}
    at = [columns.setdefault(word, len(columns)) for words in sets for word in sorted(words)]
    sizes = np.array([len(words) for words in sets])
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    has = sparse.csr_array((np.ones(len(at)), at, offsets), shape=(len(sets), len(columns)))
    common = sparse.coo_array(has @ has.T)
    overlap = common.data / (sizes[common.row] + sizes[common.col] - common.data)
    is_one = overlap >= LEAST_OVERLAP
    links = (np.ones(int(is_one.sum())), (common.row[is_one], common.col[is_one]))
    return np.asarray(connected_components(sparse.coo_array(links, shape=common.shape), directed=False)[1])
