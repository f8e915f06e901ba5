"""`manage.py ecomai_import PATH`: the shop's history from files."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from ecomai.commerce.importing.importer import import_path
from ecomai.exceptions import EcomaiError

TITLES = {
    "file_holds": "The file holds",
    "written": "Written",
    "items": "Items found in it",
    "customers": "Customers found in it",
    "left_out": "Left out",
    "rejected": "Set aside (admin: rejected rows)",
}


class Command(BaseCommand):
    help = (
        "Imports items, customers, orders, events and rates from CSV, CSV.GZ or Parquet files. "
        "An interrupted import goes on where it ended; a second one changes nothing. "
        "Progress is on standard error, a summary on standard output, its last line as JSON."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="A file, or a folder with items.csv, orders.csv, ...")
        parser.add_argument("--mapping", type=Path, help="A mapping file; see docs/data-in.md.")
        parser.add_argument("--storefront", default="", help="The storefront that the rows belong to.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            summaries = import_path(
                options["path"],
                mapping_path=options["mapping"],
                storefront=options["storefront"],
                progress_stream=self.stderr,  # type: ignore[arg-type]
            )
        except EcomaiError as error:
            raise CommandError(f"{error} [{error.code}]") from error
        for summary in summaries:
            self._write(summary)
        self.stdout.write(json.dumps({"files": summaries}, ensure_ascii=False))

    def _write(self, summary: dict[str, Any]) -> None:
        self.stdout.write(f"\n{summary['file']} ({summary['mapping']})")
        for name, title in TITLES.items():
            for key, value in summary[name].items():
                title_once, title = title, ""
                reason = summary["reasons"].get(key, "") if name == "left_out" else ""
                shown = f"{value:,}" if isinstance(value, int) else value
                self.stdout.write(
                    f"  {title_once:<34}{key.replace('_', ' '):<32}{shown:>16}  {reason}".rstrip()
                )
        self.stdout.write(
            _("  %(rows)s rows in %(seconds)s s (%(cpu)s s of processor), at most %(memory)s MB of memory")
            % {
                "rows": f"{summary['rows']:,}",
                "seconds": summary["seconds"],
                "cpu": summary["cpu_seconds"],
                "memory": summary["peak_memory_mb"],
            }
        )
        for choice in summary["choices"]:
            self.stdout.write(f"  * {choice}")
