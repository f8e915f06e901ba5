"""Files of model versions: stored whole or not at all, and verified before anyone loads them.

An artifact is a folder of safetensors, ONNX and JSON files with a `manifest.json`, which names every file
with its SHA-256; the manifest's own SHA-256 is the artifact's digest and stands in the version's row.
Large files lie in `shared/` under their SHA-256, once, however many versions have them.
"""

import hashlib
import json
import logging
import os
import shutil
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from django.core.exceptions import SuspiciousFileOperation
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, storages

from .app_settings import registry_settings
from .exceptions import CorruptArtifactError, DiskFullError, InvalidArtifactError, StorageFaultError
from .models import ModelVersion

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
SHARED = "shared"
#: Files of this size and more are stored once for all versions.
SHARED_BYTES = 1_000_000
ALLOWED_SUFFIXES = {".safetensors", ".onnx", ".json"}
N_CACHED_ARTIFACTS = 20
_CHUNK_BYTES = 1 << 20
_DISK_FULL_ERRNO = 28


@dataclass(frozen=True)
class StoredArtifact:
    path: str
    digest: str
    n_bytes: int
    format_version: int = FORMAT_VERSION


def artifact_storage() -> Storage:
    """The Django storage that keeps artifacts."""
    if alias := registry_settings.STORAGE:
        return storages[alias]
    return FileSystemStorage(location=Path(registry_settings.FOLDER) / "artifacts")


def cache_folder() -> Path:
    return Path(registry_settings.FOLDER) / "cache"


# -- storing ------------------------------------------------------------------------------------


def store_artifact(folder: Path, *, model_name: str, number: int, kind: str) -> StoredArtifact:
    """Copy a folder into the artifact storage and return where it lies.

    Whatever goes wrong, no file stays behind that was not there before. Raises `DiskFullError`,
    `StorageFaultError`, or `InvalidArtifactError` for files that an artifact must not contain.
    """
    files = _artifact_files(folder)
    sums = {name: _sha256(path) for name, path in files.items()}
    # The random part keeps a retry from ever meeting what an earlier attempt left.
    place = f"{model_name}/{number:06d}-{uuid.uuid4().hex[:12]}"
    storage = artifact_storage()
    written: list[str] = []
    try:
        shared = [name for name, path in files.items() if _share(storage, path, sums[name], written)]
        manifest = _manifest(kind, sums, shared)
        _save(storage, f"{place}/{MANIFEST}", ContentFile(manifest))
        # Named now, a shared file stays; the clean-up may have removed an old one just before.
        if not all(storage.exists(f"{SHARED}/{sums[name]}") for name in shared):
            raise FileNotFoundError(SHARED)
        for name in files.keys() - set(shared):
            with files[name].open("rb") as stream:
                _save(storage, f"{place}/{name}", File(stream))
    except Exception as error:
        discard_artifact(place)
        _discard_files(storage, written)
        if isinstance(error, OSError):
            raise _storage_error(error) from error
        raise
    n_bytes = sum(path.stat().st_size for path in files.values()) + len(manifest)
    return StoredArtifact(path=place, digest=hashlib.sha256(manifest).hexdigest(), n_bytes=n_bytes)


def _manifest(kind: str, sums: dict[str, str], shared: list[str]) -> bytes:
    content = {"format_version": FORMAT_VERSION, "kind": kind, "files": sums, "shared": sorted(shared)}
    return json.dumps(content, sort_keys=True, indent=1).encode()


def _share(storage: Storage, path: Path, digest: str, written: list[str]) -> bool:
    """Have a large file in `shared/`; False for one that the version must keep for itself."""
    # JSON stays with its version, where an erasure looks for names.
    if path.stat().st_size < SHARED_BYTES or path.suffix == ".json":
        return False
    name = f"{SHARED}/{digest}"
    if storage.exists(name):
        # One that is damaged, or that another worker is writing now, is left to those who have it.
        with storage.open(name) as stream:
            return _sha256_of(stream) == digest
    written.append(name)
    with path.open("rb") as stream:
        stored = storage.save(name, File(stream))
    if stored != name:  # another worker was first
        written[-1] = stored
        _discard_files(storage, [written.pop()])
    return stored == name


