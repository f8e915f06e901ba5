"""What is popular."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Item


class ItemPopularity(models.Model):
    """How popular an item is lately: weighted events, halved with each half-life."""

    item = models.OneToOneField(
        Item, verbose_name=_("item"), primary_key=True, on_delete=models.CASCADE, related_name="popularity"
    )
    score = models.FloatField(_("score"))
    n_events = models.PositiveIntegerField(_("events"), default=0)
    counted_at = models.DateTimeField(_("counted"), default=timezone.now)

    class Meta:
        verbose_name = _("popularity of an item")
        verbose_name_plural = _("popularity of items")
        indexes = [models.Index(fields=["-score"], name="ecomai_rec_popularity_score")]

    def __str__(self) -> str:
        return str(self.item)
