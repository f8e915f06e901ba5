"""Switch a scenario, or all of them, on or off."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ecomai.exceptions import EcomaiError
from ecomai.registry.selectors import ALL_SCENARIOS
from ecomai.registry.services import switch_scenario


class Command(BaseCommand):
    help = "Switch a scenario on or off; every process follows within a second."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("scenario", help="Its name, or all.")
        parser.add_argument("state", choices=["on", "off"])

    def handle(self, *args: Any, **options: Any) -> None:
        name = ALL_SCENARIOS if options["scenario"] == "all" else options["scenario"]
        try:
            switch = switch_scenario(name=name, is_on=options["state"] == "on", actor_label="command")
        except EcomaiError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{switch}: {options['state']}.")
