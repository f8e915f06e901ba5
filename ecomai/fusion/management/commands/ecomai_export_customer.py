"""Export what is known of a customer."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ecomai.exceptions import EcomaiError
from ecomai.fusion.services import export_customer


class Command(BaseCommand):
    help = "Write what is known of a customer as JSON, to standard output or into a file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("external_id", help="The shop's own id of the customer.")
        parser.add_argument("--storefront", default="")
        parser.add_argument("--output", type=Path, help="A new file; an existing one is not overwritten.")

    def handle(
        self, *args: Any, external_id: str, storefront: str, output: Path | None = None, **options: Any
    ) -> None:
        try:
            known = export_customer(
                storefront=storefront, external_id=external_id, actor_label="command line"
            )
        except EcomaiError as error:
            raise CommandError(str(error)) from error
        text = json.dumps(known, indent=2, ensure_ascii=False)
        if output is None:
            self.stdout.write(text)
            return
        try:
            with output.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError as error:
            raise CommandError(f"{output} exists already.") from error
