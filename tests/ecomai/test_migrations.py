"""Migrations forwards and backwards, in any order, on both databases; the shop's tables stay untouched."""

import json
import os
import subprocess
import sys

import pytest

from tests.architecture import sources
from tests.databases import own_database

HOST = sources.ROOT / "tests" / "host_project"
SCRIPT = """
import json
from django.core.management import call_command
from django.db import connection
from host_project.catalogue.models import Product
from datetime import date
from django.contrib.auth.models import Group
from django_celery_beat.models import PeriodicTask
from ecomai.console.groups import make_groups
from ecomai.console.uninstalling import uninstall

OURS = ["ecomai_commerce", "ecomai_registry", "ecomai_fusion", "ecomai_console", "ecomai_recommendations",
        "ecomai_experiments", "ecomai_generation"]

def migrate(*arguments):
    call_command("migrate", *arguments, verbosity=0, interactive=False)

def schema():
    with connection.cursor() as cursor:
        look = connection.introspection
        return {name: sorted(column.name for column in look.get_table_description(cursor, name))
                for name in sorted(look.table_names(cursor))}

# Ours first, on an empty database; only then the shop's.
migrate("ecomai_recommendations")
migrate()
Product.objects.create(sku="P1", name="Cup", unit_price=1, released=date(2025, 1, 1))
whole = schema()
theirs = {name: columns for name, columns in whole.items() if not name.startswith("ecomai_")}
problems = []
for first in OURS:
    for label in [first, *(label for label in OURS if label != first)]:
        migrate(label, "zero")
    if schema() != theirs:
        problems.append(f"after {first} was taken back first: {sorted(set(schema()) ^ set(theirs))}")
    for label in [first, *(label for label in reversed(OURS) if label != first)]:
        migrate(label)
    if schema() != whole:
        problems.append(f"with {first} first: {sorted(set(schema()) ^ set(whole))}")
call_command("migrate", check_unapplied=True, verbosity=0)
# And out of the database for good.
Group.objects.create(name="ecomai is not ours")
make_groups()
uninstall()
left = [*PeriodicTask.objects.filter(task__startswith="ecomai").values_list("name", flat=True),
        *Group.objects.values_list("name", flat=True)]
if schema() != theirs or left != ["ecomai is not ours"]:
    problems.append(f"after uninstalling: {sorted(set(schema()) ^ set(theirs))} {left}")
print(json.dumps({"problems": problems, "products": Product.objects.count(), "tables": len(whole)}))
"""


@pytest.fixture(params=["postgresql", "sqlite"])
def database_url(request, tmp_path):
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/shop.sqlite3"
    else:
        with own_database("migrations") as url:
            yield url


@pytest.mark.slow
def test_migrations_run_forwards_and_backwards_in_any_order(database_url, tmp_path):
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": f"{HOST}{os.pathsep}{sources.ROOT}",
        "DJANGO_SETTINGS_MODULE": "host_project.settings", "HOST_DATABASE_URL": database_url,
        "HOST_FOLDER": str(tmp_path),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "django", "shell", "-v", "0", "-c", SCRIPT],
        env=environment, cwd=HOST, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["problems"] == []
    assert found["products"] == 1, "the shop's rows stay"
    assert found["tables"] > 40
