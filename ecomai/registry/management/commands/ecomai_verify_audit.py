"""Say whether the audit log is as it was written."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ecomai.registry.audit_chain import seal_audit_log, verify_audit_log


class Command(BaseCommand):
    help = (
        "Compare every entry of the audit log with its seal, and name what was changed past the application."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        seal_audit_log()
        report = verify_audit_log()
        for finding in report.findings:
            self.stdout.write(finding.sentence)
        if not report.is_sound:
            raise CommandError(f"{len(report.findings)} findings in {report.n_blocks} blocks.")
        self.stdout.write(
            f"{report.n_entries} entries in {report.n_blocks} blocks are as they were written; "
            f"{report.n_redacted} were changed by erasures and {report.n_removed} removed for their age."
        )
