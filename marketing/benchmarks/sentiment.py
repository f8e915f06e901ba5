"""`sentiment`: whether a review recommends, by its text alone, in folds of a shop's reviews."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomai.benchmarking import Report
from ecomai.exceptions import InvalidInputError
from ecomai.learning.callbacks import Callback

from ..sentiment import join_title, sentiment_metrics

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

DESCRIPTION = "benchmark.json"
FILES = ("*.csv.gz", "*.csv")
#: What the columns are called, unless `benchmark.json` says otherwise.
COLUMNS = {
    "text": "Review Text", "title": "Title", "recommended": "Recommended IND", "rating": "Rating",
}  # fmt: skip
N_FOLDS, FOLD_SEED = 5, 0
STARS = (1, 5)
THRESHOLD = 0.5
ENSEMBLE, TFIDF = "ensemble", "tfidf"


@dataclass(frozen=True)
class Reviews:
    """Reviews with a text; `y` is 1 where they do not recommend, and grades are stars, from 0 to 1."""

    texts: list[str]
    y: Labels
    grades: Floats | None

    def select(self, rows: NDArray[np.int64]) -> "Reviews":
        grades = None if self.grades is None else self.grades[rows]
        return Reviews([self.texts[row] for row in rows], self.y[rows], grades)


@dataclass
class Judged:
    """What one model said of all test reviews so far."""

    y: list[Labels] = field(default_factory=list)
    scores: list[Floats] = field(default_factory=list)
    said: list[Labels] = field(default_factory=list)

    def add(self, y: Labels, scores: Floats, threshold: float) -> None:
        self.y.append(y)
        self.scores.append(scores)
        self.said.append((scores >= threshold).astype(np.int64))

    def metrics(self, n_folds: int) -> dict[str, float]:
        """Pooled over the folds."""
        y, scores, said = np.concatenate(self.y), np.concatenate(self.scores), np.concatenate(self.said)
        return sentiment_metrics(y, scores, said) | {"folds": n_folds}


class Progress(Callback):
    """Tell of each twentieth of a training once."""

    def __init__(self, tell: Callable[[float], None]) -> None:
        self.tell = tell
        self.last = -1.0

    def on_progress(self, progress: float) -> None:
        done = int(20 * progress) / 20
        if done > self.last:
            self.last = done
            self.tell(done)


def sentiment(
    data: Path,
    *,
    device: str,
    seed: int,
    report: Report,
    folds: int = 1,
    hyperparameters: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Measure the sentiment model on reviews with a flag, in the first of five stratified folds, or in more.

    Weights, threshold and the number of epochs come from reviews held back of those that are learned from.
    The stars of those are learned beside the flag; nothing but the text is known of a review that is judged.
    `tfidf` among the peers is the bar of the data set's page, on the same fold.
    """
    if not 1 <= folds <= N_FOLDS:
        raise InvalidInputError(reason=f"There are from 1 to {N_FOLDS} folds.")
    reviews = read_reviews(data)
    judged: dict[str, Judged] = {}
    held, seconds = [], []
    for number, (train, test) in enumerate(split(reviews, folds)):
        began = time.perf_counter()

        def tell(share: float, text: str, number: int = number) -> None:
            report((number + share) / folds, f"fold {number + 1}: {text}")

        learned, asked = reviews.select(train), reviews.select(test)
        tell(0.0, "words alone")
        scores = _tfidf(learned, asked.texts)
        judged.setdefault(TFIDF, Judged()).add(asked.y, scores, THRESHOLD)
        held.append(_measure_ours(judged, learned, asked, device, seed, tell, hyperparameters or {}))
        seconds.append(round(time.perf_counter() - began, 1))
    rows = {name: each.metrics(folds) for name, each in judged.items()}
    return {
        "metrics": rows.pop(ENSEMBLE),
        "peers": {TFIDF: rows.pop(TFIDF), "constant": _constant(judged[TFIDF], folds)},
        "rows": rows,
        "settings": {
            "n_reviews": len(reviews.y), "negative_share": float(reviews.y.mean()), "fold_seed": FOLD_SEED,
            "has_grades": reviews.grades is not None, "held_back": held, "seconds_of_folds": seconds,
            "seed": seed, "hyperparameters": dict(hyperparameters or {}),
        },
    }  # fmt: skip


