"""docs/embedding.md, performed literally: its steps on a fresh Oscar project, and every other block of it.

With the whole history of Online Retail instead of a part of it, and what each step took:
`ECOMAI_TEST_HISTORY=whole python -m pytest tests/docs/test_embedding.py -s`.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ecomai_project.embedded.places import Places
from ecomai_project.embedded.redis import Redis
from tests.architecture import sources
from tests.clean_environment import CleanEnvironment, build_distribution
from tests.databases import own_database
from tests.fresh_oscar import OSCAR_REQUIREMENTS, make_project

from .guide import read_guide
from .walking import Shop

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.xdist_group("embedding"),
]

PAGE = sources.ROOT / "docs" / "embedding.md"
GUIDE = read_guide(PAGE)
HISTORY = sources.ROOT.parent / "shared" / "data" / "online-retail" / "online_retail.csv.gz"
LOADER = sources.ROOT / "tests" / "online_retail_in_oscar.py"
HOST = sources.ROOT / "tests" / "host_project"
N_INVOICES = None if os.environ.get("ECOMAI_TEST_HISTORY") == "whole" else 300
MOST_MINUTES = 60
BY_HAND = ("Settings", "Addresses", "ASGI or WSGI", "Celery")
performed: set[object] = set()


def blocks(section="", *, step=0):
    """The blocks of a step or of a section, which count as performed from now on."""
    found = [block for block in GUIDE if block.step == step and (step or block.section == section)]
    assert found, f"{section or step} has no block"
    performed.update(found)
    return found


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    return build_distribution(tmp_path_factory.mktemp("embedding"))


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    return CleanEnvironment(folder / "venv", ["ecomai[worker]", *OSCAR_REQUIREMENTS])


@pytest.fixture(scope="module")
def redis_url():
    folder = Path(tempfile.mkdtemp(prefix="ecomai-"))
    folder.chmod(0o711)
    server = Redis(Places(folder))
    server.start()
    yield server.places.broker_url()
    server.stop(force=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def shop(clean, dist, redis_url, tmp_path_factory):
    """A fresh Oscar shop with a history, before anybody thought of ecomai."""
    if not HISTORY.exists():
        pytest.skip(f"The data set Online Retail is not at {HISTORY}.")
    with own_database("steps") as database_url:
        fresh = Shop(
            make_project(tmp_path_factory.mktemp("steps") / "project"), clean,
            SHOP_DATABASE_URL=database_url, CELERY_BROKER_URL=redis_url,
            PIP_NO_INDEX="1", PIP_FIND_LINKS=str(dist), PIP_DISABLE_PIP_VERSION_CHECK="1",
        )  # fmt: skip
        fresh.run("python manage.py migrate --verbosity 0")
        print(fresh.run_python(f"exec(open({str(LOADER)!r}).read()); load({str(HISTORY)!r}, {N_INVOICES})"))
        fresh.columns_before = fresh.columns()
        yield fresh
        fresh.stop()


@pytest.fixture(scope="module")
def walked(shop):
    """The shop after all steps; what the last line printed is kept."""
    for number in range(1, n_steps() + 1):
        for block in blocks(step=number):
            shop.printed = shop.perform(block)
    shop.minutes = sum(shop.seconds.values()) / 60
    for label, seconds in shop.seconds.items():
        print(f"{seconds:7.1f} s  {label}")
    print(f"{shop.minutes:7.1f} minutes in all")
    return shop


def n_steps():
    return max(block.step for block in GUIDE)


LOOK = """
import json
from django.test import Client
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from ecomai.apps.recommendations.models import Answer, ItemPopularity
from ecomai import writing
from ecomai.commerce.models import Customer, Event, Item, Order
from oscar.core.loading import get_model
product = get_model("catalogue", "Product").objects.get(
    pk=ItemPopularity.objects.order_by("-score").first().item.external_id)
