"""Thin receivers: chargebacks open cases, orders that came are held, answers are mailed."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.db import connections

from ecomai.registry.services.beat import add_beat_entries
from ecomai.waking import wake_worker

from .models import Appeal, Case, Label, Origin, StateRebuild

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

    wake_worker(mail_answer, appeal.pk, otherwise="An answer is not mailed")


def create_beat_entries(sender: AppConfig, using: str, **kwargs: Any) -> None:
    add_beat_entries("risk", BEAT_ENTRIES, using=using)


def note_key(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Note which key the states are folded with, at the first migration; `services.rebuilding` compares."""
    from .services.rebuilding import note_first

    if StateRebuild._meta.db_table in connections[using].introspection.table_names():
        note_first(using=using)
