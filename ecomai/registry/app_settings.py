"""Settings of jobs, trainings and versions: `ECOMAI["REGISTRY"]`."""

from pathlib import Path

from django.conf import settings

from ecomai.conf import Section, Setting


def _default_folder() -> Path:
    return Path(getattr(settings, "BASE_DIR", Path.cwd())) / "var" / "ecomai"


class RegistrySettings(Section, name="REGISTRY"):
    FOLDER: Setting[Path] = Setting(
        _default_folder,
        help="Folder of checkpoints, of verified copies of artifacts, and of the artifacts themselves unless "
        "STORAGE names another place. Never below a folder that a web server publishes.",
    )
    STORAGE = Setting(
        "",
        help="Alias in Django's STORAGES that keeps artifacts, such as an S3 bucket; empty means FOLDER.",
    )
    LEASE_SECONDS = Setting(
        60.0, unit="seconds", help="How long a worker that shows no sign of life keeps its job; at least 1."
    )
    REQUEUE_INTERVAL_SECONDS = Setting(
        15,
        unit="seconds",
        help="How often jobs of dead workers and lost messages are looked for, when beat first starts.",
    )
    WAKE_AFTER_SECONDS = Setting(
        30.0, unit="seconds", help="How long a queued job waits before it is announced to the workers again."
    )
    RETRY_BACKOFF_SECONDS = Setting(
        10.0,
        unit="seconds",
        help="Pause after the first fault of the environment; doubles with each attempt.",
    )
    REPORT_INTERVAL_SECONDS = Setting(
        1.0, unit="seconds", help="How often a job's progress and curve are written at most."
    )
    KEEP_VERSIONS = Setting(
        5,
        help="Newest versions of each model whose files are kept, besides the serving and the previous one.",
    )
    KEEP_JOBS_DAYS = Setting(
        90,
        unit="days",
        help="How long finished jobs that are no trainings are kept, and the curves of trainings whose "
        "version does not serve.",
    )
    KEEP_LOGS_BYTES = Setting(
        20_000_000,
        unit="bytes",
        help="Largest TensorBoard logs of a training that are kept with its version; larger ones are not.",
    )
    KEEP_AUDIT_DAYS = Setting(
        5 * 365,
        unit="days",
        help="How long the audit log remembers who did what; 0 keeps it for ever.",
    )
    KEEP_RUN_FOLDERS_DAYS = Setting(
        7, unit="days", help="How long the checkpoints of a failed training are kept for a retry."
    )
    SWITCH_CACHE_SECONDS = Setting(
        0.5, unit="seconds", help="How long a process remembers the scenarios' switches; at most 1."
    )
    AUTHENTICATION = Setting(
        (
            "ecomai.commerce.authentication.ApiKeyAuthentication",
            "rest_framework.authentication.SessionAuthentication",
        ),
        help="Dotted paths of the classes that say who calls the registry's REST endpoints.",
    )


registry_settings = RegistrySettings()
