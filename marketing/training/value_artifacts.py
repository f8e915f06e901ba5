"""The files of a customer value model: the estimator as it saves itself, and what it is asked for."""

import json
from dataclasses import dataclass
from pathlib import Path

from django.utils.module_loading import import_string

from ecomai.learning.base import ESTIMATOR_FILE
from ecomai.learning.customer_value.base import CustomerValueModel

KIND = "customer_value"
FORMAT_VERSION = 1
DESCRIPTION_FILE = "predictor.json"
ESTIMATOR_FOLDER = "estimator"
_MODELS = "ecomai.learning.customer_value"
BASELINE = "own_rate"
#: Row of the card -> estimator; no other class is ever made from a file. The first ones need little data.
SMALL = {
    BASELINE: f"{_MODELS}.own_rate.OwnRateModel",
    "bg_nbd": f"{_MODELS}.bg_nbd.BgNbdModel",
    "pareto_nbd": f"{_MODELS}.pareto_nbd.ParetoNbdModel",
}
LARGE = SMALL | {
    "boosted": f"{_MODELS}.boosted.BoostedValueModel",
    "transformer": f"{_MODELS}.sequence.SequenceValueModel",
    "ensemble": f"{_MODELS}.ensemble.ValueEnsemble",
}
#: What learns with differential privacy, beside the baseline that it is compared with.
PRIVATE = "private"
PRIVATE_ONLY = {BASELINE: SMALL[BASELINE], PRIVATE: f"{_MODELS}.private.PrivateValueModel"}


@dataclass(frozen=True)
class ValueModel:
    """A fitted model, how far it looks, and the day until which it has learned."""

    model: CustomerValueModel
    horizon_days: float
    learned_until: float


def write_value_model(
    folder: Path, model: CustomerValueModel, *, horizon_days: float, learned_until: float
) -> Path:
    model.save(folder / ESTIMATOR_FOLDER)
    description = {
        "kind": KIND, "format_version": FORMAT_VERSION, "horizon_days": horizon_days,
        "learned_until": learned_until,
    }  # fmt: skip
    (folder / DESCRIPTION_FILE).write_text(json.dumps(description), encoding="utf-8")
    return folder


def read_value_model(folder: Path) -> ValueModel:
    """Read what `write_value_model` wrote. Raises FormatVersionError for a format of another time."""
    description = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
    saved = json.loads((folder / ESTIMATOR_FOLDER / ESTIMATOR_FILE).read_text(encoding="utf-8"))
    classes = {path.rpartition(".")[2]: path for path in (LARGE | PRIVATE_ONLY).values()}
    estimator: type[CustomerValueModel] = import_string(classes[saved["estimator"]])
    return ValueModel(
        estimator.load(folder / ESTIMATOR_FOLDER),
        float(description["horizon_days"]),
        float(description["learned_until"]),
    )