def _discard_files(storage: Storage, names: list[str]) -> None:
    for name in names:
        try:
            storage.delete(name)
        except OSError:
            logger.exception("An unfinished file at %s could not be removed yet.", name)


def _artifact_files(folder: Path) -> dict[str, Path]:
    files = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).as_posix() != MANIFEST
    }
    if not files:
        raise InvalidArtifactError(reason="there are none.")
    for name in files:
        if PurePosixPath(name).suffix not in ALLOWED_SUFFIXES:
            raise InvalidArtifactError(reason=f"{name} is no safetensors, ONNX or JSON file.")
    return files


def _save(storage: Storage, name: str, content: File) -> None:
    stored = storage.save(name, content)
    if stored != name:
        storage.delete(stored)
        raise InvalidArtifactError(reason=f"the storage would not call a file {name}.")


def _storage_error(error: OSError) -> Exception:
    if error.errno == _DISK_FULL_ERRNO:
        return DiskFullError()
    return StorageFaultError(fault=type(error).__name__)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return _sha256_of(stream)


def _sha256_of(stream: IO[bytes] | File) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


# -- opening ------------------------------------------------------------------------------------


def open_artifact(version: ModelVersion) -> Path:
    """Return a local folder with the version's files, every one of them verified.

    Raises `CorruptArtifactError` where the storage has other bytes than were registered, or none.
    """
    folder = cache_folder() / version.artifact_digest
    if folder.is_dir():
        try:
            _verify(folder, version)
        except CorruptArtifactError:
            logger.warning("The local copy of %s was damaged and is fetched again.", version)
            shutil.rmtree(folder, ignore_errors=True)
        else:
            folder.touch()
            return folder
    return _fetch(version, folder)


def _fetch(version: ModelVersion, folder: Path) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="fetch-", dir=folder.parent))
    try:
        manifest = _copy_manifest(version, unfinished)
        for name in manifest["files"]:
            if name in manifest["shared"]:
                _link_shared(version, name, manifest["files"][name], unfinished)
            else:
                _copy(version, name, unfinished)
        _verify(unfinished, version)
        _move_into_place(unfinished, folder)
    except OSError as error:
        raise _storage_error(error) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    _prune_cache()
    return folder


def _move_into_place(unfinished: Path, folder: Path) -> None:
    try:
        unfinished.rename(folder)
    except OSError:
        # Another process of this machine was first, with the same verified bytes.
        if not folder.is_dir():
            raise


def _copy_manifest(version: ModelVersion, folder: Path) -> dict[str, Any]:
    _copy(version, MANIFEST, folder)
    return _read_manifest(folder, version)


def _copy(version: ModelVersion, name: str, folder: Path) -> None:
    target = _target(version, name, folder)
    with (
        _open_stored(version, name, f"{version.artifact_path}/{name}") as source,
        target.open("wb") as stream,
    ):
        shutil.copyfileobj(source, stream, _CHUNK_BYTES)


def _link_shared(version: ModelVersion, name: str, digest: str, folder: Path) -> None:
    """Have one local copy of a shared file, too: versions' folders are links to it."""
    kept, target = cache_folder() / SHARED / digest, _target(version, name, folder)
    if not kept.is_file() or _sha256(kept) != digest:
        kept.parent.mkdir(exist_ok=True)
        with _open_stored(version, name, f"{SHARED}/{digest}") as source, target.open("wb") as stream:
            shutil.copyfileobj(source, stream, _CHUNK_BYTES)
        if _sha256(target) != digest:
            raise CorruptArtifactError(version=version, reason=f"{name} was changed")
        _link_or_copy(target, kept)
    else:
        _link_or_copy(kept, target)


def _link_or_copy(source: Path, target: Path) -> None:
    unfinished = target.with_name(f"{target.name}-{uuid.uuid4().hex[:12]}")
    try:
        os.link(source, unfinished)
    except OSError:  # a file system without links
        shutil.copyfile(source, unfinished)
    unfinished.replace(target)


def _target(version: ModelVersion, name: str, folder: Path) -> Path:
    target = folder / name
    if not target.resolve().is_relative_to(folder.resolve()):
        raise CorruptArtifactError(version=version, reason=f"{name} points elsewhere")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _open_stored(version: ModelVersion, name: str, place: str) -> File:
    try:
        return artifact_storage().open(place)
    except (FileNotFoundError, SuspiciousFileOperation) as error:
        raise CorruptArtifactError(version=version, reason=f"{name} is missing") from error


