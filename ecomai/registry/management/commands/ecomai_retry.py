"""Repeat a training that did not succeed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ecomai.exceptions import EcomaiError
from ecomai.registry.selectors import get_run
from ecomai.registry.services import retry_training


class Command(BaseCommand):
    help = "Queue a failed or cancelled training run again; it goes on from its last checkpoint."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int, help="The number that ecomai_train printed.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run = retry_training(run=get_run(options["run"]), actor_label="command")
        except EcomaiError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Training run {run.pk} of {run.model_name} is queued.")
