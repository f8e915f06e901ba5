"""A database and a folder that belong to one benchmark, so that it neither sees nor changes the shop's."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.db import connection

#: Names of the scratch database and folder for the processes that a benchmark starts.
DATABASE_VARIABLE = "ECOMAI_BENCHMARK_DATABASE"
FOLDER_VARIABLE = "ECOMAI_BENCHMARK_FOLDER"
#: Set, the database and its folder stay, and the next run goes on with them: for work on speed itself.
KEEP_VARIABLE = "ECOMAI_BENCHMARK_KEEP"


@contextmanager
def scratch_shop(name: str) -> Iterator[dict[str, str]]:
    """Give this process an empty, migrated database; yield the environment that leads others to it."""
    is_kept = bool(os.environ.get(KEEP_VARIABLE))
    folder = Path(tempfile.gettempdir()) / f"ecomai_benchmark_{name}"
    if not is_kept:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    before = connection.settings_dict["NAME"]
    leave_services(folder)
    connection.settings_dict["TEST"]["NAME"] = f"ecomai_benchmark_{name}"
    database = connection.creation.create_test_db(
        verbosity=0, autoclobber=True, serialize=False, keepdb=is_kept
    )
    try:
        yield {**os.environ, DATABASE_VARIABLE: database, FOLDER_VARIABLE: str(folder)}
    finally:
        connection.creation.destroy_test_db(before, verbosity=0, keepdb=is_kept)
        if not is_kept:
            shutil.rmtree(folder, ignore_errors=True)


def start_in_scratch_shop() -> None:
    """Set Django up in a process that was spawned, for the scratch database."""
    django.setup()
    enter_scratch_shop()


def enter_scratch_shop() -> None:
    """Use the scratch database of the process that started this one; before the first connection."""
    leave_services(Path(os.environ[FOLDER_VARIABLE]), is_pool_kept=True)
    settings.DATABASES["default"]["NAME"] = os.environ[DATABASE_VARIABLE]


def leave_services(folder: Path, *, is_pool_kept: bool = False) -> None:
    """Send no message to the shop's broker, use no cache and no artifact of it."""
    from celery import current_app

    current_app.conf.broker_url = "memory://"
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    shop: dict[str, Any] = getattr(settings, "ECOMAI", {})
    registry = {**shop.get("REGISTRY", {}), "FOLDER": folder, "STORAGE": ""}
    settings.ECOMAI = {**shop, "REGISTRY": registry}
    if not is_pool_kept:
        # A database cannot be dropped while a pool keeps connections to it.
        connection.close()
        connection.settings_dict.get("OPTIONS", {}).pop("pool", None)
