"""Which function does which kind of work."""

from dataclasses import dataclass

from .exceptions import UnknownJobKindError

TRAINING_KIND = "training"


@dataclass(frozen=True)
class JobKind:
    path: str
    on_end: str = ""


_kinds: dict[str, JobKind] = {}


def register_job(kind: str, path: str, *, on_end: str = "") -> None:
    """Say which function does a kind of work: `fn(job: RunningJob) -> dict | None`.

    `on_end(job: Job)` runs in the transaction that ends the job, however it ends.
    """
    _kinds[kind] = JobKind(path, on_end)


def get_kind(kind: str) -> JobKind:
    try:
        return _kinds[kind]
    except KeyError:
        raise UnknownJobKindError(kind=kind) from None


def on_end_of(kind: str) -> str:
    """The path of what ends with such a job; empty also for a kind whose application is gone."""
    return _kinds[kind].on_end if kind in _kinds else ""
