"""What a worker process of the tests imports: settings of a small shop, and one thread for torch."""

import os
from pathlib import Path

import torch
from django.conf import settings

FOLDER = Path(os.environ["ECOMAI_TEST_FOLDER"])
settings.ECOMAI = {
    **settings.ECOMAI,
    "REGISTRY": {"FOLDER": FOLDER / "registry", "LEASE_SECONDS": 6.0, "REPORT_INTERVAL_SECONDS": 0.1},
}
torch.set_num_threads(1)
