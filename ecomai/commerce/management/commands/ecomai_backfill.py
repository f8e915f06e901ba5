"""Read the shop's history through its adapter."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ecomai.commerce.adapters.backfill import JOB_KIND, KINDS, backfill
from ecomai.exceptions import EcomaiError
from ecomai.registry.jobs import enqueue_job


class Command(BaseCommand):
    help = (
        "Read customers, items, orders and events through the shop's adapter. An interrupted back-fill "
        "goes on where it ended; one that is repeated changes nothing that the shop has not changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
        parser.add_argument("--restart", action="store_true", help="Begin anew instead of going on.")
        parser.add_argument(
            "--background", action="store_true", help="Let a worker do it; see the jobs in the admin."
        )

    def handle(self, *args: Any, kinds: list[str], restart: bool, background: bool, **options: Any) -> None:
        if background:
            job = enqueue_job(
                kind=JOB_KIND, arguments={"kinds": kinds, "restart": restart}, label="Back-fill from the shop"
            )
            self.stdout.write(json.dumps({"job": job.pk}))
            return
        try:
            summary = backfill(kinds=kinds, restart=restart, report=self._report)
        except EcomaiError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(summary))

    def _report(self, progress: float, message: str) -> None:
        self.stderr.write(f"{progress:6.1%}  {message}")
