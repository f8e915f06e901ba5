"""Measure a scenario's models on a folder of data; one JSON object is the last line of the output."""

import inspect
import json
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.module_loading import import_string

from ecomai import scenarios
from ecomai.exceptions import EcomaiError
from ecomai.memory import children_peak_memory_mb, peak_memory_mb


class Command(BaseCommand):
    help = "Run a benchmark on a data folder. Progress goes to standard error."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="Such as sequential; an unknown name lists the known ones.")
        parser.add_argument("--data", required=True, type=Path, metavar="FOLDER")
        parser.add_argument("--device", default="auto", help="auto, cpu or cuda.")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--folds", type=int, help="For benchmarks that measure in folds: how many.")

    def handle(self, *args: Any, **options: Any) -> None:
        benchmark = find_benchmark(options["name"])
        folder: Path = options["data"]
        if not folder.is_dir():
            raise CommandError(f"The data folder {folder} does not exist.")
        more = {} if options["folds"] is None else {"folds": options["folds"]}
        if unknown := set(more) - set(inspect.signature(benchmark).parameters):
            raise CommandError(f"The benchmark “{options['name']}” has no {', '.join(unknown)}.")
        started = time.perf_counter()
        try:
            result = benchmark(
                folder, device=options["device"], seed=options["seed"], report=self._report, **more
            )
        except EcomaiError as error:
            raise CommandError(str(error)) from error
        answer = {
            "benchmark": options["name"],
            "data": folder.name,
            "seconds": round(time.perf_counter() - started, 3),
            "peak_memory_mb": round(max(peak_memory_mb(), children_peak_memory_mb()), 1),
            "device": options["device"],
            **result,
        }
        self.stdout.write(json.dumps(answer, default=float))

    def _report(self, progress: float, message: str = "") -> None:
        self.stderr.write(f"{progress:4.0%} {message}")


def find_benchmark(name: str) -> Any:
    known = {key: path for scenario in scenarios.installed() for key, path in scenario.benchmarks.items()}
    if name not in known:
        raise CommandError(
            f"There is no benchmark “{name}”; there are: {', '.join(sorted(known)) or 'none'}."
        )
    return import_string(known[name])
