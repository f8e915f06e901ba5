"""Retrain a model by the clock."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ecomai.exceptions import EcomaiError
from ecomai.registry.services import schedule_training

from .ecomai_train import parse_setting


class Command(BaseCommand):
    help = 'Retrain a model by a crontab line in the shop\'s time zone, such as "0 3 * * *".'

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model")
        parser.add_argument("crontab", nargs="?", help="Minute, hour, day, month and weekday; none ends it.")
        parser.add_argument(
            "--set", action="append", default=[], metavar="NAME=VALUE", help="A hyperparameter."
        )
        parser.add_argument(
            "--search-minutes", type=int, metavar="N", help="Each time, search for N minutes before training."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        crontab = options["crontab"]
        try:
            schedule_training(
                model_name=options["model"],
                crontab=crontab,
                search_minutes=options["search_minutes"],
                hyperparameters=dict(parse_setting(text) for text in options["set"]),
                actor_label="command",
            )
        except EcomaiError as error:
            raise CommandError(str(error)) from error
        state = f"retrains at {crontab}" if crontab else "no longer retrains by itself"
        self.stdout.write(f"{options['model']} {state}.")