page = Client().get(product.get_absolute_url()).content.decode()
client = Client()
user = get_user_model().objects.filter(orders__isnull=False).order_by("pk").first()
client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
mine = client.get("/ecomai/recommendations/?placement=home&n=5").json()
writing.flush()  # answers are logged in the background
print(json.dumps({
    "page": page, "mine": mine, "shown_by": Answer.objects.filter(placement="item").latest("pk").source,
    "groups": Group.objects.filter(name__startswith="ecomai ").count(),
    "counts": {
        "items": [Item.objects.count(), get_model("catalogue", "Product").objects.count()],
        "customers": [Customer.objects.count(), get_user_model().objects.filter(is_staff=False).count()],
        "orders": [Order.objects.count(), get_model("order", "Order").objects.count()],
    },
    "events": Event.objects.count(),
}))
"""


def test_there_are_at_most_twelve_steps_and_none_is_left_out():
    assert [block.step for block in GUIDE if block.step] == sorted(
        block.step for block in GUIDE if block.step
    )
    assert {block.step for block in GUIDE if block.step} == set(range(1, n_steps() + 1))
    assert n_steps() <= 12


def test_the_steps_end_in_recommendations_that_were_learned_from_the_shops_history(walked):
    assert walked.minutes < MOST_MINUTES
    assert "are well" in walked.printed.splitlines()[-1], walked.printed
    seen = json.loads(walked.run_python(LOOK).splitlines()[-1])
    for kind, (ours, theirs) in seen["counts"].items():
        assert ours == theirs, kind
    assert seen["events"] > 1000
    assert "ecomai/tracker.js" in seen["page"].split("</head>")[0]
    assert "You may also like" in seen["page"]
    assert len(re.findall(r'data-ecomai-event="impression click"', seen["page"])) == 6
    assert seen["shown_by"] == "model"
    assert (seen["mine"]["source"], seen["mine"]["model_version"], len(seen["mine"]["items"])) == (
        "model",
        1,
        5,
    )
    assert seen["groups"] == 5


def test_a_second_init_finds_nothing_missing(walked):
    assert walked.run("python -m ecomai init") == "Nothing is missing.\n"


def test_the_services_answer_from_python(walked):
    for block in blocks("From Python"):
        printed = walked.perform(block)
    assert len(ast.literal_eval(printed.splitlines()[-1])) == 8


def test_an_upgrade_runs(walked):
    for block in blocks("Upgrade"):
        printed = walked.perform(block)
    assert "static files copied" in printed


def test_uninstalling_leaves_the_shop_as_it_was(walked):
    """Our tables go, and nothing of the shop's is touched, neither a column nor a row."""
    walked.stop()
    before = walked.digests(leave_out=UNLIKE)
    ours, beat, last = blocks("Uninstall")
    for path in ("shop/templates/oscar/base.html", "shop/templates/oscar/catalogue/detail.html"):
        (walked.folder / path).unlink()
    walked.perform(ours)
    walked.perform(beat)
    for name in ("settings.py", "urls.py", "asgi.py"):
        path = walked.folder / "shop" / name
        path.write_text(
            re.sub(r"# -- ecomai: written .*?# -- ecomai: end -+\n", "", path.read_text(), flags=re.S)
        )
    walked.perform(last)
    assert walked.columns() == walked.columns_before
    after = walked.digests(leave_out=UNLIKE)
    assert after == before
    walked.run("python manage.py check")
    assert walked.run_python(LEFT) == "[]\n"


LEFT = """
from django.contrib.contenttypes.models import ContentType
from django.db.migrations.recorder import MigrationRecorder
print([*ContentType.objects.filter(app_label__startswith="ecomai"),
       *MigrationRecorder.Migration.objects.filter(app__startswith="ecomai")])
"""

# Ours, and what Django keeps of every app.
UNLIKE = (
    "ecomai_",
    "django_celery_beat",
    "django_migrations",
    "django_content_type",
    "auth_permission",
    "auth_group",
)


def test_the_same_lines_by_hand_are_all_that_is_needed(clean, dist, tmp_path):
    by_hand = Shop(
        make_project(tmp_path / "project"), clean, SHOP_DATABASE_URL=f"sqlite:///{tmp_path}/shop.sqlite3",
        PIP_NO_INDEX="1", PIP_FIND_LINKS=str(dist),
    )  # fmt: skip
    by_hand.run("pip install ecomai")
    for section in BY_HAND:
        for block in blocks(section):
            by_hand.perform(block)
    assert by_hand.run("python -m ecomai init") == "Nothing is missing.\n"
    assert "no issues" in by_hand.run("python manage.py check")
    assert by_hand.run_python("import shop.asgi, shop; print(shop.celery_app.main)") == "shop\n"


SEED = """
from datetime import date
from host_project.accounts.models import User
from host_project.catalogue.models import Product
Product.objects.bulk_create([Product(sku="P1", name="Cup", unit_price=1, released=date(2025, 1, 1))])
User.objects.bulk_create([User(email="ann@shop.example")])
"""


def test_the_adapter_of_an_own_shop_reads_it_and_has_less_than_sixty_lines(tmp_path):
    (block,) = blocks("An adapter of your own")
    assert len([line for line in block.content.splitlines() if line.strip()]) < 60
    shutil.copytree(HOST, tmp_path / "host", ignore=shutil.ignore_patterns("__pycache__", "*.sqlite3", "var"))
    (tmp_path / "host" / "host_project" / "adapter.py").write_text(block.content)
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(sources.ROOT),
        "DJANGO_SETTINGS_MODULE": "host_project.settings",
        "HOST_DATABASE_URL": f"sqlite:///{tmp_path}/shop.sqlite3", "HOST_FOLDER": str(tmp_path / "var"),
    }  # fmt: skip

    def run(*command):
        done = subprocess.run(
            [sys.executable, "manage.py", *command], cwd=tmp_path / "host", env=environment,
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("migrate", "--verbosity", "0")
    run("shell", "-v", "0", "-c", SEED)
    counts = json.loads(run("ecomai_backfill").splitlines()[-1])
    assert counts["adapter:item:catalogue.Product"]["accepted"] == 1
    assert counts["adapter:customer:accounts.User"]["accepted"] == 1
    supported = run("shell", "-v", "0", "-c", "from ecomai.commerce.adapters import get_adapter, Action; "
                    "print(set(Action) - get_adapter().supports())")  # fmt: skip
    assert supported == "set()\n", "it shows every action"


def test_every_block_of_the_page_was_performed(walked):
    """Runs last: a block that is added needs a place above."""
    assert [block for block in GUIDE if block not in performed] == []
