"""`manage.py ecomai_uninstall`: takes our tables and rows out of the shop's database."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ecomai.console.uninstalling import uninstall

QUESTION = (
    "All that ecomai has learned and stored in this database is deleted for good. Type “yes” to go on: "
)


class Command(BaseCommand):
    help = (
        "Drop our tables, the groups of ecomai_groups and our entries of beat; the shop's own tables stay as "
        "they are. Stop workers and beat before; take our apps out of the settings afterwards."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-input", action="store_true", help="Do not ask.")

    def handle(self, *args: Any, no_input: bool, **options: Any) -> None:
        if not no_input and input(QUESTION) != "yes":
            raise CommandError("Nothing was deleted.")
        uninstall(report=self.stdout.write)
        self.stdout.write("Now take our apps, the middleware, ECOMAI and the addresses out of the project.")
