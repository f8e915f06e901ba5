"""Go back to the version that served before."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ecomai.exceptions import EcomaiError
from ecomai.registry.services import roll_back


class Command(BaseCommand):
    help = "Promote the version of a model that served before the present one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            version = roll_back(model_name=options["model"], actor_label="command")
        except EcomaiError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{version} serves again.")
