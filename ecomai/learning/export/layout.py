"""What artifacts of all kinds have in common."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ecomai.learning.exceptions import InvalidDataError

FORMAT_VERSION = 1


def prepare_folder(folder: str | Path) -> Path:
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def check_ids(item_ids: Sequence[str], n_items: int) -> None:
    if len(item_ids) != n_items or len(set(item_ids)) != n_items:
        raise InvalidDataError(f"There must be one distinct id for each of {n_items} items.")


def write_items(folder: Path, item_ids: Sequence[str]) -> None:
    (folder / "items.json").write_text(json.dumps(list(item_ids), ensure_ascii=False), encoding="utf-8")


def describe(folder: Path, kind: str, *, format_version: int = FORMAT_VERSION, **values: Any) -> Path:
    description = {"format_version": format_version, "kind": kind, **values}
    (folder / "predictor.json").write_text(json.dumps(description), encoding="utf-8")
    return folder
