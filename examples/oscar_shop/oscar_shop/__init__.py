"""A django-oscar shop with ecomai in it; web processes publish jobs with the Celery app too."""

from .celery import app as celery_app

__all__ = ["celery_app"]
