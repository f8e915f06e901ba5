"""The embedded default, opened to this test's monitoring."""

from ecomai_project.settings.embedded import *  # noqa: F403
from ecomai_project.settings.embedded import ECOMAI

MONITORING_TOKEN = "monitoring-token"
ECOMAI = {
    **ECOMAI,
    "CONSOLE": {
        "MONITORING_TOKEN": MONITORING_TOKEN,
        "HEALTH_CACHE_SECONDS": 0.0,
        "READY_REQUIRES": ("database",),
    },
}
