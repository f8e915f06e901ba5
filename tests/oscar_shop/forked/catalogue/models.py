"""Products with a maker; what they are called comes of it."""

from django.db import models
from oscar.apps.catalogue.abstract_models import AbstractProduct


class Product(AbstractProduct):
    maker = models.CharField(max_length=50, blank=True)

    def get_title(self):
        title = super().get_title()
        return f"{title} by {self.maker}" if self.maker else title


from oscar.apps.catalogue.models import *  # noqa: E402, F403
