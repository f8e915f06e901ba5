"""The files of an uplift model: the learner as it saves itself, what comes without a message, and money."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

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
FORMAT_VERSION = 1
DESCRIPTION_FILE = "predictor.json"
ESTIMATOR_FOLDER, WITHOUT_FOLDER, ENCODER_FOLDER = "estimator", "without", "encoder"
BOUGHT, SPENT = "bought", "spent"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class UpliftModel:
    """A learner, who buys anyway, and what one unit of the outcome is worth.

    `worth` is what a purchase brought on average where the outcome is whether there was one, and 1 where it
    is what was spent. `usual` is the share that buys without a message. A learner that reads the order of
    what customers did has the `encoder` that tells of it.
    """

    learner: UpliftLearner
    name: str
    without: LinearRegressor
    outcome: str
    worth: float
    usual: float
    encoder: HistoryEncoder | None = None

    def predict(self, X: ArrayLike, histories: Histories | None = None) -> tuple[Floats, Floats]:
        """Return what a message brings in the reporting currency, and who buys without: (n_samples,) each.

        Histories are needed where there is an encoder.
        """
        rows = X
        if self.encoder is not None and histories is not None:
            rows = with_vectors(X, self.encoder.vectors(histories))
        effects = self.learner.predict(rows)[:, 0] * self.worth
        return effects, np.clip(self.without.predict(X), 0.0, 1.0)


def write_uplift_model(folder: Path, model: UpliftModel) -> Path:
    model.learner.save(folder / ESTIMATOR_FOLDER)
    model.without.save(folder / WITHOUT_FOLDER)
    if model.encoder is not None:
        shutil.copytree(model.encoder.folder, folder / ENCODER_FOLDER, dirs_exist_ok=True)
    description = {
        "kind": KIND, "format_version": FORMAT_VERSION, "learner": model.name, "outcome": model.outcome,
        "worth": model.worth, "usual": model.usual, "features": list(NAMES),
    }  # fmt: skip
    (folder / DESCRIPTION_FILE).write_text(json.dumps(description), encoding="utf-8")
    return folder


def read_uplift_model(folder: Path) -> UpliftModel:
    """Read what `write_uplift_model` wrote. Raises FormatVersionError for other features or formats."""
    description = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
    known = (description.get("format_version"), description.get("features"), description.get("learner"))
    if known[:2] != (FORMAT_VERSION, list(NAMES)) or known[2] not in LEARNERS | SEQUENCE_LEARNERS:
        raise FormatVersionError(
            "The model was saved with other features or in another format; train it again."
        )
    name = str(description["learner"])
    encoder = HistoryEncoder(folder / ENCODER_FOLDER) if name in SEQUENCE_LEARNERS else None
    return UpliftModel(
        type(make_learner(name)).load(folder / ESTIMATOR_FOLDER), name,
        LinearRegressor.load(folder / WITHOUT_FOLDER), str(description["outcome"]),
        float(description["worth"]), float(description["usual"]), encoder,
    )  # fmt: skip
