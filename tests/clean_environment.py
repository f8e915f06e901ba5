"""The built distribution, and a virtual environment that has nothing but what a requirement asks for.

The libraries are those of this very run, linked and not downloaded, so that an installation takes seconds
and works offline; pip still decides what is satisfied.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
SOURCES = (
    "ecomai",
    "recommendations",
    "risk",
    "marketing",
    "support_bot",
    "docs",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "pyproject.toml",
)
SCRIPT = "#!{python}\nimport sys\nfrom {module} import {first} as main\nsys.exit({call}())\n"


def build_distribution(folder: Path) -> Path:
    """Build sdist and wheel, the wheel from the sdist; return the folder that has both."""
    source = folder / "source"
    source.mkdir(parents=True)
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", source]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "dist"


def closure(requirements: Iterable[str]) -> dict[str, Distribution]:
    """Return all distributions that pip would install for requirements, as they are installed here."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        found.setdefault(name, distribution(name))
        for extra in ("", *sorted(wanted.extras)):
            if (name, extra) not in seen:
                seen.add((name, extra))
                waiting += _needed_by(found[name], extra)
    return found


def _needed_by(dist: Distribution, extra: str) -> Iterator[Requirement]:
    for text in dist.requires or ():
        needed = Requirement(text)
        if needed.marker is None or needed.marker.evaluate({"extra": extra}):
            yield needed


class CleanEnvironment:
    """A virtual environment with the libraries that `requirements` need, and without ecomai itself."""

    def __init__(self, folder: Path, requirements: Iterable[str]) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"
        self.libraries = closure(requirements)
        self.libraries.pop("ecomai", None)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=120)
        self._link_libraries(folder / "libraries")
        (site,) = (folder / "lib").glob("python*/site-packages")
        for old in site.glob("setuptools*"):  # of Python's own bundle; the one that is linked is asked for
            shutil.rmtree(old)
        (site / "libraries.pth").write_text(f"{folder / 'libraries'}\n")

    @property
    def path(self) -> str:
        return f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"

    def _link_libraries(self, folder: Path) -> None:
        folder.mkdir()
        for dist in self.libraries.values():
            home = Path(str(dist.locate_file("")))
            parts = {PurePosixPath(str(file)).parts[0] for file in dist.files or ()}
            for name in parts - {"..", "__pycache__"}:
                if (home / name).exists() and not (folder / name).exists():
                    (folder / name).symlink_to(home / name)
            self._write_scripts(dist)

    def _write_scripts(self, dist: Distribution) -> None:
        for entry in dist.entry_points.select(group="console_scripts"):
            script = self.folder / "bin" / entry.name
            if script.exists():
                continue
            first, *rest = entry.attr.split(".")
            call = ".".join(["main", *rest])
            script.write_text(SCRIPT.format(python=self.python, module=entry.module, first=first, call=call))
            script.chmod(0o755)
