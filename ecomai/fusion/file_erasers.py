"""Erasing what files hold: run folders with snapshots and checkpoints, and artifacts that name a person."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ecomai.registry.app_settings import registry_settings
from ecomai.registry.artifacts import artifact_storage, cache_folder, remove_artifact
from ecomai.registry.models import ModelVersion, TrainingRun
from ecomai.registry.runs import run_folder

from .subjects import Subject, SubjectMatcher

TEXT_SUFFIXES = {".csv", ".json", ".jsonl", ".log", ".txt"}


def erase_run_folders(subject: Subject) -> Mapping[str, int]:
    """Delete the folders of ended runs, whose snapshots hold the subject's behaviour under a number.

    A retry then freezes a new snapshot, without the subject. A running training keeps its folder,
    which goes when it ends; identifiers in its text files are taken out at once.
    """
    in_use: dict[Path, bool] = {}
    for run in TrainingRun.objects.select_related("job"):  # a retry goes on in the folder of an ended run
        folder = run_folder(run)
        in_use[folder] = in_use.get(folder, False) or not run.job.is_finished
    ended = [folder for folder, is_used in in_use.items() if not is_used and folder.is_dir()]
    if subject.customer_pk is not None:
        for folder in ended:
            shutil.rmtree(folder)
    return {"run_folders": len(ended), "run_files": _scrub_files(SubjectMatcher(subject))}


def _scrub_files(matcher: SubjectMatcher) -> int:
    n_scrubbed = 0
    for path in (Path(registry_settings.FOLDER) / "runs").rglob("*"):
        if path.suffix in TEXT_SUFFIXES and path.is_file():
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
            if (clean := _scrub_file_text(matcher, path.suffix, text)) != text:
                unfinished = path.with_name(f"{path.name}.erasing")
                unfinished.write_text(clean, encoding="utf-8", errors="surrogateescape")
                unfinished.replace(path)
                n_scrubbed += 1
    return n_scrubbed


def _scrub_file_text(matcher: SubjectMatcher, suffix: str, text: str) -> str:
    if suffix == ".json" and matcher.may_be_in(text):
        value = _json_or_none(text)
        if value is not None:
            clean = matcher.scrub(value)
            return text if clean == value else json.dumps(clean)
    return matcher.scrub_text(text)


def erase_artifacts(subject: Subject) -> Mapping[str, int]:
    """Remove artifacts whose JSON names the subject, even a live one: serving falls back until a retrain.

    An artifact is immutable and known by its hash, so a name cannot be taken out of it. Ours hold no
    customer ids; this is for scenarios and hosts whose artifacts do.
    """
    matcher = SubjectMatcher(subject)
    n_removed = 0
    for version in ModelVersion.objects.filter(is_artifact_deleted=False):
        if any(
            matcher.may_be_in(text) and matcher.is_named_in(_json_or_none(text))
            for text in _json_texts(version)
        ):
            remove_artifact(version.artifact_path)
            shutil.rmtree(cache_folder() / version.artifact_digest, ignore_errors=True)
            n_removed += ModelVersion.objects.filter(pk=version.pk).update(is_artifact_deleted=True)
    return {"artifacts": n_removed}


def _json_texts(version: ModelVersion) -> Iterator[str]:
    storage = artifact_storage()
    for name in _json_files(version.artifact_path):
        with storage.open(name) as stream:
            yield stream.read().decode("utf-8", "replace")


def _json_files(place: str) -> Iterator[str]:
    try:
        folders, files = artifact_storage().listdir(place)
    except FileNotFoundError:
        return
    yield from (f"{place}/{name}" for name in files if name.endswith(".json"))
    for folder in folders:
        yield from _json_files(f"{place}/{folder}")


def _json_or_none(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
