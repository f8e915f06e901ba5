"""The hourly round: feeds are read, new texts judged once a model serves, and alarms looked for."""

import logging
from typing import Any

from django.utils.translation import gettext as _

from ecomai.exceptions import ConflictError, PermissionDeniedError
from ecomai.registry.jobs import enqueue_job
from ecomai.registry.models import Job
from ecomai.registry.selectors import serving_version
from ecomai.registry.services import request_scoring

from ..models import Feedback
from ..scenario import SENTIMENT
from .alarms import look_for_alarms
from .feeds import read_feeds

logger = logging.getLogger(__name__)

READING_KIND = "marketing.voice"


def listen() -> None:
    """Do one round. Safe to run twice."""
    read_feeds()
    score_feedback()
    look_for_alarms()


def start_reading(*, user: Any = None) -> Job | None:
    """Queue a job that finds aspects by meaning, and topics.

    None while one waits or runs, or there is no text. Raises PermissionDeniedError.
    """
    if user is not None and not user.has_perm("ecomai_marketing.import_feedback"):
        raise PermissionDeniedError
    unfinished = Job.objects.filter(kind=READING_KIND).exclude(state__in=Job.FINISHED_STATES)
    if unfinished.exists() or not Feedback.objects.exists():
        return None
    return enqueue_job(kind=READING_KIND, label=_("What customers talk about"), queue="gpu", created_by=user)


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
