"""The example shop on django-oscar, and a shop that overrides Oscar's apps, run as projects of their own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "examples" / "oscar_shop"
SUITE = ROOT / "tests" / "oscar_shop"


def environment_of(folder, **variables):
    """A clean environment: nothing of this run's Django reaches the shop."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DJANGO_", "PYTEST_", "PYTHON"))
    }
    return {
        **inherited,
        "DJANGO_SETTINGS_MODULE": "oscar_shop.settings",
        "DATABASE_URL": f"sqlite:///{folder}/shop.sqlite3",
        "REDIS_URL": settings.TEST_REDIS.url,
        "SHOP_FOLDER": str(folder),
        "PYTHONPATH": os.pathsep.join(map(str, (SHOP, ROOT))),
        **variables,
    }


def own_database(name):
    """The URL of a database of this run alone; pytest-django makes `test_` of it and drops that."""
    base, _slash, _name = settings.TEST_DATABASE.url.rpartition("/")
    return f"{base}/{name}{os.environ.get('ECOMAI_TEST_SUFFIX', '')}"


def run_suite(folder, *arguments, **variables):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", "pytest.ini", "-q", "--create-db", *arguments],
        env=environment_of(folder, **variables), cwd=SUITE, capture_output=True, text=True, timeout=1500,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


ADAPTER = sorted(path.name for path in SUITE.glob("test_adapter_*.py"))
OTHERS = sorted(path.name for path in SUITE.glob("test_*.py") if path.name not in ADAPTER)


@pytest.mark.slow
@pytest.mark.timeout(1600)
@pytest.mark.parametrize("files", [ADAPTER, *([name] for name in OTHERS)], ids=["adapter", *OTHERS])
def test_the_shops_own_suite_passes(files, tmp_path):
    name = "adapter" if files is ADAPTER else Path(files[0]).stem
    run_suite(tmp_path, *files, DATABASE_URL=own_database(f"ecomai_oscar_{name}"))


@pytest.mark.slow
@pytest.mark.timeout(1600)
def test_a_shop_with_forks_of_oscars_apps_and_its_own_users_is_read_and_acted_on_as_well(tmp_path):
    """On SQLite and without migrations, which a fork of an app would have to copy."""
    run_suite(tmp_path, "--nomigrations", *ADAPTER, DJANGO_SETTINGS_MODULE="forked.settings")


SEED = """
from django.contrib.auth import get_user_model
from oscar.core.loading import get_model
Product, StockRecord = get_model("catalogue", "Product"), get_model("partner", "StockRecord")
ware = get_model("catalogue", "ProductClass").objects.create(name="Ware")
partner = get_model("partner", "Partner").objects.create(name="We")
products = Product.objects.bulk_create(
    Product(title=f"Cup {n}", slug=f"cup-{n}", product_class=ware) for n in range(4000)
)
StockRecord.objects.bulk_create(
    StockRecord(product=product, partner=partner, partner_sku=f"P{n}", price=1, num_in_stock=1)
    for n, product in enumerate(products)
)
"""
COUNT = "from ecomai.commerce.models import Item; print(Item.objects.count())"


@pytest.mark.slow
def test_a_backfill_killed_with_9_goes_on_where_it_was(tmp_path):
    environment = environment_of(tmp_path)

    def manage(*arguments):
        command = [sys.executable, "-m", "django", *arguments]
        done = subprocess.run(command, env=environment, cwd=SHOP, capture_output=True, text=True, timeout=280)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    manage("migrate", "--verbosity", "0")
    manage("shell", "-v", "0", "-c", SEED)
    backfill = [sys.executable, "-m", "django", "ecomai_backfill", "--kinds", "item"]
    with subprocess.Popen(
        backfill, env=environment, cwd=SHOP, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stderr.readline()
        process.send_signal(signal.SIGKILL)
    n_before = int(manage("shell", "-v", "0", "-c", COUNT))
    assert 500 <= n_before < 4000
    assert n_before % 500 == 0, "whole chunks or none"

    def run():
        summary = json.loads(manage("ecomai_backfill", "--kinds", "item").splitlines()[-1])
        return summary["adapter:item:catalogue.Product"]

    assert run() == {"accepted": 4000, "duplicate": 0, "rejected": 0}
    assert run() == {"accepted": 0, "duplicate": 4000, "rejected": 0}
