"""`manage.py ecomai_doctor`: says what keeps the plugin from working, and what to do about it."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from ecomai.console import doctor


class Command(BaseCommand):
    help = "Checks settings, database, broker, workers, data and each scenario; ends with 1 on a problem."

    def handle(self, *args: Any, **options: Any) -> None:
        findings = doctor.findings()
        for finding in findings:
            mark = self.style.SUCCESS("ok   ") if finding.is_ok else self.style.ERROR("wrong")
            self.stdout.write(f"{mark} {finding.name}: {finding.message}".rstrip(": "))
            if not finding.is_ok and finding.remedy:
                self.stdout.write(f"      {finding.remedy}")
        if not all(finding.is_ok for finding in findings):
            sys.exit(1)
