"""A year of exposure behind the long tail page, and rarely shown items tried out on the home page."""

import logging

from kombu.exceptions import KombuError

from ..models import Exploration
from ..tasks import refresh_exposure
from .experiment import HOME

logger = logging.getLogger(__name__)

SHARE = 0.1


def count_exposure() -> None:
    """Begin to try items out, and have the year's answers counted in the background. Safe to run twice."""
    Exploration.objects.get_or_create(storefront="", placement=HOME, defaults={"share": SHARE})
    try:
        refresh_exposure.apply_async(retry=False, queue="default")
    except (KombuError, OSError) as error:
        # The hourly count does the same.
        logger.warning("Exposure is not counted now; the message broker is away (%s).", type(error).__name__)
