"""A Django project as it lies on the disk: which file holds its settings, addresses and servers."""

import importlib
import os
import re
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from .exceptions import ProjectNotFoundError

NAMED_SETTINGS = re.compile(r"""DJANGO_SETTINGS_MODULE["'],\s*["']([\w.]+)["']""")


@dataclass(frozen=True)
class Project:
    """What the lines need to know of a project; paths that are None do not exist yet."""

    settings_module: str
    settings: ModuleType
    settings_file: Path
    urls_file: Path
    asgi_file: Path | None
    celery_file: Path | None

    @property
    def package(self) -> str:
        """The package around the settings (`shop` of `shop.settings`); '' where they are a lone module."""
        return self.settings_module.partition(".")[0] if "." in self.settings_module else ""

    @property
    def folder(self) -> Path:
        """Where a Celery application belongs: the folder of the package, or of the lone settings module."""
        package_file = find_spec(self.package).origin if self.package else None  # type: ignore[union-attr]
        return Path(package_file).parent if package_file else self.settings_file.parent

    def value(self, name: str, default: Any = None) -> Any:
        return getattr(self.settings, name, default)


def find_project(folder: Path, settings_module: str = "") -> Project:
    """Read the project in a folder. Raises `ProjectNotFoundError` with what to do next."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    name = settings_module or os.environ.get("DJANGO_SETTINGS_MODULE") or _named_by_manage_py(folder)
    settings = _import_settings(name)
    settings_file = Path(str(settings.__file__))
    _check_names(settings, settings_file)
    return Project(
        settings_module=name,
        settings=settings,
        settings_file=settings_file,
        urls_file=_find_urls(settings),
        asgi_file=_find_asgi(name, settings),
        celery_file=_find_celery(name, settings_file),
    )


def _named_by_manage_py(folder: Path) -> str:
    manage = folder / "manage.py"
    named = NAMED_SETTINGS.search(manage.read_text(encoding="utf-8")) if manage.is_file() else None
    if named is None:
        raise ProjectNotFoundError(
            f"No manage.py in {folder} names the settings. Run this in the folder of manage.py, or name "
            "them: --settings shop.settings"
        )
    return named[1]


def _import_settings(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise ProjectNotFoundError(
            f"The settings “{name}” cannot be imported: {type(error).__name__}: {error}. "
            "Run this in the folder of manage.py, with the environment that manage.py needs."
        ) from error


def _check_names(settings: ModuleType, file: Path) -> None:
    missing = [
        name for name in ("INSTALLED_APPS", "MIDDLEWARE", "ROOT_URLCONF") if not hasattr(settings, name)
    ]
    if missing:
        raise ProjectNotFoundError(
            f"{file} has no {' and no '.join(missing)}. If settings are a class or come from another file, "
            "write the lines by hand: docs/embedding.md shows them."
        )


def _find_urls(settings: ModuleType) -> Path:
    found = _file_of(settings.ROOT_URLCONF)
    if found is None:
        raise ProjectNotFoundError(f"ROOT_URLCONF is “{settings.ROOT_URLCONF}”, which cannot be found.")
    if not re.search(r"^urlpatterns\b", found.read_text(encoding="utf-8"), re.MULTILINE):
        raise ProjectNotFoundError(f"{found} has no urlpatterns. Write the include by hand there.")
    return found


def _find_asgi(name: str, settings: ModuleType) -> Path | None:
    given = getattr(settings, "ASGI_APPLICATION", "") or ""
    return _file_of(given.rpartition(".")[0] if given else f"{name.partition('.')[0]}.asgi")


def _find_celery(name: str, settings_file: Path) -> Path | None:
    """The file that makes the project's Celery application, beside the package's own modules."""
    package = _file_of(name.partition(".")[0]) if "." in name else settings_file
    for path in sorted((package or settings_file).parent.glob("*.py")):
        if re.search(r"=\s*(celery\.)?Celery\(", path.read_text(encoding="utf-8", errors="replace")):
            return path
    return None


def _file_of(module: str) -> Path | None:
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec and spec.origin and Path(spec.origin).is_file() else None
