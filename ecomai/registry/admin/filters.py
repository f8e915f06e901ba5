"""Filters of the registry's lists."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ecomai import scenarios
from ecomai.registry.audit_texts import action_label
from ecomai.registry.models import Job
from ecomai.registry.selectors import known_actions


class ModelFilter(admin.SimpleListFilter):
    """Models by the names that people know."""

    title = _("model")
    parameter_name = "model_name"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(spec.name, spec.verbose_name) for spec in scenarios.model_specs()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(model_name=self.value()) if self.value() else queryset


class ActionFilter(admin.SimpleListFilter):
    """Entries of the audit log by what was done, in words."""

    title = _("what")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(action, action_label(action).rstrip(":：")) for action in known_actions()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(action=self.value()) if self.value() else queryset


class ScheduledFilter(admin.SimpleListFilter):
    """Runs by whether a person or the schedule asked for them."""

    title = _("who asked")
    parameter_name = "scheduled"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("0", _("a person")), ("1", _("the schedule"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(is_scheduled=self.value() == "1") if self.value() else queryset


class JobStateFilter(admin.SimpleListFilter):
    """Runs by the state of their job."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Job.State.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(job__state=self.value()) if self.value() else queryset
