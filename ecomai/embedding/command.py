"""`python -m ecomai init` and `manage.py ecomai_init`: shows what a project needs, and writes it if asked."""

import argparse
import difflib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from .exceptions import ProjectNotFoundError
from .lines import Addition, missing
from .project import Project, find_project

HELP = "Show the lines that this project needs for ecomai, as a diff; --apply writes them."

AFTERWARDS = """\
Next:
  python manage.py migrate
  python manage.py ecomai_groups
  python manage.py check
and the other steps of docs/embedding.md.
If the shop sends a Content-Security-Policy, it must allow: default-src 'self'; img-src 'self' data:"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--apply", action="store_true", help="Write the lines that the diff shows.")


def run(*, apply: bool, settings_module: str = "", write: Callable[[str], object] = print) -> None:
    """Show what is missing in the project of this folder; with `apply`, add it."""
    folder = Path.cwd()
    project = find_project(folder, settings_module)
    additions = missing(project)
    if not additions:
        write("Nothing is missing.")
        return
    for addition in additions:
        write(_diff(addition, folder))
    if not apply:
        write("Nothing was written. --apply writes these lines.")
        return
    _write_all(additions, project)
    for addition in additions:
        write(f"Written: {_shown(addition.path, folder)}")
    write(AFTERWARDS)


def _diff(addition: Addition, folder: Path) -> str:
    name = _shown(addition.path, folder)
    before = name if addition.path.exists() else "/dev/null"
    lines = difflib.unified_diff(
        addition.before.splitlines(), addition.after.splitlines(), before, name, lineterm="", n=2
    )
    return "\n".join(lines)


def _shown(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _write_all(additions: list[Addition], project: Project) -> None:
    """Write all files, or none where one cannot be written or the settings then fail."""
    locked = [str(one.path) for one in additions if not os.access(_writable(one.path), os.W_OK)]
    if locked:
        raise ProjectNotFoundError(
            f"Nothing was written: {', '.join(locked)} may not be changed by this user."
        )
    contents = [(one.path, one.before if one.path.exists() else None, one.after) for one in additions]
    for path, _before, after in contents:
        path.write_text(after, encoding="utf-8")
    problem = _import_again(project)
    if problem:
        for path, before, _after in contents:
            path.unlink() if before is None else path.write_text(before, encoding="utf-8")
        raise ProjectNotFoundError(f"Nothing was changed: with the lines the settings fail ({problem}).")


def _writable(path: Path) -> Path:
    return path if path.exists() else path.parent


def _import_again(project: Project) -> str:
    """Import the changed settings in a new process; return the last line of what went wrong."""
    code = f"import sys; sys.path.insert(0, '.'); import {project.settings_module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""
