"""Small tags and filters of the console's templates."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import template
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import formats, timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from ecomai.numbers import format_percent
from ecomai.registry import audit_texts
from ecomai.registry.models import Job

register = template.Library()


@register.simple_tag(takes_context=True)
def admin_url(
    context: template.Context, name: str, args: Sequence[Any] | None = None, query: str = ""
) -> str:
    """The address of an admin page in this AdminSite; empty where the host does not show that model."""
    site = getattr(context.get("request"), "current_app", None)
    try:
        url = reverse(name, args=args or (), current_app=site)
    except NoReverseMatch:
        return ""
    return f"{url}?{query}" if query else url


@register.simple_tag(takes_context=True)
def job_url(context: template.Context, job: Job) -> str:
    """Where to read on about a job: a training's own page, else the job's."""
    if hasattr(job, "training_run"):
        url: str = admin_url(context, "admin:ecomai_registry_trainingrun_change", (job.training_run.pk,))
        return url
    return str(admin_url(context, "admin:ecomai_registry_job_change", (job.pk,)))


@register.filter
def as_args(value: Any) -> tuple[Any, ...]:
    """A value as the only argument of an address."""
    return (value,)


@register.filter
def permits(permission: str, request: HttpRequest) -> bool:
    return bool(request.user.has_perm(permission))


@register.filter
def as_percent(share: float) -> str:
    return format_percent(share, 0 if share == 0 or share >= 0.1 else 1)


@register.filter
def grouped(number: int) -> str:
    return formats.number_format(number, force_grouping=True)


@register.filter
def duration(seconds: float) -> str:
    """A time to wait, as coarse as such estimates are."""
    if seconds < 90:
        return _("%(n)s s") % {"n": max(round(seconds), 1)}
    if seconds < 5400:
        return _("%(n)s min") % {"n": round(seconds / 60)}
    return _("%(n)s h") % {"n": formats.number_format(seconds / 3600, 1)}


@register.filter
def ago(moment: datetime) -> str:
    """How long ago a moment is, in one unit: “3 hours ago”."""
    seconds = (timezone.now() - moment).total_seconds()
    if seconds < 60:
        return _("just now")
    return _("%(time)s ago") % {"time": timesince(moment, depth=1)}


@register.filter
def state_label(state: str) -> str:
    return {"attention": _("attention"), "problem": _("problem"), "empty": _("nothing yet")}.get(
        state, _("ok")
    )


@register.filter
def action_label(action: str) -> str:
    return audit_texts.action_label(action)


@register.filter
def subject_label(subject: str) -> str:
    return audit_texts.subject_label(subject)
