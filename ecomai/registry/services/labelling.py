"""One queue of cases that classifiers are unsure about."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.exceptions import ConflictError, InvalidInputError
from ecomai.registry.models import LabellingTask
from ecomai.registry.signals import case_labelled

from .access import check_permission, write_audit

State = LabellingTask.State


def add_labelling_tasks(*, model_name: str, cases: Iterable[Mapping[str, Any]]) -> int:
    """Put cases into the queue and return how many are new to it.

    A case has `subject_key`, `text`, `choices`, and may have `predicted_label`, `confidence`, `context`.
    """
    fields = ("subject_key", "text", "choices", "predicted_label", "confidence", "context")
    tasks = [
        LabellingTask(model_name=model_name, **{name: case[name] for name in fields if name in case})
        for case in cases
    ]
    before = LabellingTask.objects.filter(model_name=model_name).count()
    LabellingTask.objects.bulk_create(tasks, ignore_conflicts=True, batch_size=500)
    return LabellingTask.objects.filter(model_name=model_name).count() - before


def label_case(*, task: LabellingTask, label: str, user: Any = None, actor_label: str = "") -> LabellingTask:
    """Give a waiting case its label; sends `case_labelled` after the commit."""
    check_permission(user, "label_labellingtask")
    if label not in task.choices:
        raise InvalidInputError(reason=_("“%(label)s” is none of the possible labels.") % {"label": label})
    with transaction.atomic():
        task = _settle(task, State.LABELLED, user, label=label)
        write_audit(
            action="label_case", subject=task.model_name, user=user, actor_label=actor_label,
            details={"case": task.pk, "label": label},
        )  # fmt: skip
        transaction.on_commit(lambda: case_labelled.send_robust(sender=LabellingTask, task=task))
    return task


def skip_case(*, task: LabellingTask, user: Any = None) -> LabellingTask:
    """Leave a case without a label; it does not come again."""
    check_permission(user, "label_labellingtask")
    with transaction.atomic():
        return _settle(task, State.SKIPPED, user)


def remove_labelling_tasks(*, model_name: str, subject_keys: Iterable[str]) -> int:
    """Forget cases; for the erasers of scenarios, whose cases may quote a customer."""
    return LabellingTask.objects.filter(model_name=model_name, subject_key__in=list(subject_keys)).delete()[0]


def _settle(task: LabellingTask, state: str, user: Any, *, label: str = "") -> LabellingTask:
    task = LabellingTask.objects.select_for_update().get(pk=task.pk)
    if task.state != State.WAITING:
        raise ConflictError(reason=_("someone else has settled this case already."))
    task.state, task.label, task.labelled_by, task.labelled_at = state, label, user, timezone.now()
    task.save(update_fields=["state", "label", "labelled_by", "labelled_at"])
    return task
