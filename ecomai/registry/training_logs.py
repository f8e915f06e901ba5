"""TensorBoard's event files of trainings: in the run's folder first, with the version afterwards."""

import io
import logging
import zipfile
from pathlib import Path

from django.core.files.base import ContentFile

from .app_settings import registry_settings
from .artifacts import artifact_storage
from .models import TrainingRun

logger = logging.getLogger(__name__)

FOLDER = "tensorboard"


def zip_logs(folder: Path, *, max_bytes: int | None = None) -> bytes | None:
    """Return a run's event files as a zip; None where there are none, or more than may be kept."""
    files = [path for path in sorted((folder / FOLDER).rglob("*")) if path.is_file()]
    if not files or (max_bytes is not None and sum(path.stat().st_size for path in files) > max_bytes):
        return None
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(folder / FOLDER).as_posix())
    return packed.getvalue()


def keep_logs(folder: Path, artifact_path: str) -> None:
    """Keep a run's event files beside the artifact of its version. A training is not lost for its logs."""
    content = zip_logs(folder, max_bytes=registry_settings.KEEP_LOGS_BYTES)
    if content is None:
        return
    try:
        artifact_storage().save(_place(artifact_path), ContentFile(content))
    except OSError:
        logger.exception("The TensorBoard logs in %s could not be kept.", folder)


def open_logs(run: TrainingRun, folder: Path) -> bytes | None:
    """Return a run's logs as a zip: those kept with its version, else what lies on this machine."""
    if run.version is not None:
        storage, place = artifact_storage(), _place(run.version.artifact_path)
        if storage.exists(place):
            with storage.open(place) as kept:
                return bytes(kept.read())
    return zip_logs(folder)


def has_logs(run: TrainingRun, folder: Path) -> bool:
    if run.version is not None and artifact_storage().exists(_place(run.version.artifact_path)):
        return True
    return (folder / FOLDER).is_dir()


def remove_logs(artifact_path: str) -> None:
    artifact_storage().delete(_place(artifact_path))


def _place(artifact_path: str) -> str:
    """Beside the artifact and not in it: what serves is fetched without its logs."""
    return f"{artifact_path}-{FOLDER}.zip"
