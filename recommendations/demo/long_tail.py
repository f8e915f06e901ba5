"""A year of exposure behind the long tail page, and rarely shown items tried out on the home page."""

from ecomai.waking import wake_worker

from ..models import Exploration
from ..tasks import refresh_exposure
from .experiment import HOME

SHARE = 0.1


def count_exposure() -> None:
    """Begin to try items out, and have the year's answers counted in the background. Safe to run twice."""
    Exploration.objects.get_or_create(storefront="", placement=HOME, defaults={"share": SHARE})
    wake_worker(refresh_exposure, otherwise="Exposure waits for its hourly count")
