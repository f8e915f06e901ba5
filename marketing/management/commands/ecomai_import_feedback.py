"""`manage.py ecomai_import_feedback FILE`: what customers wrote, from a CSV or Parquet file."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ecomai.exceptions import EcomaiError

from ...models import Feedback
from ...services.feeds import import_file


class Command(BaseCommand):
    help = (
        "Imports reviews, chats or texts from outside, from a CSV, CSV.GZ or Parquet file with the columns "
        "of the endpoint. A second import changes nothing. The last line of the output is JSON."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--source", choices=Feedback.Source.values, default="review",
            help="Of rows that name none themselves.",
        )  # fmt: skip
        parser.add_argument("--storefront", default="", help="The storefront that the texts belong to.")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"The file {path} does not exist.")
        try:
            counts = import_file(path, source=options["source"], storefront=options["storefront"])
        except EcomaiError as error:
            raise CommandError(f"{error} [{error.code}]") from error
        self.stdout.write(json.dumps(counts))
