"""A long-running program that we start, watch and end: web server, worker or beat."""

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from .exceptions import EmbeddedError
from .places import Places, make_folder

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
MAX_LOG_BYTES = 10_000_000


class Program:
    """One program in a process group of its own, whose output goes to a log file.

    It holds a lock on a file that names its pid for as long as any process of its group lives. So a
    later owner finds what survived a killed one, and can trust the pid: a locked file's pid is not reused.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        places: Places,
        environment: Mapping[str, str] | None = None,
        stop_timeout_seconds: float = 10,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.environment = dict(environment or {})
        self.stop_timeout_seconds = stop_timeout_seconds
        self.log_path = places.folder / "log" / f"{name}.log"
        self.lock_path = places.folder / "programs" / f"{name}.pid"
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._pause_seconds = FIRST_PAUSE_SECONDS

    def start(self) -> None:
        """Start it; a survivor of an earlier owner is ended first, as it may run old code."""
        make_folder(self.lock_path.parent)
        make_folder(self.log_path.parent)
        self.end_survivor()
        self._shorten_log()
        with open(self.lock_path, "a") as lock, open(self.log_path, "ab") as log:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[lock.fileno()],  # the child's copy keeps the lock when ours is closed
            )
            lock.truncate(0)
            lock.write(str(self._process.pid))
        self._started_at = time.monotonic()

    def has_died(self) -> bool:
        """Whether it ended though nobody asked it to."""
        return self._process is not None and self._process.poll() is not None

    def is_ours(self) -> bool:
        """Whether it runs, and we started it."""
        return self._process is not None and self._process.poll() is None

    def seconds_until_restart(self) -> float:
        """How long to wait before starting it again: longer each time that it dies soon."""
        if time.monotonic() - self._started_at > STEADY_SECONDS:
            self._pause_seconds = FIRST_PAUSE_SECONDS
        pause, self._pause_seconds = self._pause_seconds, min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)
        return pause

    def is_alive(self) -> bool:
        """Whether any process of its group lives, whoever started it."""
        if self._process is not None:
            self._process.poll()
        return self.survivor() is not None

    def survivor(self) -> int | None:
        """Return the pid of its group if any process of it lives."""
        try:
            lock: IO[str] = open(self.lock_path)  # noqa: SIM115
        except FileNotFoundError:
            return None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                pid = lock.read().strip()
                if not pid.isdigit():
                    raise EmbeddedError(f"{self.name} runs, but {lock.name} does not name it.") from None
                return int(pid)
            return None

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the leader alone: Celery and uvicorn tell their children themselves."""
        if (pid := self.survivor()) is not None:
            _signal(os.kill, pid, signal.SIGTERM)

    def wait_or_kill(self, is_hurried: Callable[[], bool] = lambda: False) -> None:
        """Wait for its end; what is left of the group after the time, or in a hurry, is killed."""
        deadline = time.monotonic() + self.stop_timeout_seconds
        while self.is_alive() and time.monotonic() < deadline and not is_hurried():
            time.sleep(0.05)
        while (pid := self.survivor()) is not None:
            _signal(os.killpg, pid, signal.SIGKILL)
            time.sleep(0.05)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def end_survivor(self) -> None:
        self.ask_to_stop()
        self.wait_or_kill()

    def _shorten_log(self) -> None:
        if self.log_path.exists() and self.log_path.stat().st_size > MAX_LOG_BYTES:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))


def _signal(send: Callable[[int, int], None], pid: int, number: signal.Signals) -> None:
    # It may end by itself in this moment.
    with suppress(ProcessLookupError):
        send(pid, number)


class LogTail:
    """Reads what was added to a log since the last look."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._position = path.stat().st_size if path.exists() else 0

    def new_lines(self) -> list[str]:
        if not self.path.exists():
            return []
        size = self.path.stat().st_size
        if size < self._position:
            self._position = 0
        with open(self.path, "rb") as file:
            file.seek(self._position)
            content = file.read()
        complete, newline, _rest = content.rpartition(b"\n")
        self._position += len(complete) + len(newline)
        return complete.decode(errors="replace").split("\n") if newline else []
