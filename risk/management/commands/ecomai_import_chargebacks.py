"""`manage.py ecomai_import_chargebacks FILE`: late news from the bank become labels."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ecomai.exceptions import EcomaiError

from ...models import Kind
from ...services.chargebacks import import_chargebacks


class Command(BaseCommand):
    help = (
        "Imports chargebacks from a CSV file with the columns order_id, and if known: known_at (ISO 8601), "
        "reference (the bank's id), is_fraud (yes or no; yes without it). Safe to run twice."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--kind", choices=Kind.values, default=Kind.PAYMENT_FRAUD)
        parser.add_argument("--storefront", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            outcome = import_chargebacks(
                options["file"], kind=options["kind"], storefront=options["storefront"]
            )
        except EcomaiError as error:
            raise CommandError(f"{error} [{error.code}]") from error
        for row, reason in outcome.problems:
            self.stderr.write(f"row {row}: {reason}")
        self.stdout.write(f"{outcome.n_labels} labels, {outcome.n_known} known already.")
        if outcome.problems:
            raise CommandError(f"{len(outcome.problems)} rows were left out.")
