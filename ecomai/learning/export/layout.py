"""What artifacts of all kinds have in common."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ecomai.learning.exceptions import InvalidDataError

FORMAT_VERSION = 1


def prepare_folder(folder: str | Path) -> Path:
    """Return the folder of an artifact, which is made where it is missing."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def check_ids(item_ids: Sequence[str], n_items: int) -> None:
    """Raise InvalidDataError unless there are `n_items` ids, all distinct."""
    if len(item_ids) != n_items or len(set(item_ids)) != n_items:
        raise InvalidDataError(f"There must be one distinct id for each of {n_items} items.")


def write_items(folder: Path, item_ids: Sequence[str]) -> None:
    """Write the shop's names of the catalogue's positions, in their order."""
    (folder / "items.json").write_text(json.dumps(list(item_ids), ensure_ascii=False), encoding="utf-8")


def describe(folder: Path, kind: str, *, format_version: int = FORMAT_VERSION, **values: Any) -> Path:
    """Write what serving reads first: the kind of artifact, its format and `values`. Returns the folder."""
    description = {"format_version": format_version, "kind": kind, **values}
    (folder / "predictor.json").write_text(json.dumps(description), encoding="utf-8")
    return folder
