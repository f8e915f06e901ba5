"""Erase a customer everywhere."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ecomai.exceptions import EcomaiError
from ecomai.fusion.services import erase_customer


class Command(BaseCommand):
    help = "Erase a customer from every table, file and cache. Prints the receipt, which holds a hash only."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("external_id", help="The shop's own id of the customer.")
        parser.add_argument("--storefront", default="")
        parser.add_argument("--no-input", action="store_true", help="Do not ask for a confirmation.")

    def handle(self, *args: Any, external_id: str, storefront: str, no_input: bool, **options: Any) -> None:
        if not no_input and input("This cannot be undone. Type the customer's id to go on: ") != external_id:
            raise CommandError("Nothing was erased.")
        try:
            receipt = erase_customer(
                storefront=storefront, external_id=external_id, actor_label="command line"
            )
        except EcomaiError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            json.dumps(
                {"receipt": receipt.pk, "customer": receipt.subject_digest, "removed": receipt.report},
                indent=2,
            )
        )
