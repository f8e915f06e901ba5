"""`manage.py ecomai_rebuild_risk_states`: fold history again after a change of the key or of the features."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ...services import rebuilding


class Command(BaseCommand):
    help = (
        "Folds the kept assessments and labels again, while questions are answered: after a change of "
        "RISK.HASH_KEY or of the features. Goes on after an interruption. Of cards, devices, addresses, "
        "e-mails and IP addresses a new key knows nothing: their values are kept nowhere."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--at-once", type=int, default=rebuilding.AT_ONCE, help="Moments in one transaction."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if why := rebuilding.why_needed():
            self.stdout.write(why)
        n_done = rebuilding.rebuild_states(progress=self._show, at_once=max(options["at_once"], 1))
        self.stdout.write(f"{n_done} assessments and labels were folded again.")

    def _show(self, n_done: int, n_total: int) -> None:
        self.stdout.write(f"{n_done} of {n_total} ({round(100 * n_done / max(n_total, 1))} %)")
