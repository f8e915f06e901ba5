"""Stop a training."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ecomai.exceptions import EcomaiError
from ecomai.registry.selectors import get_run
from ecomai.registry.services import cancel_training


class Command(BaseCommand):
    help = "Cancel a training run: at once while it waits, at its next step while it learns."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int, help="The number that ecomai_train printed.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            cancel_training(run=get_run(options["run"]), actor_label="command")
        except EcomaiError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Training run {options['run']} is to stop.")
