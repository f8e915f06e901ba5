"""The promoted models of this process: polled, loaded in the background, swapped without a lock on readers.

`get_live(name)` and `get_shadow(name)` answer from memory. At most once per `POLL_SECONDS` one of the
callers asks the database what is promoted. A new version is loaded in a thread of its own while the old
one keeps answering; where it cannot be loaded, the old one stays, and `faults()` says why.
"""

import logging
import os
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from django.db import DatabaseError, connections
from django.utils import timezone

from ecomai import scenarios
from ecomai.registry import selectors
from ecomai.registry.artifacts import open_artifact
from ecomai.registry.models import ModelVersion

from .app_settings import serving_settings
from .predictors import Predictor, load_predictor
from .threads import prepare_threads

logger = logging.getLogger(__name__)

Mode = Literal["live", "shadow"]
#: A model, and a mode or, as in "#3", the number of a version that an experiment shows.
Slot = tuple[str, str]
#: A version that nobody asked for so long is no longer kept in memory.
FORGET_SECONDS = 600.0


@dataclass(frozen=True)
class Served:
    """A version that answers in this process. `mode` says whether its answers are shown."""

    version_id: int
    version_number: int
    mode: str
    predictor: Predictor


@dataclass(frozen=True)
class Fault:
    """Why this process does not serve what is promoted; `model_name` is empty for the database itself."""

    model_name: str
    version_number: int | None
    message: str
    since: datetime


def get_live(model_name: str) -> Served | None:
    """The version that answers customers. None where none is promoted, or none could be loaded yet.

    The first call of a process waits for the model for at most `FIRST_LOAD_SECONDS`.
    """
    return _board.get((model_name, "live"))


def get_shadow(model_name: str) -> Served | None:
    """The version whose answers are computed and kept, but not shown. As `get_live` otherwise."""
    return _board.get((model_name, "shadow"))


def get_version(model_name: str, number: int) -> Served | None:
    """A version by its number, whether or not it is promoted: for experiments.

    None while it is being loaded, which nobody waits for, and where it is gone.
    """
    return _board.get_version((model_name, f"#{number}"))


def faults() -> list[Fault]:
    """What this process cannot serve as promoted, for health checks and the console."""
    return _board.faults()


def refresh() -> None:
    """Ask the database now and wait for what must be loaded: at the start of a process, and in tests."""
    _board.poll(wait_seconds=serving_settings.FIRST_LOAD_SECONDS)


def forget() -> None:
    """Drop everything that was loaded."""
    global _board
    _board = _Board()


@dataclass
class _Loading:
    """A version on its way, and what came of it. A retry keeps the fault of before until it succeeds."""

    version: ModelVersion
    fault: Fault | None = None
    predictor: Predictor | None = None
    is_done: threading.Event = field(default_factory=threading.Event)
    started_at: float = field(default_factory=time.monotonic)
    done_at: float = 0.0

    def wait(self, seconds: float) -> None:
        """Wait until it is done, but not longer than so many seconds after its start."""
        self.is_done.wait(max(self.started_at + seconds - time.monotonic(), 0))

    def run(self) -> None:
        try:
            prepare_threads()
            self.predictor = load_predictor(open_artifact(self.version))
            self.fault = None
        except Exception as error:
            # Whatever is wrong with the new version, the old one must go on answering.
            logger.exception("%s could not be loaded; what served before goes on.", self.version)
            self.fault = Fault(self.version.model_name, self.version.number, str(error), timezone.now())
        finally:
            connections.close_all()
            self.done_at = time.monotonic()
            self.is_done.set()

    @property
    def may_be_retried(self) -> bool:
        age = time.monotonic() - self.done_at
        return self.is_done.is_set() and self.fault is not None and age >= serving_settings.RETRY_SECONDS


