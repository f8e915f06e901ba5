"""Say whether the files of every model version are there and unchanged, and what to do where they are not."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ecomai.registry.verification import ArtifactFinding, sound_version_before, verify_artifacts


class Command(BaseCommand):
    help = "Compare the stored files of the model versions with the digests in the database."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "model", nargs="?", default="", help="Such as recommendations.next_item; all without it."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        findings = []
        for finding in verify_artifacts(model_name=options["model"]):
            findings.append(finding)
            self._say(finding)
        n_bad = sum(not finding.is_sound for finding in findings)
        if n_bad:
            raise CommandError(f"The files of {n_bad} of {len(findings)} versions are damaged or missing.")
        self.stdout.write(f"The files of all {len(findings)} versions are whole.")

    def _say(self, finding: ArtifactFinding) -> None:
        state = finding.version.get_state_display()
        self.stdout.write(f"{finding.version} ({state}): {finding.fault or 'whole'}")
        if not finding.is_sound and finding.is_serving:
            self.stdout.write(f"  {_remedy(finding)}")


def _remedy(finding: ArtifactFinding) -> str:
    """What the shop can do at once, besides restoring the files; meanwhile its fallbacks answer."""
    name = finding.version.model_name
    if earlier := sound_version_before(finding.version):
        number = earlier.number
        return f"At once: manage.py ecomai_promote {name} --number {number} serves version {number}."
    return f"No earlier version is whole: manage.py ecomai_train {name}, then promote what it makes."
