"""Request a training, and wait for it if asked to."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ecomai.exceptions import EcomaiError
from ecomai.registry.models import Job, TrainingRun
from ecomai.registry.services import request_training
from ecomai.registry.tasks import run_training


class Command(BaseCommand):
    help = "Request a training of a model, such as recommendations.next_item."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model")
        parser.add_argument("--seed", type=int, help="Random state of the training.")
        parser.add_argument(
            "--set", action="append", default=[], metavar="NAME=VALUE", help="A hyperparameter."
        )
        parser.add_argument(
            "--search-minutes", type=int, metavar="N", help="Search for better hyperparameters for N minutes."
        )
        parser.add_argument("--wait", action="store_true", help="Show progress until the training ends.")
        parser.add_argument("--here", action="store_true", help="Train in this process, without a worker.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run = request_training(
                model_name=options["model"],
                actor_label="command",
                hyperparameters=dict(parse_setting(text) for text in options["set"]),
                random_state=options["seed"],
                search_minutes=options["search_minutes"],
            )
        except EcomaiError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Training run {run.pk} of {run.model_name} is queued.")
        if options["here"]:
            run_training(run.pk)
        if options["here"] or options["wait"]:
            self._follow(run)

    def _follow(self, run: TrainingRun) -> None:
        shown = ""
        while True:
            job = Job.objects.get(training_run=run)
            line = f"{job.state} {job.progress:4.0%} {job.progress_message or job.error_message}"
            if line != shown:
                self.stderr.write(line)
                shown = line
            if job.is_finished:
                break
            time.sleep(0.5)
        if job.state != Job.State.SUCCEEDED:
            raise CommandError(job.error_message or f"The training ended as {job.state}.")
        run.refresh_from_db()
        self.stdout.write(f"{run.version} is ready: {run.version.metrics if run.version else ''}")


def parse_setting(text: str) -> tuple[str, Any]:
    """Split NAME=VALUE; the value is read as JSON where it is JSON, else as text."""
    import json

    name, separator, value = text.partition("=")
    if not separator:
        raise CommandError(f"“{text}” is not of the form NAME=VALUE.")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value
