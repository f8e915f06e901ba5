"""What a smaller or an adapted encoder costs and gains, in figures for a version's card."""

import time
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ecomai.learning.devices import threads

from .item_judge import ItemJudge
from .pretrained import PretrainedTextEncoder

N_THREADS = 2


def measure_trade_off(
    encoder: PretrainedTextEncoder,
    texts: Sequence[str],
    answers: NDArray[np.float32],
    *,
    judge: ItemJudge | None = None,
    catalogue: Sequence[str] = (),
) -> dict[str, float]:
    """Return size, speed and quality of an encoder.

    Parameters
    ----------
    encoder : PretrainedTextEncoder
        Fitted.
    texts : sequence of n_texts str
        That it did not learn from.
    answers : float32 array of shape (n_texts, n_features)
        The teacher's vectors of them.
    judge : ItemJudge, optional
    catalogue : sequence of n_items str, default ()
        The texts of all items, for the judge.

    Returns
    -------
    dict of str to float
        `size_mb`, `texts_per_second` on at most 2 threads, `cosine` to the teacher (mean over the
        texts), and the judge's metrics.
    """
    vectors, seconds = _time(encoder, texts)
    report = {
        "size_mb": size_mb(encoder),
        "texts_per_second": len(texts) / seconds,
        "cosine": float(np.mean(np.sum(vectors * answers, axis=1))),
    }
    if judge is not None:
        report |= judge(encoder.encode([catalogue[item] for item in judge.items]))
    return {name: round(value, 4) for name, value in report.items()}


def size_mb(encoder: PretrainedTextEncoder) -> float:
    """Return what an encoder's weights take in memory, in megabytes of 10^6 bytes.

    Parameters
    ----------
    encoder : PretrainedTextEncoder
        Fitted.

    Returns
    -------
    float
    """
    return sum(weight.numel() * weight.element_size() for weight in encoder.network.parameters()) / 1e6


def _time(encoder: PretrainedTextEncoder, texts: Sequence[str]) -> tuple[NDArray[np.float32], float]:
    with threads(min(N_THREADS, torch.get_num_threads())):
        encoder.encode(texts[:8])  # what is only made once is not measured
        start = time.perf_counter()
        vectors = encoder.encode(texts)
        return vectors, max(time.perf_counter() - start, 1e-9)
