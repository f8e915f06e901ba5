"""Retraining by the clock, which is django-celery-beat's."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from celery.schedules import ParseException, crontab_parser
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from ecomai import scenarios
from ecomai.exceptions import InvalidInputError, NotFoundError
from ecomai.registry import selectors
from ecomai.registry.exceptions import TrainingActiveError
from ecomai.registry.models import TrainingRun, TrainingSchedule

from .access import check_permission, write_audit
from .trainings import check_hyperparameters, check_search_minutes, request_training

logger = logging.getLogger(__name__)

TASK = "ecomai.registry.run_scheduled_training"
SCHEDULE = "schedule"
# Field of a crontab line -> (how many values it has, its least value)
_FIELDS = {
    "minute": (60, 0),
    "hour": (24, 0),
    "day_of_month": (31, 1),
    "month_of_year": (12, 1),
    "day_of_week": (7, 0),
}


def schedule_training(
    *,
    model_name: str,
    crontab: str | None,
    search_minutes: int | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    user: Any = None,
    actor_label: str = "",
) -> TrainingSchedule | None:
    """Retrain a model by a crontab line in the shop's time zone, such as "0 3 * * *"; None ends that.

    `hyperparameters` are those of each training that are not the model's own.
    """
    check_permission(user, "schedule_training")
    spec = scenarios.get_model_spec(model_name)
    check_search_minutes(spec, search_minutes)
    check_hyperparameters(spec, hyperparameters or {})
    values = {"search_minutes": search_minutes, "hyperparameters": dict(hyperparameters or {})}
    fields = parse_crontab(crontab) if crontab else None
    with transaction.atomic():
        schedule = _write(model_name, fields, values) if fields else None
        if schedule is None:
            _remove(model_name)
        write_audit(
            action="schedule_training", subject=model_name, user=user, actor_label=actor_label,
            details={"crontab": crontab or "", **values},
        )  # fmt: skip
    return schedule


def parse_crontab(line: str) -> dict[str, str]:
    """Split a crontab line into its five fields. Raises `InvalidInputError`."""
    parts = line.split()
    if len(parts) != len(_FIELDS):
        reason = _("a schedule has five fields (minute, hour, day, month, weekday), such as 0 3 * * *.")
        raise InvalidInputError(reason=reason)
    fields = dict(zip(_FIELDS, parts, strict=True))
    for name, text in fields.items():
        n_values, least = _FIELDS[name]
        try:
            crontab_parser(n_values, least).parse(text)
        except (ParseException, ValueError) as error:
            reason = _("“%(text)s” cannot be read as the field %(name)s of a schedule.") % {
                "text": text,
                "name": name,
            }
            raise InvalidInputError(reason=reason) from error
    return fields


def _write(model_name: str, fields: dict[str, str], values: dict[str, Any]) -> TrainingSchedule:
    clock = CrontabSchedule.objects.filter(**fields, timezone=timezone.get_default_timezone_name()).first()
    clock = clock or CrontabSchedule.objects.create(**fields, timezone=timezone.get_default_timezone_name())
    task, _created = PeriodicTask.objects.update_or_create(
        name=f"ecomai: retrain {model_name}",
        defaults={
            "task": TASK, "crontab": clock, "interval": None, "enabled": True, "queue": "default",
            "kwargs": json.dumps({"model_name": model_name}),
            "description": _("Written by ecomai; change it in the list of models."),
        },
    )  # fmt: skip
    values = {"periodic_task": task, **values}
    return TrainingSchedule.objects.update_or_create(model_name=model_name, defaults=values)[0]


def _remove(model_name: str) -> None:
    for schedule in TrainingSchedule.objects.filter(model_name=model_name).select_related("periodic_task"):
        schedule.periodic_task.delete()


def request_scheduled_training(*, model_name: str) -> TrainingRun | None:
    """What the clock does; skipped while the last run goes on, or the scenario is off or gone."""
    if not selectors.is_scenario_on(model_name.partition(".")[0]):
        logger.info("The scheduled training of %s is skipped: its scenario is switched off.", model_name)
        return None
    schedule = TrainingSchedule.objects.filter(model_name=model_name).first()
    try:
        return request_training(
            model_name=model_name,
            actor_label=SCHEDULE,
            search_minutes=_offered_minutes(model_name, schedule),
            hyperparameters=_known_hyperparameters(model_name, schedule),
            is_scheduled=True,
        )
    except (TrainingActiveError, NotFoundError) as error:
        logger.warning("The scheduled training of %s is skipped: %s", model_name, error)
        return None


def _known_hyperparameters(model_name: str, schedule: TrainingSchedule | None) -> dict[str, Any]:
    """What the schedule asks for, without what the model lost in an upgrade."""
    spec = scenarios.get_model_spec(model_name)
    return {
        name: value
        for name, value in (schedule.hyperparameters if schedule else {}).items()
        if name in spec.default_hyperparameters
        and (name not in spec.options or spec.options[name].contains(value))
    }


def _offered_minutes(model_name: str, schedule: TrainingSchedule | None) -> int | None:
    """What the schedule asks for; no search for a model that lost its search space in an upgrade."""
    has_space = bool(scenarios.get_model_spec(model_name).search_space)
    return schedule.search_minutes if schedule and has_space else None
