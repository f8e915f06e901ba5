"""Show a version beside the live version and the baseline."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ecomai.registry.comparisons import MetricRow, version_rows
from ecomai.registry.models import ModelVersion
from ecomai.registry.services import judge

COLUMNS = ("metric", "this version", "live version", "baseline")


class Command(BaseCommand):
    help = "Compare a version with the live version and the baseline, measured on the same test period."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model")
        parser.add_argument("--number", type=int, help="The version's number; the newest without it.")

    def handle(self, *args: Any, **options: Any) -> None:
        versions = ModelVersion.objects.filter(model_name=options["model"]).order_by("-number")
        version = (versions.filter(number=options["number"]) if options["number"] else versions).first()
        if version is None:
            raise CommandError("There is no such version. Train the model first, with ecomai_train.")
        lines = [COLUMNS, *map(_line, version_rows(version))]
        width = max(len(line[0]) for line in lines)
        for name, *cells in lines:
            self.stdout.write(name.ljust(width) + "".join(cell.rjust(14) for cell in cells))
        verdict = judge(version=version)
        for reason in verdict.reasons:
            self.stdout.write(reason)
        self.stdout.write(f"{version} {'passes' if verdict.is_passed else 'does not pass'} the gate.")


def _line(row: MetricRow) -> tuple[str, ...]:
    cells = ("-" if cell.value is None else f"{cell.value:.4g}" for cell in row.cells)
    return (f"{row.name} *" if row.is_primary else row.name, *cells)
