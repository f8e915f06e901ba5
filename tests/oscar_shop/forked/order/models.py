"""Orders that know how they came."""

from django.db import models
from oscar.apps.order.abstract_models import AbstractOrder


class Order(AbstractOrder):
    came_by = models.CharField(max_length=10, default="web")


from oscar.apps.order.models import *  # noqa: E402, F403
