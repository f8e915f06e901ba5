"""Collects the texts for translators: `python -m tests.docs.messages` renews and compiles the catalogues.

All rooms of `ecomai` share one catalogue, below the console: Django loads those of installed apps, the
console always is one, and `ecomai` itself is none. A scenario has its own.
"""

import os
import sys
from pathlib import Path

import django
import polib
from django.conf import settings
from django.core.management import call_command

from tests.architecture import sources

LANGUAGE = "zh_Hans"


def catalogues() -> dict[Path, Path]:
    """Folder whose texts are collected -> folder of its catalogue."""
    own = {sources.PLUGIN: sources.PLUGIN / "console" / "locale"}
    beside = [sources.ROOT / "ecomai_project", sources.ROOT / "examples" / "oscar_shop" / "oscar_shop"]
    return own | {folder: folder / "locale" for folder in [*sources.scenarios(), *beside]}


def po_file(locale: Path) -> Path:
    return locale / LANGUAGE / "LC_MESSAGES" / "django.po"


def collect(folder: Path, locale: Path) -> None:
    """Bring the catalogue of one folder up to date; translations that stand are kept."""
    settings.LOCALE_PATHS = [str(locale)]
    before = Path.cwd()
    os.chdir(folder)
    try:
        call_command("makemessages", locale=[LANGUAGE], no_wrap=True, add_location="file", no_obsolete=True)
    finally:
        os.chdir(before)


def settle(locale: Path) -> None:
    """Write a catalogue in one form and without dates, so that only texts make a difference; compile it."""
    path = po_file(locale)
    catalogue = polib.pofile(str(path), wrapwidth=0)
    for name in ("POT-Creation-Date", "Report-Msgid-Bugs-To"):
        catalogue.metadata.pop(name, None)
    catalogue.save(str(path))
    catalogue.save_as_mofile(str(path.with_suffix(".mo")))


def prepare() -> None:
    """Set up as much of Django as collecting needs, in a process of its own."""
    settings.configure()
    django.setup()


if __name__ == "__main__":
    prepare()
    for chosen, its_locale in catalogues().items():
        if sys.argv[1:] in ([], [chosen.name]):
            collect(chosen, its_locale)
            settle(its_locale)
