"""Thin receivers: chargebacks open cases, orders that came are held, answers are mailed."""

import logging
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.db import connections
from kombu.exceptions import KombuError

from .models import Appeal, Case, Label, Origin, StateRebuild

logger = logging.getLogger(__name__)

#: Entry of beat -> task, minute, hour.
BEAT_ENTRIES = {
    "ecomai: hold and release orders as cases want it": ("perform_order_acts", "*", "*"),
    "ecomai: open cases that models learn most from": ("open_learning_cases", "17", "*"),
    "ecomai: count how often rules fired": ("count_rule_hits", "*/10", "*"),
    "ecomai: count how groups of customers fare": ("refresh_fairness", "20", "4"),
    "ecomai: forget old assessments": ("forget_old_assessments", "50", "3"),
}


def on_label_recorded(sender: Any, label: Label, **kwargs: Any) -> None:
    """A chargeback that counts opens its case, though somebody had approved it."""
    if label.source == Label.Source.CHARGEBACK and label.is_fraud:
        from .services.cases import open_case

        open_case(label.assessment, origin=Origin.CHARGEBACK)


def on_orders_changed(sender: Any, order_pks: Sequence[int], **kwargs: Any) -> None:
    """An order that came after its assessment is held at once."""
    if not Case.objects.exclude(order_act="").exists():
        return
    from .services.order_acts import wake_order_acts

    wake_order_acts()


def on_appeal_changed(sender: Any, appeal: Appeal, **kwargs: Any) -> None:
    if appeal.state == Appeal.State.WAITING:
        return
    from .tasks import mail_answer

    try:
        mail_answer.apply_async(args=[appeal.pk], retry=False, queue="default")
    except (KombuError, OSError) as error:
        logger.warning("An answer is not mailed; the message broker is away (%s).", type(error).__name__)


def create_beat_entries(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Give beat its entries once; what a shop changes or disables afterwards stays as it is."""
    from django_celery_beat.models import CrontabSchedule, PeriodicTask

    if PeriodicTask._meta.db_table not in connections[using].introspection.table_names():
        return
    tasks = PeriodicTask.objects.using(using)
    for name, (task, minute, hour) in BEAT_ENTRIES.items():
        if tasks.filter(name=name).exists():
            continue
        clock, _created = CrontabSchedule.objects.using(using).get_or_create(
            minute=minute, hour=hour, day_of_week="*", day_of_month="*", month_of_year="*", timezone="UTC"
        )
        tasks.create(
            name=name, task=f"ecomai.risk.{task}", crontab=clock, queue="default",
            expire_seconds=3600 if hour == "*" else None,
        )  # fmt: skip


def note_key(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Note which key the states are folded with, at the first migration; `services.rebuilding` compares."""
    from .services.rebuilding import note_first

    if StateRebuild._meta.db_table in connections[using].introspection.table_names():
        note_first(using=using)
