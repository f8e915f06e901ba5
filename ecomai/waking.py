"""Waking a worker for work that is a row already: a message that is lost costs time, and nothing else."""

import logging
from typing import Any

from kombu.exceptions import KombuError

logger = logging.getLogger(__name__)


def wake_worker(task: Any, *args: Any, otherwise: str, queue: str = "default") -> bool:
    """Send a task's message at once, or say in the log what happens instead; return whether it was sent.

    A web process never waits for a broker that is away: `otherwise` names what waits, such as for beat.
    """
    try:
        task.apply_async(args=args, retry=False, queue=queue)
    except (KombuError, OSError) as error:
        logger.warning("%s; the message broker is away (%s).", otherwise, type(error).__name__)
        return False
    return True
