"""The project's Celery app; the plugin itself only has `shared_task`s."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecomai_project.settings.embedded")

app = Celery("ecomai_project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
