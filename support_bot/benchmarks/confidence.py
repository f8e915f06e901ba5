"""`confidence`: when a passage answers, learned on the questions that `grounding` never asks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomai.benchmarking import Report
from ecomai.benchmarking.scratch import scratch_shop

from ..knowledge.confidence import BY_MEANING
from .grounding import open_shop, passages_of
from .questions import Asked, held_out, part_of, read_questions

N_HELD_OUT = 60
N_FOLDS, N_DRAWS = 5, 5
Floats = NDArray[np.float64]


def confidence(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Fit the weights by meaning of `knowledge.confidence` anew, and judge them in folds.

    `most_unanswerable` is the greatest confidence in folds of a question that nothing answers, and `refused`
    the share of the others that stay below what is answered from on.
    """
    part = part_of(read_questions(), is_tuning=True)
    asked = [each for each in part if each.language == "en"] + held_out(data, "tuning", N_HELD_OUT, seed)
    with scratch_shop("confidence"):
        report(0.1, "articles and encoder")
        open_shop(seed)
        report(0.7, "likeness")
        X, is_right = look_up_all(asked)
    model, in_folds = fit(X, is_right, seed)
    has_answer = np.array([bool(each.article) for each in asked])
    return {
        "metrics": {
            **weights_of(model), **judge(in_folds, has_answer), "first_right": is_right[has_answer].mean(),
        },
        "settings": {
            "seed": seed, "n_folds": N_FOLDS, "n_draws": N_DRAWS, "n_asked": len(asked),
            "n_answerable": int(has_answer.sum()),
        },
    }  # fmt: skip


def fit(X: Floats, is_right: NDArray[np.bool_], seed: int) -> tuple[Any, Floats]:
    """Return a logistic regression, and what others without a question's fold say of it: (n_asked,)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression())
    draws = [StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed + draw) for draw in range(N_DRAWS)]
    said = [cross_val_predict(model, X, is_right, method="predict_proba", cv=draw)[:, 1] for draw in draws]
    return model.fit(X, is_right), np.mean(said, axis=0)


def weights_of(model: Any) -> dict[str, float]:
    """Return the bias and the weights for features as they are, in their order."""
    scaler, line = model[0], model[-1]
    weights = line.coef_[0] / scaler.scale_
    bias = line.intercept_[0] - weights @ scaler.mean_
    return {"bias": float(bias)} | {f"weight_{at}": float(each) for at, each in enumerate(weights)}


def judge(in_folds: Floats, has_answer: NDArray[np.bool_]) -> dict[str, float]:
    from sklearn.metrics import roc_auc_score

    return {
        "roc_auc": float(roc_auc_score(has_answer, in_folds)),
        "most_unanswerable": float(in_folds[~has_answer].max()),
        "refused": float((in_folds[has_answer] < BY_MEANING.least).mean()),
    }


def look_up_all(asked: Sequence[Asked]) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the features of each question's first passage, and whether it is the one that answers."""
    from ..knowledge import current
    from ..knowledge.confidence import features
    from ..knowledge.finding import find_in

    index, served = current.current(), current.served_encoder()
    rows, is_right = [], []
    for each in asked:
        found = find_in(index, each.text, served=served, language=each.language)
        rows.append(features(found.hits, has_meaning=True))
        texts = passages_of(each) if each.article else []
        is_right.append(each.passage < len(texts) and found.hits[0].entry.text == texts[each.passage])
    return np.array(rows, dtype=np.float64), np.array(is_right, dtype=bool)
