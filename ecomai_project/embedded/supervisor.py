"""Starts services and programs in order, keeps them running, and stops them in reverse order."""

import fcntl
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Protocol

from .exceptions import EmbeddedError
from .places import Places, make_folder
from .programs import LogTail, Program

WATCH_SECONDS = 0.25
SERVICE_CHECK_SECONDS = 2.0


class Service(Protocol):
    """A server that may outlive us and be shared: PostgreSQL or Redis."""

    name: str

    def start(self) -> bool: ...

    def stop(self, *, force: bool = False) -> bool: ...

    def is_up(self) -> bool: ...


class Supervisor:
    """Owns services, then programs; `say` gets a line for people whenever something happens.

    Services that survived a crash of an earlier supervisor are adopted, programs are replaced.
    """

    def __init__(
        self,
        places: Places,
        *,
        services: Sequence[Service],
        programs: Sequence[Program],
        say: Callable[[str, str], None],
    ) -> None:
        self.places = places
        self.services = list(services)
        self.programs = list(programs)
        self.say = say
        self._is_stopping = False
        self._is_hurried = False
        self._restart_at: dict[str, float] = {}
        self._tails: list[tuple[Program, LogTail]] = []

    def start_services(self) -> None:
        for service in self.services:
            was_started = service.start()
            self.say(service.name, "started" if was_started else "adopted, it was running already")

    def start_programs(self, names: Sequence[str] = ()) -> None:
        """Start the programs named, or all; call it when the database is migrated."""
        for program in self.programs:
            if (not names or program.name in names) and not program.is_ours():
                self._tails.append((program, LogTail(program.log_path)))
                program.start()
                self.say(program.name, "started")

    def restart_programs(self) -> None:
        """Start those that run anew, so that they read the settings again."""
        for program in self.programs:
            if program.is_ours():
                program.end_survivor()
                program.start()

    @contextmanager
    def in_charge(self) -> Iterator[None]:
        """Be the only supervisor of this folder, and stop everything at the end.

        SIGINT and SIGTERM interrupt what is being done; another one while stopping hastens that.
        """
        make_folder(self.places.folder, mode=0o711)
        with only_one(self.places.folder / "supervisor.lock"), self._signals_caught():
            try:
                yield
            finally:
                self._is_stopping = True
                self.stop()

    @contextmanager
    def _signals_caught(self) -> Iterator[None]:
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self._on_signal) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def watch(self) -> None:
        """Show the programs' output and restart what dies, until a signal comes."""
        with suppress(KeyboardInterrupt):
            self._watch()

    def _watch(self) -> None:
        next_check = time.monotonic() + SERVICE_CHECK_SECONDS
        while True:
            if time.monotonic() >= next_check:
                self.mend_services()
                next_check = time.monotonic() + SERVICE_CHECK_SECONDS
            self.mend_programs()
            self.show_output()
            time.sleep(WATCH_SECONDS)

    def mend_services(self) -> None:
        for service in self.services:
            if not service.is_up():
                self.say(service.name, "does not answer; starting it again")
                self._start_again(service)

    def _start_again(self, service: Service) -> None:
        try:
            service.start()
        except EmbeddedError as error:  # tried again at the next look; the programs wait for it
            self.say(service.name, str(error))

    def mend_programs(self) -> None:
        now = time.monotonic()
        for program in self.programs:
            if program.has_died() and program.name not in self._restart_at:
                pause = program.seconds_until_restart()
                self._restart_at[program.name] = now + pause
                self.say(
                    program.name, f"ended unasked, starts again in {pause:.0f} s; see {program.log_path}"
                )
            if self._restart_at.get(program.name, now + 1) <= now:
                del self._restart_at[program.name]
                program.start()
                self.say(program.name, "started again")

    def show_output(self) -> None:
        for program, tail in self._tails:
            for line in tail.new_lines():
                self.say(program.name, line)

    def skip_output(self) -> None:
        """Leave what was written so far to the log files."""
        for _program, tail in self._tails:
            tail.new_lines()

    def stop(self) -> None:
        """Stop everything, last started first; services only if nobody else uses them."""
        for program in reversed(self.programs):
            if program.is_alive():
                program.ask_to_stop()
                program.wait_or_kill(is_hurried=lambda: self._is_hurried)
                self.say(program.name, "stopped")
        for service in reversed(self.services):
            self.say(service.name, "stopped" if service.stop() else "left running, others use it")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self._is_stopping:
            raise KeyboardInterrupt
        self._is_hurried = True


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Refuse a second supervisor of the same folder, which would replace the first one's programs."""
    with open(path, "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EmbeddedError("It runs already in this folder. Stop it there first, with Ctrl-C.") from None
        yield


def require_free_port(host: str, port: int) -> None:
    """Fail with a sentence before the web server would fail with a traceback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            message = f"Port {port} is taken. Choose another one, for example PORT={port + 1}."
            raise EmbeddedError(message) from error


def project_programs(
    places: Places, *, host: str, port: int, project: str = "ecomai_project"
) -> list[Program]:
    """Return a project's workers, beat and web server, in the order in which they start."""
    # Celery warns of root in six lines at each start; PostgreSQL, which root must not run, is not run by it.
    run = [sys.executable, "-W", "ignore:You're running the worker", "-m"]
    celery = [*run, "celery", "--quiet", "-A", project]
    worker = [*celery, "worker", "--concurrency", "1", "--without-gossip", "--without-mingle", "-l", "INFO"]
    web = [*run, "uvicorn", f"{project}.asgi:application", "--host", host, "--port", str(port)]
    limits = ["--lifespan", "off", "--ws-max-size", "1048576", "--timeout-graceful-shutdown", "5"]
    return [
        Program("worker", [*worker, "-Q", "default", "-n", "default@%h"], places=places),
        Program("trainer", [*worker, "-Q", "gpu", "-n", "gpu@%h"], places=places),
        Program("beat", [*celery, "beat", "--loglevel", "INFO"], places=places),
        Program("web", [*web, *limits, "--no-access-log"], places=places),
    ]
