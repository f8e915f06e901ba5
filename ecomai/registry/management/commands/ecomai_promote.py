"""Let a version serve."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ecomai.exceptions import EcomaiError
from ecomai.registry.models import ModelVersion
from ecomai.registry.services import go_live, judge, promote_version


class Command(BaseCommand):
    help = "Promote a version of a model: live, or in shadow as long as the model has not gone live."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model")
        parser.add_argument("--number", type=int, help="The version's number; the newest without it.")
        parser.add_argument("--if-better", action="store_true", help="Only if it passes the model's gate.")
        parser.add_argument("--go-live", action="store_true", help="Also show customers its answers.")

    def handle(self, *args: Any, **options: Any) -> None:
        versions = ModelVersion.objects.filter(model_name=options["model"]).order_by("-number")
        version = (versions.filter(number=options["number"]) if options["number"] else versions).first()
        if version is None:
            raise CommandError("There is no such version. Train the model first, with ecomai_train.")
        verdict = judge(version=version)
        for reason in verdict.reasons:
            self.stdout.write(reason)
        if options["if_better"] and not verdict.is_passed:
            raise CommandError(f"{version} does not pass the gate, so it is not promoted.")
        try:
            is_in_shadow = version.state == ModelVersion.State.SHADOW
            if not (is_in_shadow and options["go_live"]):
                promote_version(version=version, actor_label="command")
            if options["go_live"]:
                go_live(model_name=version.model_name, actor_label="command")
        except EcomaiError as error:
            raise CommandError(str(error)) from error
        version.refresh_from_db()
        self.stdout.write(f"{version} serves now: {version.get_state_display()}.")
