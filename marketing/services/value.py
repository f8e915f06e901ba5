"""Foreseeing what customers will buy, each night, once a version of the model serves."""

import logging

from ecomai.exceptions import ConflictError
from ecomai.registry.selectors import is_scenario_on, serving_version
from ecomai.registry.services import request_scoring

from ..scenario import CUSTOMER_VALUE

logger = logging.getLogger(__name__)


def score_customers() -> None:
    """Have all customers scored, unless it is under way already."""
    if not is_scenario_on("marketing") or serving_version(CUSTOMER_VALUE) is None:
        return
    try:
        request_scoring(model_name=CUSTOMER_VALUE, actor_label="schedule")
    except ConflictError as error:
        logger.info("Customers are not scored now: %s", error)
