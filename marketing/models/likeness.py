"""Who is like whom: versions of customers' vectors, segments found by likeness, and clusters proposed."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .segments import Segment

#: Encoders of customers' vectors begin so; a version's number follows.
ENCODER_PREFIX = "marketing.customers:"
MOST_SIMILAR = 100_000


class VectorVersion(models.Model):
    """One making of all customers' vectors: with which encoder of items, and how figures were scaled.

    The vectors are rows of `fusion.EntityVector`, so erasure and export know them.
    """

    item_encoder = models.CharField(
        _("encoder of items"), max_length=100, blank=True, default="",
        help_text=_("Empty where items are told by category and brand alone."),
    )  # fmt: skip
    created_at = models.DateTimeField(_("made"), default=timezone.now)
    is_ready = models.BooleanField(_("ready"), default=False)
    n_customers = models.PositiveIntegerField(_("customers"), default=0)
    #: Means and scales of figures, and the middle of all tastes.
    scaling = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("version of customers' vectors")
        verbose_name_plural = _("versions of customers' vectors")
        default_permissions = ()
        get_latest_by = "pk"

    def __str__(self) -> str:
        return self.encoder

    @property
    def encoder(self) -> str:
        """Under which name the vectors are stored."""
        return f"{ENCODER_PREFIX}{self.pk}"


class Lookalike(models.Model):
    """How a segment came about: the customers most like those of another one."""

    segment = models.OneToOneField(
        Segment, verbose_name=_("segment"), on_delete=models.CASCADE, related_name="lookalike"
    )
    seed = models.ForeignKey(
        Segment, verbose_name=_("like whom"), on_delete=models.PROTECT, related_name="lookalikes"
    )
    n = models.PositiveIntegerField(
        _("how many"), validators=[MinValueValidator(1), MaxValueValidator(MOST_SIMILAR)]
    )
    is_refreshed = models.BooleanField(_("found anew each night"), default=False)
    found_at = models.DateTimeField(_("found"), null=True, blank=True)
    #: Least and mean alikeness, and the version of vectors.
    found = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("search for similar customers")
        verbose_name_plural = _("searches for similar customers")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.segment_id} {self.seed_id}"


class Cluster(models.Model):
    """A group of customers that was found and not asked for: its middle, its size, what sets it apart."""

    version = models.ForeignKey(
        VectorVersion, verbose_name=_("version"), on_delete=models.CASCADE, related_name="clusters"
    )
    place = models.PositiveSmallIntegerField(_("place"))
    n = models.PositiveIntegerField(_("customers"))
    middle = models.JSONField(default=list)
    #: See `likeness.describing.Description`.
    description = models.JSONField(default=dict)
    segment = models.ForeignKey(
        Segment, verbose_name=_("segment"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name = _("proposed group")
        verbose_name_plural = _("proposed groups")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["version", "place"], name="ecomai_cluster_place_once"),
        ]

    def __str__(self) -> str:
        return f"{self.version_id} {self.place}"
