"""A disk that is really full: no half of an artifact is kept, and what served goes on."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ecomai.registry.artifacts import check_artifact, open_artifact, store_artifact
from ecomai.registry.exceptions import DiskFullError
from ecomai.registry.models import ModelVersion

MODEL = "probe.model"
DISK_KILOBYTES = 256


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_KILOBYTES}k", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("Only root may mount a small disk here.")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def registry_folder(settings: Any, small_disk: Path) -> Path:
    settings.ECOMAI = {**settings.ECOMAI, "REGISTRY": {"FOLDER": str(small_disk)}}
    return small_disk


@pytest.fixture
def store(registry_folder: Path, tmp_path: Path, db: None) -> Callable[..., ModelVersion]:
    """Keep a version whose files have so many kilobytes."""

    def store(number: int, kilobytes: int) -> ModelVersion:
        folder = tmp_path / f"v{number}"
        folder.mkdir(exist_ok=True)
        for part in ("a", "b"):
            (folder / f"{part}.json").write_text(json.dumps("x" * (512 * kilobytes)))
        stored = store_artifact(folder, model_name=MODEL, number=number, kind="probe")
        return ModelVersion.objects.create(
            model_name=MODEL,
            number=number,
            artifact_path=stored.path,
            artifact_digest=stored.digest,
        )

    return store


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def fill(disk: Path) -> Path:
    """Leave no room at all, and return what has to go to make some."""
    path = disk / "of-somebody-else"
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    return path


def test_an_artifact_too_large_for_the_disk_leaves_nothing_and_the_others_whole(store, small_disk):
    first = store(1, kilobytes=40)
    before = files_below(small_disk)
    with pytest.raises(DiskFullError):
        store(2, kilobytes=2 * DISK_KILOBYTES)
    assert files_below(small_disk) == before
    check_artifact(first)


def test_a_version_that_finds_no_room_to_be_loaded_is_loaded_when_there_is_some(store, small_disk):
    version = store(1, kilobytes=40)
    filler = fill(small_disk)
    with pytest.raises(DiskFullError, match="Make room"):
        open_artifact(version)
    assert files_below(small_disk / "cache") == []
    filler.unlink()
    assert (open_artifact(version) / "a.json").stat().st_size > 20_000
