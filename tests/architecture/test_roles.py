"""One role, one file name; strict pages. A newcomer finds each thing by its role alone."""

import ast
import re

import pytest

from . import sources

PARTS = sources.shipped()


def identify(path):
    return str(path.relative_to(sources.ROOT))


@pytest.mark.parametrize(
    ("base", "role"),
    [
        ("ApiView", "views"),
        ("ModelAdmin", "admin"),
        ("AppConfig", "apps"),
        ("EcomaiError", "exceptions"),
        ("Model", "models"),
        ("Section", "app_settings"),
        ("Serializer", "serializers"),
        ("ModelSerializer", "serializers"),
        ("BaseThrottle", "throttles"),
    ],
)
def test_classes_of_a_role_are_in_its_file(base, role):
    home = {"EcomaiError": sources.PLUGIN / "exceptions.py"}.get(base)
    misplaced = [
        f"{identify(path)}: {name}"
        for path in PARTS
        if not sources.in_role(path, role) and path != home and path.parent.name != "learning"
        for name in sources.classes(path, base)
    ]
    assert misplaced == []


def test_celery_tasks_are_in_tasks():
    for path in PARTS:
        if not sources.in_role(path, "tasks"):
            assert "@shared_task" not in path.read_text(encoding="utf-8"), identify(path)


def test_no_celery_application_of_our_own():
    """A host has its own; only the runnable project has one too."""
    for path in PARTS:
        calls = [node for node in ast.walk(sources.tree(path)) if isinstance(node, ast.Call)]
        assert not any(ast.unparse(call.func).split(".")[-1] == "Celery" for call in calls), identify(path)


def test_signals_are_in_signals():
    for path in PARTS:
        if path.name != "signals.py":
            calls = [node for node in ast.walk(sources.tree(path)) if isinstance(node, ast.Call)]
            assert not any(ast.unparse(call.func) == "Signal" for call in calls), identify(path)


def test_commands_carry_the_prefix():
    for path in PARTS:
        if path.parent.name == "commands" and path.name != "__init__.py":
            assert path.name.startswith("ecomai_"), identify(path)


def test_app_labels_carry_the_prefix():
    for path in PARTS:
        if path.name == "apps.py":
            label = re.search(r'label = "(\w+)"', path.read_text(encoding="utf-8"))
            assert label, identify(path)
            assert label[1].startswith("ecomai_"), identify(path)


def test_every_module_says_what_it_is_for():
    """`apps.py` and `__init__.py` say it by their name."""
    silent = [
        identify(path)
        for path in PARTS
        if path.name not in {"__init__.py", "apps.py"} and not ast.get_docstring(sources.tree(path))
    ]
    assert silent == []


def test_files_stay_short():
    long = {identify(path): n for path in PARTS if (n := len(path.read_text().splitlines())) > 500}
    assert long == {}


def _templates():
    for folder in (sources.PLUGIN, sources.PROJECT, *sources.scenarios()):
        yield from folder.rglob("templates/**/*.html")


@pytest.mark.parametrize("path", list(_templates()), ids=identify)
def test_page_keeps_to_a_strict_policy(path):
    """No inline script, style or handler, and nothing from elsewhere."""
    html = path.read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=\"", html)
    for attributes in re.findall(r"<script([^>]*)>", html):
        assert "src=" in attributes or 'type="application/json"' in attributes
    assert not re.search(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=\"(?:https?:)?//", html)
