"""Segments of customers, who is in them, and how that changed from day to day."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Customer


class Segment(models.Model):
    """Customers who meet a condition, kept right as things happen; or a list that was fixed once."""

    class Kind(models.TextChoices):
        LIVE = "live", _("live: who meets the condition, at any time")
        STATIC = "static", _("fixed: who met the condition once, or was imported")

    name = models.CharField(_("name"), max_length=100)
    slug = models.SlugField(_("short name"), max_length=100, unique=True, help_text=_("For programs."))
    description = models.CharField(_("description"), max_length=500, blank=True, default="")
    kind = models.CharField(_("kind"), max_length=16, choices=Kind, default=Kind.LIVE)
    condition = models.JSONField(
        _("condition"), default=dict, blank=True, help_text=_("Empty for a list that is imported.")
    )
    is_archived = models.BooleanField(_("archived"), default=False)
    n_members = models.PositiveIntegerField(_("customers"), default=0, editable=False)
    passed_until = models.DateTimeField(
        _("right until"), null=True, blank=True, editable=False,
        help_text=_("Up to when the passing of time has been followed; empty before the first evaluation."),
    )  # fmt: skip
    evaluated_at = models.DateTimeField(_("evaluated"), null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("created by"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        default_permissions = ("add", "change", "view")
        permissions = [("export_segment", _("Can export who is in a segment"))]
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(is_archived=False), name="ecomai_segment_name_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_live(self) -> bool:
        return self.kind == self.Kind.LIVE


class SegmentMember(models.Model):
    """A customer in a segment, since when."""

    segment = models.ForeignKey(
        Segment, verbose_name=_("segment"), on_delete=models.CASCADE, db_index=False, related_name="members"
    )
    customer = models.ForeignKey(
        Customer, verbose_name=_("customer"), on_delete=models.CASCADE, related_name="+"
    )
    joined_at = models.DateTimeField(_("since"), default=timezone.now)

    class Meta:
        verbose_name = _("member of a segment")
        verbose_name_plural = _("members of segments")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["segment", "customer"], name="ecomai_segment_member_once"),
        ]

    def __str__(self) -> str:
        return f"{self.segment_id} {self.customer_id}"


class SegmentDay(models.Model):
    """How many joined and left a segment on a day of the shop, and how many were in it at its end."""

    segment = models.ForeignKey(
        Segment, verbose_name=_("segment"), on_delete=models.CASCADE, db_index=False, related_name="days"
    )
    day = models.DateField(_("day"))
    n_joined = models.PositiveIntegerField(_("joined"), default=0)
    n_left = models.PositiveIntegerField(_("left"), default=0)
    n_members = models.PositiveIntegerField(_("customers"), default=0)

    class Meta:
        verbose_name = _("segment's day")
        verbose_name_plural = _("segments' days")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["segment", "day"], name="ecomai_segment_day_once")]

    def __str__(self) -> str:
        return f"{self.segment_id} {self.day}"
