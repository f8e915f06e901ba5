"""Settings: production guesses nothing, the embedded default needs nothing, tests say what they use."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from ecomai_project.settings import environment
from ecomai_project.shop import Shop

ROOT = Path(__file__).parents[2]
GIVEN = {
    "SECRET_KEY": "a secret",
    "ALLOWED_HOSTS": "shop.example, www.shop.example",
    "DATABASE_URL": "postgres://user:password@database.example:5432/shop",
    "REDIS_URL": "redis://cache.example:6379/0",
}


def load(module: str, names: list[str], **given: str) -> "subprocess.CompletedProcess[str]":
    """Import settings in a fresh process that has only the given variables, and print some of them."""
    code = (
        f"import json; from ecomai_project.settings import {module} as s; "
        f"print(json.dumps({{n: getattr(s, n) for n in {names!r}}}, default=str))"
    )
    bare = {"PATH": os.environ["PATH"], **given}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=bare, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("missing", sorted(GIVEN))
def test_production_does_not_start_without(missing: str) -> None:
    given = {name: value for name, value in GIVEN.items() if name != missing}

    done = load("production", ["SECRET_KEY"], **given)

    assert done.returncode != 0
    assert f"Set the environment variable {missing}" in done.stderr


def test_production_is_secure_and_takes_everything_from_the_environment() -> None:
    names = ["DEBUG", "ALLOWED_HOSTS", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT"]
    names += ["DATABASES", "CELERY_BROKER_URL", "CELERY_BROKER_TRANSPORT_OPTIONS"]

    values = json.loads(
        load("production", names, **GIVEN, CELERY_BROKER_URL="amqp://broker.example//").stdout
    )

    assert values["DEBUG"] is False
    assert values["ALLOWED_HOSTS"] == ["shop.example", "www.shop.example"]
    assert values["SESSION_COOKIE_SECURE"]
    assert values["CSRF_COOKIE_SECURE"]
    assert values["SECURE_SSL_REDIRECT"]
    assert values["DATABASES"]["default"]["HOST"] == "database.example"
    assert values["CELERY_BROKER_URL"] == "amqp://broker.example//"
    assert values["CELERY_BROKER_TRANSPORT_OPTIONS"] == {}  # those are Redis's own


def test_production_keeps_files_in_a_bucket_where_one_is_named() -> None:
    values = json.loads(load("production", ["STORAGES"], **GIVEN, S3_BUCKET="models").stdout)

    assert values["STORAGES"]["default"]["OPTIONS"]["bucket_name"] == "models"


def test_embedded_settings_need_nothing_and_keep_their_secret(tmp_path: Path) -> None:
    first = load("embedded", ["SECRET_KEY", "DATABASES"], ECOMAI_VAR_DIR=str(tmp_path))
    second = load("embedded", ["SECRET_KEY", "DATABASES"], ECOMAI_VAR_DIR=str(tmp_path))

    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0


def test_embedded_settings_use_a_database_by_url_where_it_is_given(tmp_path: Path) -> None:
    done = load("embedded", ["DATABASES"], ECOMAI_VAR_DIR=str(tmp_path), DATABASE_URL=GIVEN["DATABASE_URL"])

    assert json.loads(done.stdout)["DATABASES"]["default"]["HOST"] == "database.example"


def test_language_and_currency_are_those_of_the_shop_in_the_folder(tmp_path: Path) -> None:
    Shop(tmp_path / "shop.json", language="zh", currency="CNY").save()

    values = json.loads(load("embedded", ["LANGUAGE_CODE", "ECOMAI"], ECOMAI_VAR_DIR=str(tmp_path)).stdout)

    assert values["LANGUAGE_CODE"] == "zh-hans"
    assert values["ECOMAI"]["COMMERCE"]["REPORTING_CURRENCY"] == "CNY"


def test_test_settings_look_at_nothing_of_the_machine_when_embedded_is_asked_for(tmp_path: Path) -> None:
    names = ["TEST_DATABASE", "TEST_REDIS"]
    done = load("test", names, ECOMAI_VAR_DIR=str(tmp_path), ECOMAI_TEST_SERVICES="embedded")

    assert done.returncode == 0, done.stderr
    assert all("origin='embedded'" in value for value in json.loads(done.stdout).values())


@pytest.mark.parametrize(("word", "expected"), [("true", True), ("1", True), ("No", False), ("", False)])
def test_flag_reads_words(monkeypatch: pytest.MonkeyPatch, word: str, expected: bool) -> None:
    monkeypatch.setenv("A_FLAG", word)

    assert environment.flag("A_FLAG", default=True) is expected


def test_mistaken_flag_and_number_are_said_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_FLAG", "perhaps")
    monkeypatch.setenv("A_NUMBER", "many")

    with pytest.raises(ImproperlyConfigured, match="A_FLAG must be true or false"):
        environment.flag("A_FLAG", default=True)
    with pytest.raises(ImproperlyConfigured, match="A_NUMBER must be a number"):
        environment.number("A_NUMBER", 1)


def test_idle_reads_of_the_channel_layer_have_no_timeout() -> None:
    """With redis-py's own default of five seconds every idle socket would be closed."""
    (host,) = environment.channel_layers("redis://cache.example")["default"]["CONFIG"]["hosts"]

    assert host["socket_timeout"] is None