class _Board:
    """Who serves what. Readers take `_served` as it is; one thread at a time replaces it."""

    def __init__(self) -> None:
        self._served: dict[Slot, Served] = {}
        self._wanted: dict[Slot, ModelVersion] = {}
        self._loadings: dict[int, _Loading] = {}
        self._database_fault: Fault | None = None
        self._asked_at: dict[Slot, float] = {}  # of versions that experiments show
        self._polled_at = float("-inf")
        self._lock = threading.Lock()

    def get(self, slot: Slot) -> Served | None:
        if time.monotonic() - self._polled_at >= min(serving_settings.POLL_SECONDS, 1.0):
            self.poll()
        served = self._served.get(slot)
        if served is None and slot in self._wanted:
            self._wait_for([slot], serving_settings.FIRST_LOAD_SECONDS)
            served = self._served.get(slot)
        return served

    def get_version(self, slot: Slot) -> Served | None:
        self._asked_at[slot] = time.monotonic()
        if time.monotonic() - self._polled_at >= min(serving_settings.POLL_SECONDS, 1.0):
            self.poll()
        return self._served.get(slot)

    def faults(self) -> list[Fault]:
        wanted = {version.pk for version in self._wanted.values()}
        loadings = [self._loadings[pk] for pk in wanted if pk in self._loadings]
        found = [self._database_fault, *(loading.fault for loading in loadings)]
        return [fault for fault in found if fault is not None]

    def poll(self, *, wait_seconds: float = 0.0) -> None:
        """Ask what is promoted, start what must be loaded, swap in what is ready."""
        if not self._lock.acquire(blocking=self._polled_at == float("-inf") or wait_seconds > 0):
            return  # another thread is asking; what is known is good enough meanwhile
        try:
            # Set first: while the database is away, one request per second tries it, not every one.
            self._polled_at = time.monotonic()
            self._read_deployments()
            self._start_loading()
            self._swap()
        finally:
            self._lock.release()
        if wait_seconds:
            self._wait_for(list(self._wanted), wait_seconds)

    def _read_deployments(self) -> None:
        try:
            in_batch = {spec.name for spec in scenarios.model_specs() if not spec.is_served}
            deployed = selectors.deployed_versions()
            wanted: dict[Slot, int] = {slot: pk for slot, pk in deployed.items() if slot[0] not in in_batch}
            self._wanted = self._versions(wanted | self._read_numbered())
            self._database_fault = None
        except DatabaseError as error:
            if self._database_fault is None:
                logger.exception("What is promoted could not be read; what is known goes on serving.")
                self._database_fault = Fault("", None, str(error), timezone.now())

    def _read_numbered(self) -> dict[Slot, int]:
        """Return the versions that experiments show, without those that nobody asked for lately."""
        oldest = time.monotonic() - FORGET_SECONDS
        self._asked_at = {slot: at for slot, at in self._asked_at.copy().items() if at >= oldest}
        numbers = [(name, int(number[1:])) for name, number in self._asked_at]
        found = selectors.versions_by_number(numbers) if numbers else {}
        return {(name, f"#{number}"): pk for (name, number), pk in found.items()}

    def _versions(self, wanted: Mapping[Slot, int]) -> dict[Slot, ModelVersion]:
        """Return the rows of the versions; what never changes is read once."""
        known = {version.pk: version for version in self._wanted.values()}
        new = set(wanted.values()) - known.keys()
        if new:
            known |= ModelVersion.objects.in_bulk(new)
        return {slot: known[pk] for slot, pk in wanted.items() if pk in known}

    def _start_loading(self) -> None:
        wanted = {version.pk: version for version in self._wanted.values()}
        loadings = {pk: loading for pk, loading in self._loadings.items() if pk in wanted}
        for pk, version in wanted.items():
            loading = loadings.get(pk)
            if loading is None or loading.may_be_retried:
                loadings[pk] = _Loading(version, fault=loading.fault if loading else None)
                threading.Thread(target=loadings[pk].run, name=f"ecomai-load-{version}", daemon=True).start()
        self._loadings = loadings

    def _swap(self) -> None:
        """Build the new state aside, then replace the old one by one assignment."""
        served = {}
        for slot, version in self._wanted.items():
            loading = self._loadings[version.pk]
            if loading.predictor is not None:
                served[slot] = Served(version.pk, version.number, slot[1], loading.predictor)
            elif slot in self._served:
                served[slot] = self._served[slot]
        self._served = served

    def _wait_for(self, slots: Iterable[Slot], seconds: float) -> None:
        for slot in slots:
            version = self._wanted.get(slot)
            loading = self._loadings.get(version.pk) if version else None
            if loading is not None:
                loading.wait(seconds)
        with self._lock:
            self._swap()


_board = _Board()
# Threads and their locks do not survive a fork, so neither may what they were loading.
os.register_at_fork(after_in_child=forget)
