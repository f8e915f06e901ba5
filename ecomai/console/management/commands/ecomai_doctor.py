"""`manage.py ecomai_doctor`: tries the whole chain, says what is wrong, and what to do about it."""

import sys
import textwrap
from typing import Any
from unicodedata import east_asian_width

from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _

from ecomai.console import doctor
from ecomai.console.cards import Finding

STATE_WIDTH = 7
REMEDY_WIDTH = 100


class Command(BaseCommand):
    help = (
        "Tries settings, database, broker, a worker on each queue, the storage of models, the adapter, an "
        "event and each scenario; prints a table, and ends with 1 on a problem."
    )
    requires_system_checks: list[str] = []  # they are the first row of the table

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--patience", type=float, default=doctor.PATIENCE_SECONDS, metavar="SECONDS",
            help="How long workers may take to answer (default: %(default)s).",
        )  # fmt: skip

    def handle(self, *args: Any, patience: float, **options: Any) -> None:
        findings = doctor.findings(patience_seconds=patience)
        width = max(_width(str(finding.name)) for finding in findings) + 2
        for finding in findings:
            self._write_row(finding, width)
        n_wrong = sum(not finding.is_ok for finding in findings)
        if n_wrong:
            self.stdout.write(self.style.ERROR(_("%(n)s of %(all)s are wrong.") % _counts(n_wrong, findings)))
            sys.exit(1)
        self.stdout.write(self.style.SUCCESS(_("All %(all)s are well.") % _counts(0, findings)))

    def _write_row(self, finding: Finding, width: int) -> None:
        state = _("ok") if finding.is_ok else _("wrong")
        style = self.style.SUCCESS if finding.is_ok else self.style.ERROR
        cells = style(_padded(state, STATE_WIDTH)) + _padded(str(finding.name), width)
        self.stdout.write(f"{cells}{finding.message}".rstrip())
        if not finding.is_ok and finding.remedy:
            indent = " " * (STATE_WIDTH + width)
            for line in textwrap.wrap(str(finding.remedy), REMEDY_WIDTH):
                self.stdout.write(f"{indent}{line}")


def _counts(n_wrong: int, findings: list[Finding]) -> dict[str, int]:
    return {"n": n_wrong, "all": len(findings)}


def _width(text: str) -> int:
    """How many columns a terminal gives to a text; Chinese characters take two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _padded(text: str, width: int) -> str:
    return text + " " * max(width - _width(text), 0)
