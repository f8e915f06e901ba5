"""The shop's history through its adapter: chunks by primary key, each one transaction with its checkpoint."""

from collections.abc import Callable, Collection
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce import signals
from ecomai.commerce.app_settings import app_settings
from ecomai.commerce.models import ImportCheckpoint
from ecomai.commerce.records import count_statuses

from .base import ShopAdapter, get_adapter
from .exceptions import BackfillBusyError
from .mapping import ModelMapping
from .writing import write_rows

Report = Callable[[float, str], None]
KINDS = ("customer", "item", "order", "event")
JOB_KIND = "commerce.backfill"


def backfill(
    *,
    adapter: ShopAdapter | None = None,
    kinds: Collection[str] = KINDS,
    restart: bool = False,
    report: Report = lambda progress, message: None,
) -> dict[str, dict[str, int]]:
    """Read all mapped models; return what became of the rows, by source.

    Goes on where an interrupted one ended, unless `restart`. A finished one starts anew, and
    changes nothing where the shop has not changed.
    """
    mappings = [mapping for mapping in (adapter or get_adapter()).mappings() if mapping.kind in kinds]
    shares = Shares([mapping.queryset().count() for mapping in mappings], report)
    summary: dict[str, dict[str, int]] = {}
    for mapping in mappings:
        checkpoint = _open_checkpoint(mapping, restart)
        while _take_chunk(mapping, checkpoint):
            shares.report(mapping, checkpoint.rows_done)
        shares.report(mapping, checkpoint.rows_done)
        shares.finish_model()
        summary[mapping.source] = dict(checkpoint.summary)
    signals.history_imported.send(sender=backfill)
    return summary


class Shares:
    """Turns rows done of one model into progress of all."""

    def __init__(self, totals: list[int], report: Report) -> None:
        self._totals = totals
        self._report = report
        self._n_finished = 0

    def report(self, mapping: ModelMapping, n_rows: int) -> None:
        total = self._totals[self._n_finished]
        n_before = sum(self._totals[: self._n_finished])
        progress = (n_before + min(n_rows, total)) / max(sum(self._totals), 1)
        text = _("%(model)s: %(done)s of %(total)s rows")
        self._report(progress, text % {"model": mapping.model, "done": f"{n_rows:,}", "total": f"{total:,}"})

    def finish_model(self) -> None:
        self._n_finished += 1


def _open_checkpoint(mapping: ModelMapping, restart: bool) -> ImportCheckpoint:
    checkpoint, _created = ImportCheckpoint.objects.get_or_create(source=mapping.source)
    if restart or checkpoint.finished_at is not None:
        checkpoint.position, checkpoint.rows_done, checkpoint.summary = "", 0, {}
        checkpoint.finished_at = None
        checkpoint.save()
    return checkpoint


@transaction.atomic
def _take_chunk(mapping: ModelMapping, checkpoint: ImportCheckpoint) -> bool:
    """Write the next rows and note how far that is; whether there may be more.

    Both in one transaction, so that a kill between them neither loses nor repeats a row.
    """
    position = ImportCheckpoint.objects.select_for_update().get(pk=checkpoint.pk).position
    if position != checkpoint.position:
        raise BackfillBusyError(source=mapping.source)
    queryset = mapping.queryset().order_by("pk")
    if position:
        queryset = queryset.filter(pk__gt=mapping.get_model()._meta.pk.to_python(position))
    rows = list(queryset[: app_settings.ADAPTER_CHUNK_ROWS])
    counts = count_statuses(write_rows(mapping, rows))
    checkpoint.summary = {name: n + checkpoint.summary.get(name, 0) for name, n in counts.items()}
    checkpoint.rows_done += len(rows)
    if rows:
        checkpoint.position = str(rows[-1].pk)
    is_last = len(rows) < app_settings.ADAPTER_CHUNK_ROWS
    checkpoint.finished_at = timezone.now() if is_last else None
    checkpoint.save()
    return not is_last


def run_backfill_job(job: Any) -> dict[str, Any]:
    """The job of kind `commerce.backfill`; a retry goes on where the attempt before it ended."""
    arguments = job.arguments
    is_retry = job.job.attempts > 1
    return backfill(
        kinds=arguments.get("kinds") or KINDS,
        restart=bool(arguments.get("restart")) and not is_retry,
        report=job.report,
    )
