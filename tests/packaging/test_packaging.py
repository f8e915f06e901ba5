"""What is shipped: it is whole, typed and light, and works in a clean environment next to Oscar."""

import json
import os
import re
import subprocess
import tarfile
import tomllib
import zipfile
from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture import sources
from tests.clean_environment import CleanEnvironment, build_distribution, closure
from tests.fresh_oscar import OSCAR_REQUIREMENTS, make_project

PROJECT = tomllib.loads((sources.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = {"worker", "voice", "images", "llm", "dev"}
PYTHONS = os.environ.get("ECOMAI_TEST_PYTHONS", "").split()
HEAVY = {"torch", "transformers", "accelerate", "scikit-learn", "lightgbm", "onnx", "triton"}


def canonical(requirement):
    return canonicalize_name(Requirement(requirement).name)


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    return build_distribution(tmp_path_factory.mktemp("packaging"))


@pytest.fixture(scope="module")
def shipped(dist):
    """Names of the files in the wheel."""
    (wheel,) = dist.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def wheel_names(folder, base=""):
    """What the wheel must carry of a source folder: everything that is under version control there."""
    listed = subprocess.run(
        ["git", "ls-files", folder], cwd=sources.ROOT, capture_output=True, text=True, check=True
    )  # fmt: skip
    return {base + line for line in listed.stdout.splitlines() if (sources.ROOT / line).exists()}


def test_the_wheel_has_every_file_of_ours_and_nothing_else(shipped):
    if not (sources.ROOT / ".git").exists():
        pytest.skip("no checkout")
    ours = wheel_names("ecomai")
    ours |= {f"ecomai/apps/{name}" for folder in sources.scenarios() for name in wheel_names(folder.name)}
    in_wheel = {name for name in shipped if ".dist-info/" not in name}
    assert ours - in_wheel == set()
    assert {name.split("/")[0] for name in in_wheel} == {"ecomai"}
    assert not [name for name in in_wheel if "/tests/" in name or "__pycache__" in name]


def test_the_wheel_is_typed_licensed_and_speaks_chinese(shipped):
    assert "ecomai/py.typed" in shipped
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in shipped)
    assert "ecomai/console/locale/zh_Hans/LC_MESSAGES/django.mo" in shipped
    assert "ecomai/apps/recommendations/locale/zh_Hans/LC_MESSAGES/django.mo" in shipped


def test_the_source_distribution_has_docs_and_no_tests(dist):
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert {
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "docs/embedding.md",
        "recommendations/scenario.py",
    } <= names
    assert not [name for name in names if name.startswith(("tests/", "examples/", "ecomai_project/"))]


def test_a_web_host_gets_no_torch():
    assert HEAVY & set(closure(["ecomai"])) == set()
    assert {"torch", "transformers"} <= set(closure(["ecomai[worker]"]))


def test_extras_are_declared_and_documented():
    assert set(PROJECT["optional-dependencies"]) >= EXTRAS
    page = (sources.ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
    for extra in PROJECT["optional-dependencies"]:
        if extra not in {"project", "example"}:  # not for a shop
            assert f"`{extra}`" in page, extra


def test_extras_do_not_repeat_what_everybody_gets():
    everybody = {Requirement(text).name.lower() for text in PROJECT["dependencies"]}
    for name in EXTRAS - {"dev"}:
        assert not everybody & {
            Requirement(text).name.lower() for text in PROJECT["optional-dependencies"][name]
        }


def test_what_is_installed_here_is_what_is_declared():
    """Otherwise this run proves nothing about the metadata."""
    installed = {canonical(text) for text in requires("ecomai") or () if "extra ==" not in text}
    assert installed == {canonical(text) for text in PROJECT["dependencies"]}


# -- a clean environment next to Oscar ------------------------------------------------------------------

SMOKE = """
import importlib.util, json, sys
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
import ecomai
settings.ALLOWED_HOSTS = ["*"]
boss = get_user_model().objects.create_superuser("boss", "boss@shop.example", "x")
client = Client()
answers = {path: client.get(path).status_code for path in ("/ecomai/health/live", "/ecomai/api/schema/")}
client.force_login(boss, backend="django.contrib.auth.backends.ModelBackend")
for path in ("/admin/ecomai_console/console/", "/admin/ecomai_registry/modeldeployment/",
             "/ecomai/recommendations/?n=3", "/catalogue/"):
    answers[path] = client.get(path).status_code
print(json.dumps({
    "answers": answers, "file": ecomai.__file__, "has_torch": importlib.util.find_spec("torch") is not None,
    "heavy": sorted({"torch", "transformers"} & set(sys.modules)),
}))
"""


def prove(folder, dist, path, install, **environment):
    """Install what `install` says, put ecomai into a fresh Oscar shop and ask it; return what it answered."""
    shop = make_project(folder / "shop")
    environment = {
        "PATH": path, "HOME": str(folder), "SHOP_DATABASE_URL": f"sqlite:///{folder}/shop.sqlite3",
        "PIP_FIND_LINKS": str(dist), "PIP_DISABLE_PIP_VERSION_CHECK": "1", "CELERY_BROKER_URL": "memory://",
        "LANG": os.environ.get("LANG", "C.UTF-8"), **environment,
    }  # fmt: skip

    def run(*command):
        done = subprocess.run(
            command, cwd=shop, env=environment, capture_output=True, text=True, timeout=900
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    installed = run("pip", "install", *install)
    assert re.search(r"Successfully installed .*ecomai-", installed), installed
    run("pip", "check")
    run("python", "-m", "ecomai", "init", "--apply")
    assert "no issues" in run("python", "manage.py", "check")
    run("python", "manage.py", "migrate", "--verbosity", "0")
    return json.loads(run("python", "manage.py", "shell", "-v", "0", "-c", SMOKE).splitlines()[-1])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_wheel_works_in_a_clean_environment_next_to_oscar(dist, tmp_path):
    clean = CleanEnvironment(tmp_path / "venv", ["ecomai", *OSCAR_REQUIREMENTS])
    seen = prove(tmp_path, dist, clean.path, ["ecomai"], PIP_NO_INDEX="1")
    assert seen["file"].startswith(str(clean.folder)), "the checkout is out of its reach"
    assert not seen["has_torch"]
    assert seen["heavy"] == []
    assert set(seen["answers"].values()) == {200}, seen


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(
    not PYTHONS, reason="ECOMAI_TEST_PYTHONS names no other Python, such as '/usr/bin/python3.13'"
)
@pytest.mark.parametrize("python", PYTHONS or ["none"])
def test_the_wheel_works_on_other_pythons(dist, tmp_path, python):
    """Libraries come from the package index, as somebody would install them today."""
    subprocess.run([python, "-m", "venv", tmp_path / "venv"], check=True, timeout=120)
    path = f"{tmp_path / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    index = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    index["PIP_FIND_LINKS"] = f"{dist} {index.get('PIP_FIND_LINKS', '')}"
    seen = prove(tmp_path, dist, path, ["ecomai", *OSCAR_REQUIREMENTS], HOME=os.environ["HOME"], **index)
    assert not seen["has_torch"]
    assert set(seen["answers"].values()) == {200}, seen


def test_the_supported_matrix_is_the_declared_one():
    page = (sources.ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
    (pythons,) = re.findall(r"^\| Python \| (.+) \|$", page, re.MULTILINE)
    classifiers = [text.rpartition(" ")[2] for text in PROJECT["classifiers"] if "Python :: 3." in text]
    assert pythons.split(", ") == classifiers
    assert PROJECT["requires-python"] == f">={classifiers[0]}"
    (django,) = re.findall(r"^\| Django \| ([\d.]+)", page, re.MULTILINE)
    assert any(text.startswith(f"Django>={django},<") for text in PROJECT["dependencies"])
