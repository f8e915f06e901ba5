"""What the documentation says is so, and nothing public is missing in it."""

import importlib
import re

import pytest
from django.core.management import get_commands
from django.dispatch import Signal

from tests.architecture import sources

from .settings_table import load_sections, render

DOCS = sources.ROOT / "docs"
PAGES = [sources.ROOT / "README.md", *sorted(DOCS.glob("**/*.md"))]


def everything() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def test_settings_page_is_what_the_code_says():
    """If this fails: `python -m tests.docs.settings_table > docs/settings.md`."""
    assert (DOCS / "settings.md").read_text(encoding="utf-8") == render()


@pytest.mark.parametrize("name", sorted(load_sections()))
def test_every_setting_says_what_it_does_and_in_which_unit(name):
    for key, setting in load_sections()[name].declared().items():
        assert len(setting.help) > 10, key
        for unit in ("SECONDS", "HOURS", "DAYS", "BYTES", "MINUTES"):
            if key.endswith(f"_{unit}"):
                assert setting.unit, key


def _signals():
    for path in sources.shipped():
        if path.name == "signals.py":
            module = importlib.import_module(".".join(path.relative_to(sources.ROOT).with_suffix("").parts))
            for name, value in vars(module).items():
                if isinstance(value, Signal):
                    yield f"{module.__name__}.{name}"


@pytest.mark.parametrize("name", sorted(_signals()))
def test_every_signal_is_documented(name):
    assert f"`{name}`" in (DOCS / "signals.md").read_text(encoding="utf-8")


def test_no_documented_signal_is_gone():
    documented = re.findall(r"`((?:\w+\.)+signals\.\w+)`", (DOCS / "signals.md").read_text(encoding="utf-8"))
    assert set(documented) == set(_signals())


def test_every_command_is_documented():
    ours = [name for name in get_commands() if name.startswith("ecomai_")]
    text = everything()
    assert [name for name in sorted(ours) if name not in text] == []


def test_documented_commands_exist():
    named = set(re.findall(r"manage\.py (ecomai_\w+)", everything()))
    assert named <= set(get_commands())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://|mailto:", target):
            continue
        file, _hash, anchor = target.partition("#")
        linked = (page.parent / file).resolve() if file else page
        assert linked.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in _anchors(linked), f"{page.name}: {target}"


def _anchors(page):
    headings = re.findall(r"^#+\s+(.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_every_page_is_reached_from_the_index():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    missing = [
        page.name for page in DOCS.glob("*.md") if page.name != "index.md" and f"({page.name}" not in index
    ]
    assert missing == []
