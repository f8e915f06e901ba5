"""What sentiment means here: class 1 is negative, and a text is its title and what follows."""

import numpy as np
from numpy.typing import NDArray


def join_title(title: str, text: str) -> str:
    """Return a text that begins with its title, as a sentence of its own."""
    title, text = title.strip(), text.strip()
    if not title:
        return text
    return f"{title} {text}" if title[-1] in ".!?。！？…" else f"{title}. {text}"


def sentiment_metrics(
    y: NDArray[np.int64], scores: NDArray[np.float64], said: NDArray[np.int64] | NDArray[np.bool_]
) -> dict[str, float]:
    """Return the metrics of benchmarks and versions; `y` and `said` are 1 where a text is negative."""
    from sklearn.metrics import accuracy_score, f1_score

    from ecomai.learning.metrics.classification import expected_calibration_error, roc_auc

    return {
        "accuracy": float(accuracy_score(y, said)),
        "roc_auc": roc_auc(y, scores),
        "f1_negative": float(f1_score(y, said, zero_division=0.0)),
        "macro_f1": float(f1_score(y, said, average="macro", zero_division=0.0)),
        "expected_calibration_error": expected_calibration_error(y, scores),
    }
