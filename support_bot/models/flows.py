"""Flows: what a shop wants done, step by step, when customers want something."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class FlowQuerySet(models.QuerySet["Flow"]):
    def live_versions(self) -> list["FlowVersion"]:
        """Return what each flow does now, in the order in which they are asked."""
        versions = []
        for flow in self.exclude(live_version=None).select_related("live_version").order_by("place", "name"):
            assert flow.live_version is not None  # noqa: S101  (of the query)
            flow.live_version.flow = flow
            versions.append(flow.live_version)
        return versions


class Flow(models.Model):
    """A flow under its name. What it does is its live version; without one it is never started."""

    name = models.SlugField(_("name"), unique=True)
    title = models.CharField(_("title"), max_length=100)
    place = models.PositiveSmallIntegerField(
        _("place"),
        default=100,
        help_text=_("Of several flows that fit, the one with the lowest place begins."),
    )
    live_version = models.ForeignKey(
        "FlowVersion", verbose_name=_("live version"), null=True, blank=True, editable=False,
        on_delete=models.PROTECT, related_name="+",
    )  # fmt: skip

    objects = FlowQuerySet.as_manager()

    class Meta:
        verbose_name = _("flow")
        verbose_name_plural = _("flows")
        ordering = ("place", "name")
        permissions = [("put_flow_live", _("Can put a version of a flow live"))]

    def __str__(self) -> str:
        return self.title


class FlowVersion(models.Model):
    """One version of a flow; it stays as it was saved, for ever. Changing a flow makes the next version."""

    flow = models.ForeignKey(
        Flow, verbose_name=_("flow"), on_delete=models.CASCADE, db_index=False, related_name="versions"
    )
    number = models.PositiveIntegerField(_("version"))
    definition = models.JSONField(_("steps"))
    note = models.CharField(_("what is new"), max_length=200, blank=True, default="")
    created_at = models.DateTimeField(_("saved"), default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("by"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip

    class Meta:
        verbose_name = _("version of a flow")
        verbose_name_plural = _("versions of flows")
        ordering = ("flow", "-number")
        constraints = (models.UniqueConstraint(fields=["flow", "number"], name="ecomai_flowversion_once"),)

    def __str__(self) -> str:
        return f"{self.flow} {self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep a new version; one that is kept is not written again."""
        if self.pk is not None:
            raise ValueError("A version of a flow is never changed; save the next one.")
        super().save(*args, **kwargs)
