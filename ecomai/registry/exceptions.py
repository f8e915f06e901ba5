"""What can go wrong with jobs, trainings and versions."""

from django.utils.translation import gettext_lazy as _

from ecomai.exceptions import ConflictError, EcomaiError, UnavailableError


class TrainingActiveError(ConflictError):
    code = "training_active"
    message = _("The model “%(model)s” is already training. Wait until that run ends, or cancel it first.")


class JobFinishedError(ConflictError):
    code = "job_finished"
    message = _("This job has already ended, so it cannot be cancelled.")


class JobNotFinishedError(ConflictError):
    code = "job_not_finished"
    message = _("This job has not ended yet. Wait until it ends, or cancel it before you retry it.")


class UnknownJobKindError(EcomaiError):
    code = "unknown_job_kind"
    message = _("No installed application knows how to do work of the kind “%(kind)s”.")
    status_code = 409


class WorkerLostError(EcomaiError):
    code = "worker_lost"
    message = _(
        "The worker stopped %(attempts)s times while it did this, so it is not tried again. "
        "A worker that runs out of memory stops like this; look at its log, then retry."
    )
    status_code = 500


class EnvironmentFaultError(UnavailableError):
    code = "environment_fault"
    message = _("A part that this needs was away %(attempts)s times (%(fault)s). Retry when it is back.")


class NoVersionError(ConflictError):
    code = "no_version"
    message = _("The model “%(model)s” has no version for this. Train it first, then promote a version.")


class NoEarlierVersionError(ConflictError):
    code = "no_earlier_version"
    message = _("The model “%(model)s” has no earlier version to go back to.")


class ArtifactGoneError(ConflictError):
    code = "artifact_gone"
    message = _("The files of %(version)s were removed to save space. Train the model again instead.")


class InvalidArtifactError(EcomaiError):
    code = "invalid_artifact"
    message = _("The training left files that cannot be kept: %(reason)s")
    status_code = 500


class CorruptArtifactError(EcomaiError):
    code = "corrupt_artifact"
    message = _(
        "The stored files of %(version)s are damaged or missing (%(reason)s). "
        "Restore them from a backup, or promote another version."
    )
    status_code = 500


class DiskFullError(EcomaiError):
    code = "disk_full"
    message = _("The disk is full, so nothing was kept. Make room on it, then retry.")
    status_code = 507


class StorageFaultError(UnavailableError):
    code = "storage_fault"
    message = _("The artifact storage could not be used (%(fault)s).")


class NotAuthenticatedError(EcomaiError):
    code = "not_authenticated"
    message = _("Log in as staff, or send a secret API key as “Authorization: Bearer sk_...”.")
    status_code = 401
