"""The files of an uplift model: the learner as it saves itself, what comes without a message, and money."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.exceptions import FormatVersionError
from ecomai.learning.uplift.base import UpliftLearner, with_vectors
from ecomai.learning.uplift.chosen import LEARNERS, SEQUENCE_LEARNERS, make_learner
from ecomai.learning.uplift.regressors import LinearRegressor

from ..targeting.features import NAMES
from ..targeting.histories import Histories
from .uplift_encoder import HistoryEncoder

KIND = "uplift"
FORMAT_VERSION = 2
DESCRIPTION_FILE = "predictor.json"
ESTIMATOR_FOLDER, WITHOUT_FOLDER, ENCODER_FOLDER = "estimator", "without", "encoder"
BOUGHT, SPENT = "bought", "spent"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class UpliftModel:
    """What one kind of message changes: a learner, who buys anyway, and what a purchase brings.

    `worth` is what a customer who bought without a message spent on average. `usual` is the share that buys
    without one. A learner that reads the order of what customers did has the `encoder` that tells of it.
    """

    learner: UpliftLearner
    name: str
    without: LinearRegressor
    outcome: str
    worth: float
    usual: float
    encoder: HistoryEncoder | None = None

    @property
    def counts_purchases(self) -> bool:
        """Whether the outcome is that something was bought, and not what was spent."""
        return self.outcome == BOUGHT

    @property
    def unit(self) -> float:
        """What one of the outcome is worth: of what was spent, 1."""
        return self.worth if self.counts_purchases else 1.0

    def predict(self, X: ArrayLike, histories: Histories | None = None) -> tuple[Floats, Floats]:
        """Return what a message brings in the reporting currency, and who buys without: (n_samples,) each.

        Histories are needed where there is an encoder.
        """
        rows = X
        if self.encoder is not None and histories is not None:
            rows = with_vectors(X, self.encoder.vectors(histories))
        effects = self.learner.predict(rows)[:, 0] * self.unit
        return effects, np.clip(self.without.predict(X), 0.0, 1.0)


#: A model for each kind of message that there was enough to learn of; the one learned from most comes first.
UpliftModels = Mapping[str, UpliftModel]


def write_uplift_models(folder: Path, models: UpliftModels) -> Path:
    described = {kind: _write(folder / kind, model) for kind, model in models.items()}
    description = {
        "kind": KIND, "format_version": FORMAT_VERSION, "features": list(NAMES), "messages": described,
    }  # fmt: skip
    (folder / DESCRIPTION_FILE).write_text(json.dumps(description), encoding="utf-8")
    return folder


def _write(folder: Path, model: UpliftModel) -> dict[str, Any]:
    model.learner.save(folder / ESTIMATOR_FOLDER)
    model.without.save(folder / WITHOUT_FOLDER)
    if model.encoder is not None:
        shutil.copytree(model.encoder.folder, folder / ENCODER_FOLDER, dirs_exist_ok=True)
    return {
        "learner": model.name, "outcome": model.outcome, "worth": model.worth, "usual": model.usual,
    }  # fmt: skip


def read_uplift_models(folder: Path) -> UpliftModels:
    """Read what `write_uplift_models` wrote. Raises FormatVersionError for other features or formats."""
    description = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
    known = (description.get("format_version"), description.get("features"))
    messages = description.get("messages", {})
    learners = LEARNERS | SEQUENCE_LEARNERS
    is_known = all(message["learner"] in learners for message in messages.values())
    if known != (FORMAT_VERSION, list(NAMES)) or not messages or not is_known:
        raise FormatVersionError(
            "The model was saved with other features or in another format; train it again."
        )
    return {kind: _read(folder / kind, message) for kind, message in messages.items()}


def _read(folder: Path, described: Mapping[str, Any]) -> UpliftModel:
    name = str(described["learner"])
    encoder = HistoryEncoder(folder / ENCODER_FOLDER) if name in SEQUENCE_LEARNERS else None
    return UpliftModel(
        type(make_learner(name)).load(folder / ESTIMATOR_FOLDER), name,
        LinearRegressor.load(folder / WITHOUT_FOLDER), str(described["outcome"]),
        float(described["worth"]), float(described["usual"]), encoder,
    )  # fmt: skip