def read_reviews(data: Path) -> Reviews:
    """Return the reviews of a folder that have a text; `benchmark.json` may name file and columns."""
    path = data / DESCRIPTION
    described = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    columns = COLUMNS | described.get("columns", {})
    files = (
        [described["file"]] if "file" in described else [p.name for each in FILES for p in data.glob(each)]
    )
    if len(files) != 1:
        raise InvalidInputError(
            reason=f"{data.name} must hold one file of reviews, or a {DESCRIPTION} that names it."
        )
    frame = pd.read_csv(data / files[0])
    if missing := {columns["text"], columns["recommended"]} - set(frame.columns):
        raise InvalidInputError(reason=f"{files[0]} lacks {', '.join(sorted(missing))}.")
    frame = frame[frame[columns["text"]].notna()]
    titles = frame[columns["title"]].fillna("") if columns["title"] in frame else [""] * len(frame)
    texts = [
        join_title(title, text)
        for title, text in zip(titles, frame[columns["text"]].astype(str), strict=True)
    ]
    grades = None
    if columns["rating"] in frame:
        least, most = STARS
        grades = ((frame[columns["rating"]].clip(least, most) - least) / (most - least)).to_numpy(np.float64)
    return Reviews(texts, 1 - frame[columns["recommended"]].to_numpy(np.int64), grades)


def split(reviews: Reviews, folds: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the first folds of those on the data set's page."""
    from sklearn.model_selection import StratifiedKFold

    found = StratifiedKFold(N_FOLDS, shuffle=True, random_state=FOLD_SEED)
    for number, rows in enumerate(found.split(reviews.texts, reviews.y)):
        if number < folds:
            yield rows


def _measure_ours(
    judged: dict[str, Judged],
    learned: Reviews,
    asked: Reviews,
    device: str,
    seed: int,
    tell: Report,
    hyperparameters: Mapping[str, Any],
) -> dict[str, float]:
    """Add the ensemble and its parts to what was judged; return what it found of the reviews held back."""
    from ecomai.learning.classifiers.text_ensemble import TextEnsemble

    model = TextEnsemble(device=device, random_state=seed, **hyperparameters)
    tell(0.05, "words and their parts")
    model.fit(
        learned.texts, learned.y, grades=learned.grades,
        callbacks=[Progress(lambda share: tell(0.1 + 0.8 * share, "fine-tuning"))],
    )  # fmt: skip
    tell(0.9, "judging")
    judged.setdefault(ENSEMBLE, Judged()).add(
        asked.y, model.predict_proba(asked.texts)[:, 1], model.threshold_
    )
    for name, part in (("pieces", model.pieces_), ("transformer", model.transformer_)):
        if part is not None:
            scores = part.predict_proba(asked.texts)[:, 1]
            judged.setdefault(name, Judged()).add(asked.y, scores, THRESHOLD)
    return dict(model.held_, threshold=model.threshold_)


def _tfidf(learned: Reviews, texts: list[str]) -> Floats:
    """The baseline of the data set's page: words and pairs of them, as scikit-learn has them."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True)
    model = make_pipeline(words, LogisticRegression(C=4, max_iter=1000))
    return np.asarray(model.fit(learned.texts, learned.y).predict_proba(texts)[:, 1])


def _constant(judged: Judged, n_folds: int) -> dict[str, float]:
    """Say of each review that it recommends."""
    y = np.concatenate(judged.y)
    return sentiment_metrics(y, np.zeros(len(y)), np.zeros_like(y)) | {"folds": n_folds}
