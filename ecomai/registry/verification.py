"""Whether the artifact storage holds what the database promises: after a restore, or a fault of the disk."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from ecomai.exceptions import EcomaiError

from .artifacts import check_artifact
from .exceptions import StorageFaultError
from .models import ModelVersion

logger = logging.getLogger(__name__)

SERVING_STATES = (ModelVersion.State.LIVE, ModelVersion.State.SHADOW)


@dataclass(frozen=True)
class ArtifactFinding:
    """What became of one version's files; `fault` is empty where every byte is as it was registered."""

    version: ModelVersion
    fault: EcomaiError | None = None

    @property
    def is_sound(self) -> bool:
        return self.fault is None

    @property
    def is_serving(self) -> bool:
        return self.version.state in SERVING_STATES


def verify_artifacts(*, model_name: str = "") -> Iterator[ArtifactFinding]:
    """Compare the stored files of every version, or of one model's, with the digests in the database.

    Versions whose files were removed to save space are left out.
    """
    versions = ModelVersion.objects.filter(is_artifact_deleted=False).order_by("model_name", "number")
    sound: set[str] = set()
    for version in versions.filter(model_name=model_name) if model_name else versions:
        yield ArtifactFinding(version, _fault_of(version, sound))


def sound_version_before(version: ModelVersion) -> ModelVersion | None:
    """The newest earlier version of the model that served once and whose files are whole."""
    earlier = ModelVersion.objects.filter(
        model_name=version.model_name, number__lt=version.number, promoted_at__isnull=False,
        is_artifact_deleted=False,
    )  # fmt: skip
    return next((found for found in earlier.order_by("-number") if _fault_of(found, set()) is None), None)


def _fault_of(version: ModelVersion, sound: set[str]) -> EcomaiError | None:
    try:
        check_artifact(version, sound=sound)
    except EcomaiError as error:
        return error
    except OSError as error:
        logger.warning("The storage could not be read for %s.", version, exc_info=error)
        return StorageFaultError(fault=type(error).__name__)
    return None
