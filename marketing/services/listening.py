"""The hourly round: feeds are read, new texts judged once a model serves, and alarms looked for."""

import logging

from ecomai.exceptions import ConflictError
from ecomai.registry.selectors import serving_version
from ecomai.registry.services import request_scoring

from ..scenario import SENTIMENT
from .alarms import look_for_alarms
from .feeds import read_feeds

logger = logging.getLogger(__name__)


def listen() -> None:
    """Do one round. Safe to run twice."""
    read_feeds()
    score_feedback()
    look_for_alarms()


def score_feedback() -> None:
    """Have texts read that the serving version has not read, unless it is under way already."""
    from ..scoring.sentiment import unread

    version = serving_version(SENTIMENT)
    if version is None or not unread(version).exists():
        return
    try:
        request_scoring(model_name=SENTIMENT, actor_label="schedule")
    except ConflictError as error:
        logger.info("Texts are not judged now: %s", error)
