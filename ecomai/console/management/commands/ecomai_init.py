"""`manage.py ecomai_init`: shows or writes the lines that the project needs for ecomai."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ecomai.embedding import command
from ecomai.exceptions import EcomaiError


class Command(BaseCommand):
    help = command.HELP
    requires_system_checks: list[str] = []  # what is missing is what the checks complain of

    def add_arguments(self, parser: CommandParser) -> None:
        command.add_arguments(parser)

    def handle(self, *args: Any, apply: bool, settings: str | None = None, **options: Any) -> None:
        try:
            command.run(apply=apply, settings_module=settings or "", write=self.stdout.write)
        except EcomaiError as error:
            raise CommandError(str(error)) from error
