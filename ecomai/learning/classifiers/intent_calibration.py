"""What texts and classes that were held back say of a classifier of intents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ecomai.inference.intents import IntentHead, softmax
from ecomai.learning.metrics.classification import expected_calibration_error, roc_auc

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

#: Weights of doubt, energy and distance that are compared.
MIXTURES = (
    (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 1.0, 1.0), (0.0, 1.0, 1.0), (1.0, 0.0, 1.0),
)  # fmt: skip
USUAL_MIXTURE = (0.0, 1.0, 1.0)
#: So many known texts may be taken for out of scope, at most.
MOST_REFUSED = 0.05
#: Of a class, to hold one back; of classes, to hold one back; of texts of a route, to calibrate it.
LEAST_TEXTS, LEAST_CLASSES, LEAST_HELD = 4, 5, 20
#: What log odds may be divided by.
TEMPERATURES = np.geomspace(0.1, 10, 81)


def hold_back(names: Sequence[str], share: float, random_state: int) -> tuple[Rows, Rows, Rows]:
    """Return rows to learn from, rows of known classes held back, and rows of classes held back as a whole.

    Parameters
    ----------
    names : sequence of n_texts str
        Classes.
    share : float in (0, 1)
        Of the texts of each class, and of the classes.
    random_state : int

    Returns
    -------
    learned, held, stranger : int64 arrays
        `held` and `stranger` are empty where there are too few texts or classes.
    """
    rng = np.random.default_rng(random_state)
    of_text = np.array(names)
    classes = sorted(set(names))
    n_left_out = round(share * len(classes)) if len(classes) >= LEAST_CLASSES else 0
    left_out = {classes[place] for place in rng.permutation(len(classes))[:n_left_out]}
    held: list[int] = []
    for name in classes:
        rows = np.flatnonzero(of_text == name)
        n_held = max(1, round(share * len(rows))) if len(rows) >= LEAST_TEXTS else 0
        if name not in left_out:
            held += rng.permutation(rows)[:n_held].tolist()
    is_stranger = np.isin(of_text, sorted(left_out))
    is_learned = ~is_stranger
    is_learned[held] = False
    return np.flatnonzero(is_learned), np.sort(np.array(held, dtype=np.int64)), np.flatnonzero(is_stranger)


@dataclass
class Calibrator:
    """What was chosen; the defaults are what is done where nothing could be held back."""

    objective: str = ""
    temperatures: Floats = field(default_factory=lambda: np.ones(2))
    #: Nothing is stranger than this: without a calibration all is in scope.
    thresholds: Floats = field(default_factory=lambda: np.full(2, 1e9))
    mixture: Floats = field(default_factory=lambda: np.array(USUAL_MIXTURE))
    found: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        tried: Mapping[str, Any],
        texts: Sequence[str],
        names: Sequence[str],
        held: Rows,
        stranger: Rows,
    ) -> Self:
        """Compare classifiers that learned without some texts and classes.

        Parameters
        ----------
        tried : mapping of str to IntentClassifier
            Fitted, by objective.
        texts, names : sequences of n_texts str
        held, stranger : int64 arrays
            As of `hold_back`.
        """
        asked, wanted = [texts[row] for row in held], [names[row] for row in held]
        accuracies = {name: _accuracy(model, asked, wanted) for name, model in tried.items()}
        best = max(accuracies, key=accuracies.__getitem__)
        model = tried[best]
        head, routes = model.head_, model.routes(asked)
        vectors = model.encoder_.encode(asked)
        y = np.array([model.classes_.index(name) for name in wanted])
        raw = head.raw(vectors)
        temperatures = _by_route(routes, lambda rows: best_temperature(raw[rows], y[rows]))
        strange = model.encoder_.encode([texts[row] for row in stranger])
        mixture, auroc = best_mixture(head, vectors, strange)
        strangeness = head.signs(vectors) @ mixture
        thresholds = _by_route(routes, lambda rows: float(np.quantile(strangeness[rows], 1 - MOST_REFUSED)))
        shares = softmax(raw / temperatures[routes][:, None])
        error = expected_calibration_error((shares.argmax(axis=1) == y).astype(int), shares.max(axis=1))
        found = {"n": len(held), "accuracy": accuracies, "expected_calibration_error": error}
        found |= {} if auroc is None else {"out_of_scope_auroc": auroc}
        return cls(best, temperatures, thresholds, mixture, found)


def best_temperature(raw: Floats, y: Rows) -> float:
    """Return what scores must be divided by for the smallest log loss: (n, n_classes) and (n,)."""
    losses = [_log_loss(raw / each, y) for each in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(losses))])


def best_mixture(
    head: IntentHead, known: NDArray[np.float32], strange: NDArray[np.float32]
) -> tuple[Floats, float | None]:
    """Return weights of the signs that tell strange vectors from known ones best, and how well they do."""
    if not len(strange):
        return np.array(USUAL_MIXTURE), None
    signs = np.concatenate([head.signs(known), head.signs(strange)])
    is_strange = np.repeat([0, 1], [len(known), len(strange)])
    found = [roc_auc(is_strange, signs @ np.array(weights)) for weights in MIXTURES]
    return np.array(MIXTURES[int(np.argmax(found))]), max(found)


def _accuracy(model: Any, texts: Sequence[str], wanted: Sequence[str]) -> float:
    said = model.predict(texts)
    return float(np.mean([one == other for one, other in zip(said, wanted, strict=True)]))


def _by_route(routes: Rows, choose: Any) -> Floats:
    """Return what is chosen for each script; where few texts are of one, what is chosen for all."""
    every = np.arange(len(routes))
    parts = [np.flatnonzero(routes == route) for route in (0, 1)]
    return np.array([choose(rows if len(rows) >= LEAST_HELD else every) for rows in parts])


def _log_loss(scores: Floats, y: Rows) -> float:
    shares = softmax(scores)[np.arange(len(y)), y]
    return float(-np.log(np.maximum(shares, 1e-12)).mean())
