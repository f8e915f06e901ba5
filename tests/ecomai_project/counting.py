"""A task for the tests of the worker fixtures; no part of the project."""

import logging

from celery import shared_task
from django.contrib.auth import get_user_model


@shared_task(name="tests.count_users")
def count_users() -> None:
    logging.getLogger(__name__).warning("counted users: %s", get_user_model().objects.count())
