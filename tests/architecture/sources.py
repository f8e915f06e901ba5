"""The project's own source files, for tests that read them."""

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "ecomai"
PROJECT = ROOT / "ecomai_project"


def scenarios() -> list[Path]:
    """Folders of the scenarios: top-level packages that register one."""
    return sorted(path.parent for path in ROOT.glob("*/scenario.py"))


def python_files(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in sorted(folder.rglob("*.py")) if "migrations" not in path.parts)


def shipped() -> list[Path]:
    """Source files of the plugin and its scenarios."""
    return list(python_files(PLUGIN, *scenarios()))


@lru_cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def classes(path: Path, base: str) -> list[str]:
    """Names of the file's classes that derive from a class of this name."""
    return [
        node.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(each).split(".")[-1] == base for each in node.bases)
    ]


def in_role(path: Path, role: str) -> bool:
    """Whether a file is `role.py`, or lies in the package `role/` that a long file was split into."""
    return path.name == f"{role}.py" or role in path.parts