def _read_manifest(folder: Path, version: ModelVersion) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file() or _sha256(path) != version.artifact_digest:
        raise CorruptArtifactError(version=version, reason=f"{MANIFEST} was changed")
    manifest: dict[str, Any] = json.loads(path.read_bytes())
    return manifest


def _verify(folder: Path, version: ModelVersion) -> None:
    for name, digest in _read_manifest(folder, version)["files"].items():
        path = folder / name
        if not path.is_file():
            raise CorruptArtifactError(version=version, reason=f"{name} is missing")
        if _sha256(path) != digest:
            raise CorruptArtifactError(version=version, reason=f"{name} was changed")


def check_artifact(version: ModelVersion, *, sound: set[str] | None = None) -> None:
    """Verify what the storage itself holds, not this machine's copy of it.

    `sound` collects the digests of shared files, so that the next version need not read them again.
    """
    sound = set() if sound is None else sound
    with tempfile.TemporaryDirectory() as folder:
        manifest = _copy_manifest(version, Path(folder))
        for name, digest in manifest["files"].items():
            if name not in manifest["shared"]:
                _copy(version, name, Path(folder))
                is_sound = _sha256(Path(folder) / name) == digest
            elif not (is_sound := digest in sound):
                with _open_stored(version, name, f"{SHARED}/{digest}") as stream:
                    is_sound = _sha256_of(stream) == digest
                sound |= {digest} if is_sound else set()
            if not is_sound:
                raise CorruptArtifactError(version=version, reason=f"{name} was changed")


def _prune_cache() -> None:
    """Drop the copies that were opened longest ago; a process that has one open keeps its files."""
    folders = [
        path for path in cache_folder().iterdir()
        if path.is_dir() and path.name != SHARED and not path.name.startswith("fetch-")
    ]  # fmt: skip
    doomed = sorted(folders, key=lambda path: path.stat().st_mtime)[:-N_CACHED_ARTIFACTS]
    for folder in doomed:
        shutil.rmtree(folder, ignore_errors=True)
    for path in (cache_folder() / SHARED).glob("*") if doomed else ():
        if path.stat().st_nlink == 1:
            path.unlink(missing_ok=True)


# -- removing -----------------------------------------------------------------------------------


def remove_artifact(place: str) -> None:
    """Remove a folder of the artifact storage with everything below it."""
    storage = artifact_storage()
    folders, files = storage.listdir(place)
    for name in files:
        storage.delete(f"{place}/{name}")
    for name in folders:
        remove_artifact(f"{place}/{name}")
    storage.delete(place)


def discard_artifact(place: str) -> None:
    """Remove the files of a version that was never made."""
    # What cannot be removed now is found by the daily clean-up; the first fault is the one to tell.
    try:
        remove_artifact(place)
    except FileNotFoundError:
        pass
    except OSError:
        logger.exception("An unfinished artifact at %s could not be removed yet.", place)


def unreferenced_files() -> list[str]:
    """Shared files that no artifact of the storage names; none where a manifest cannot be read."""
    storage = artifact_storage()
    try:
        named = {f"{SHARED}/{digest}" for digest in _named_digests(storage)}
        there = [f"{SHARED}/{name}" for name in storage.listdir(SHARED)[1]]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError):
        logger.exception("A manifest cannot be read, so no shared file is removed.")
        return []
    return [name for name in there if name not in named]


def artifact_places() -> list[str]:
    """The folders of all artifacts of the storage, registered or not."""
    models = [name for name in _folders("") if name != SHARED]
    return [f"{model}/{name}" for model in models for name in _folders(model)]


def _folders(place: str) -> list[str]:
    try:
        return sorted(artifact_storage().listdir(place)[0])
    except FileNotFoundError:
        return []


def _named_digests(storage: Storage) -> set[str]:
    found: set[str] = set()
    for place in artifact_places():
        if storage.exists(f"{place}/{MANIFEST}"):
            with storage.open(f"{place}/{MANIFEST}") as stream:
                manifest = json.loads(stream.read())
            found |= {manifest["files"][name] for name in manifest["shared"]}
    return found
