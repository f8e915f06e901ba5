"""A shop with live models, its backup, and what is restored from it on a server of its own."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import pytest
from django.conf import settings as project_settings
from django.db import connection
from django.utils import timezone

from ecomai.commerce.models import Customer, Item
from ecomai.commerce.services import create_api_key
from ecomai.registry.jobs import enqueue_job
from ecomai.registry.leases import take_lease
from ecomai.registry.models import Job, ModelVersion
from ecomai_project.embedded.places import Places
from ecomai_project.embedded.postgres import Postgres
from ecomai_project.embedded.redis import Redis
from recommendations.services import recommend
from tests.recommendations import conftest as small_shop

from .documented import commands_below, require_success, run_commands

_nothing_remembered = small_shop._nothing_remembered
add_item = small_shop.add_item
add_customer = small_shop.add_customer
add_event = small_shop.add_event
shop = small_shop.shop
artifacts = small_shop.artifacts
register = small_shop.register
live_models = small_shop.live_models


@pytest.fixture
def registry_folder(settings: Any, tmp_path: Path) -> Path:
    """Where the files of the shop that is backed up lie."""
    folder = tmp_path / "shop" / "ecomai"
    settings.ECOMAI = {**settings.ECOMAI, "REGISTRY": {"FOLDER": str(folder)}}
    return folder


@pytest.fixture
def anna(
    live_models: dict[str, ModelVersion],
    shop: list[Item],
    add_customer: Callable[..., Customer],
    add_event: Callable[..., Any],
) -> Customer:
    """A customer with a history, whom the live model answers."""
    customer = add_customer("anna")
    add_event(shop[0], type="purchase", customer=customer, days_ago=3)
    add_event(shop[4], type="view", customer=customer, days_ago=2)
    return customer


@dataclass(frozen=True)
class Asked:
    """What a fresh process has to answer as the shop did: by whom it is asked, and with what."""

    key: str
    item_ids: list[str]
    scores: list[float]


@pytest.fixture
def asked(anna: Customer) -> Asked:
    answer = recommend(customer=anna, n=6)
    assert answer.source == "model"
    _key, plaintext = create_api_key(name="server", kind="secret", scopes=["recommendations:read"])
    return Asked(
        plaintext, [pick.item.external_id for pick in answer.picks], [pick.score for pick in answer.picks]
    )


@pytest.fixture
def jobs(shop: list[Item], live_models: dict[str, ModelVersion]) -> list[Job]:
    """One job that waits since a while, and one whose worker is gone."""
    Job.objects.all().delete()
    keys = [item.pk for item in shop]
    waiting, held = (
        enqueue_job(kind="recommendations.encode_items", arguments={"item_keys": part})
        for part in (keys[:6], keys[6:])
    )
    take_lease(held.pk)
    long_ago = timezone.now() - timedelta(minutes=10)
    Job.objects.filter(pk=held.pk).update(lease_until=long_ago)
    Job.objects.filter(pk=waiting.pk).update(wake_at=long_ago)
    return [waiting, held]


def url_of_test_database() -> str:
    url = urlsplit(project_settings.TEST_DATABASE.url)
    return urlunsplit(url._replace(path="/" + quote(str(connection.settings_dict["NAME"]))))


def programs_here() -> str:
    """The command that finds a `pg_dump` of the server's own version: nothing, as it is on the path."""
    program = shutil.which("pg_dump")
    major = connection.cursor().connection.info.server_version // 10000
    text = subprocess.run([program, "--version"], capture_output=True, text=True).stdout if program else ""
    if f" {major}." not in text:
        pytest.skip(f"There is no pg_dump of PostgreSQL {major} on the path.")
    return ""


@dataclass
class Restored:
    """A restored shop: the server it lies on, its folder, and the environment of its processes."""

    server: Postgres
    folder: Path
    environment: dict[str, str]

    @property
    def artifacts(self) -> Path:
        return self.folder / "ecomai" / "artifacts"


@pytest.fixture
def other_server(short_folder: Path) -> Iterator[Postgres]:
    """A PostgreSQL of this test alone, which it may stop and start again."""
    server = Postgres(Places(short_folder), options={"fsync": "off"})
    server.start()
    yield server
    server.stop(force=True)


@pytest.fixture
def restored(
    asked: Asked,
    jobs: list[Job],
    registry_folder: Path,
    other_server: Postgres,
    own_redis: Redis,
    tmp_path: Path,
) -> Restored:
    """The shop, backed up and restored elsewhere by the commands of the documentation."""
    _embedded_database, find_programs = commands_below("Backup and restore")[1].splitlines()
    programs_of_the_shop = find_programs if project_settings.TEST_DATABASE.is_embedded else programs_here()
    (backup,) = commands_below("Take a backup")
    environment = {
        "BACKUP": str(tmp_path / "backup"),
        "ARTIFACTS": str(registry_folder / "artifacts"),
        "SHOP_DATABASE": url_of_test_database(),
    }
    require_success(run_commands(f"{programs_of_the_shop}\n{backup}", environment))

    places = other_server.places
    folder = tmp_path / "restored"
    environment |= {
        "ARTIFACTS": str(folder / "ecomai" / "artifacts"),
        "SHOP_SERVER": places.database_url("postgres"),
        "SHOP_DATABASE": places.database_url("shop_restored"),
    }
    make_database, restore = commands_below("Restore it")
    require_success(run_commands(f"{find_programs}\n{make_database}\n{restore}", environment))
    return Restored(
        other_server,
        folder,
        {
            "DJANGO_SETTINGS_MODULE": "tests.faults.restored_settings",
            "ECOMAI_VAR_DIR": str(folder),
            "DATABASE_URL": environment["SHOP_DATABASE"],
            "REDIS_URL": places.redis_url(),
            "CELERY_BROKER_URL": places.broker_url(),
            "OMP_NUM_THREADS": "1",
        },
    )


@pytest.fixture
def lose_files(registry_folder: Path) -> Callable[[ModelVersion], None]:
    """Take a version's files away, as if the archive of artifacts were older than the version."""

    def lose(version: ModelVersion) -> None:
        shutil.rmtree(registry_folder / "artifacts" / version.artifact_path)
        shutil.rmtree(registry_folder / "cache", ignore_errors=True)

    return lose
