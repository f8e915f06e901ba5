"""`clv`: what customers will buy and be worth, from their purchases until a day."""

from pathlib import Path
from typing import Any

from ecomai.benchmarking import Report
from ecomai.exceptions import InvalidInputError

from .clv_cdnow import FILE as CDNOW
from .clv_cdnow import measure_cdnow
from .clv_retail import FILE as RETAIL
from .clv_retail import measure_retail


def clv(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Measure on CDNOW's repeat purchases or Online Retail's revenue, whichever the folder holds.

    Models learn only what was known at the cut; weights, total and stopping are chosen on earlier cuts.
    """
    if (data / CDNOW).is_file():
        return measure_cdnow(data, device=device, seed=seed, report=report)
    if (data / RETAIL).is_file():
        return measure_retail(data, device=device, seed=seed, report=report)
    raise InvalidInputError(reason=f"{data.name} holds neither {CDNOW} nor {RETAIL}.")
