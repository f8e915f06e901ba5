"""`manage.py load_export FOLDER`: a shop's history from an export folder into Oscar's own tables."""

import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from ecomai.exceptions import EcomaiError
from oscar_shop.loading.activity import ActivityLoader
from oscar_shop.loading.catalogue import CatalogueLoader
from oscar_shop.loading.export import Export
from oscar_shop.loading.orders import OrderLoader
from oscar_shop.loading.people import PeopleLoader, load_countries

PAUSE_SECONDS = 2.0


class Command(BaseCommand):
    help = (
        "Loads catalogue, customers, orders, views, searches, wish lists and reviews from an export folder "
        "(CSV or Parquet, docs/data-in.md) into Oscar. A load that was interrupted goes on; a second one "
        "changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "--language", default=settings.LANGUAGE_CODE, help="of names and reviews: en, zh-hans"
        )
        parser.add_argument("--no-index", action="store_true", help="leave the search index as it is")
        parser.add_argument("--password", default="", help="of all customers; without it nobody can log in")

    def handle(self, *args: Any, folder: Path, password: str, language: str, **options: Any) -> None:
        if not folder.exists():
            raise CommandError(f"There is no {folder}.")
        export = Export(folder, self._report)
        self._began = self._said = time.monotonic()
        try:
            load_countries(language)
            self._step("products", lambda: CatalogueLoader(folder).load(export.items()))
            self._step("customers", lambda: PeopleLoader(password).load(export.customers()))
            self._step("orders", lambda: self._load_orders(export))
            self._step("activity", lambda: self._load_activity(export, language))
        except EcomaiError as error:
            raise CommandError(f"{error} [{error.code}]") from error
        if not options["no_index"]:
            self._step("search index", lambda: call_command("rebuild_index", interactive=False, verbosity=0))

    def _load_orders(self, export: Export) -> str:
        loader = OrderLoader()
        for chunk in export.orders():
            loader.load(chunk)
        return _named(loader.counts)

    def _load_activity(self, export: Export, language: str) -> str:
        loader = ActivityLoader(language)
        loader.load(export.events())
        return _named(loader.counts)

    def _step(self, name: str, do: Callable[[], Any]) -> None:
        self._name = name
        begin = time.monotonic()
        outcome = do()
        shown = f"{outcome:,} new" if isinstance(outcome, int) else outcome or ""
        self.stdout.write(f"{name}: {shown} ({time.monotonic() - begin:.1f} s)")

    def _report(self, share: float, file: str) -> None:
        if time.monotonic() - self._said >= PAUSE_SECONDS:
            self._said = time.monotonic()
            self.stderr.write(f"{self._name}: {share * 100:3.0f} % of {file}")


def _named(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())
