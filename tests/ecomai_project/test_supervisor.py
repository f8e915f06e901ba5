"""The supervisor: order of start and stop, restarts, survivors of a crash, one at a time."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecomai_project.embedded.exceptions import EmbeddedError
from ecomai_project.embedded.places import Places
from ecomai_project.embedded.programs import LogTail, Program
from ecomai_project.embedded.redis import Redis
from ecomai_project.embedded.supervisor import Supervisor, require_free_port
from tests.workers import wait_until

ROOT = Path(__file__).parents[2]
SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
OWNER = """
import sys
from pathlib import Path
from ecomai_project.embedded.places import Places
from ecomai_project.embedded.programs import Program
from ecomai_project.embedded.redis import Redis
from ecomai_project.embedded.supervisor import Supervisor
places = Places(Path(sys.argv[1]))
programs = [Program(name, [sys.executable, "-c", sys.argv[2]], places=places) for name in ("worker", "web")]
say = lambda name, text: print(f"{name}: {text}", flush=True)
supervisor = Supervisor(places, services=[Redis(places)], programs=programs, say=say)
with supervisor.in_charge():
    supervisor.start_services()
    supervisor.start_programs()
    print("all started", flush=True)
    supervisor.watch()
"""


@pytest.fixture
def places(short_folder: Path) -> Iterator[Places]:
    places = Places(short_folder)
    yield places
    for name in ("worker", "web", "other"):
        program = Program(name, [], places=places, stop_timeout_seconds=0)
        program.end_survivor()
    Redis(places).stop(force=True)


class Owner:
    """A supervisor in a process of its own, with what it says."""

    def __init__(self, places: Places, code: str = SLEEPER) -> None:
        self.log_path = places.folder / f"owner-{time.monotonic_ns()}.log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", OWNER, str(places.folder), code], cwd=ROOT, stdout=log, stderr=log
            )
        wait_until(lambda: "all started" in self.said() or self.process.poll() is not None, what="the start")

    def said(self) -> str:
        return self.log_path.read_text()

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(30)


@pytest.fixture
def owner(places: Places) -> Iterator[Owner]:
    owner = Owner(places)
    yield owner
    if owner.process.poll() is None:
        owner.end()


def pid_of(places: Places, name: str) -> int | None:
    return Program(name, [], places=places).survivor()


def is_running(pid: int) -> bool:
    return (
        Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split(") ")[1][:1]
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_everything_starts_in_order_and_stops_in_reverse(
    places: Places, owner: Owner, number: signal.Signals
) -> None:
    owner.end(number)

    steps = [line for line in owner.said().splitlines() if line.endswith((": started", ": stopped"))]
    assert steps == [
        "Redis: started", "worker: started", "web: started",
        "web: stopped", "worker: stopped", "Redis: stopped",
    ]  # fmt: skip
    assert pid_of(places, "worker") is pid_of(places, "web") is None
    assert not Redis(places).is_up()
    assert owner.process.returncode == 0


def test_killed_program_is_started_again_with_a_line_that_says_so(places: Places, owner: Owner) -> None:
    first = pid_of(places, "web")
    os.kill(first, signal.SIGKILL)

    wait_until(lambda: "web: started again" in owner.said())

    assert pid_of(places, "web") not in {None, first}
    assert "web: ended unasked" in owner.said()


def test_killed_service_is_started_again(places: Places, owner: Owner) -> None:
    os.kill(Redis(places)._client().info("server")["process_id"], signal.SIGKILL)

    wait_until(lambda: "Redis: does not answer" in owner.said() and Redis(places).is_up())


def test_successor_of_a_killed_supervisor_adopts_services_and_replaces_programs(
    places: Places, owner: Owner
) -> None:
    old = pid_of(places, "worker")
    owner.end(signal.SIGKILL)
    assert is_running(old)
    assert Redis(places).is_up()

    successor = Owner(places)

    assert "Redis: adopted" in successor.said()
    assert pid_of(places, "worker") not in {None, old}
    assert not is_running(old)
    successor.end()
    assert not Redis(places).is_up()


def test_second_supervisor_of_a_folder_is_refused_and_disturbs_nothing(places: Places, owner: Owner) -> None:
    before = pid_of(places, "web")

    second = Owner(places)

    assert second.process.wait(10) != 0
    assert "It runs already in this folder" in second.said()
    assert pid_of(places, "web") == before


def test_program_that_ignores_the_wish_to_stop_is_killed_sooner_by_a_second_ctrl_c(places: Places) -> None:
    owner = Owner(places, STUBBORN)
    wait_until(
        lambda: all((places.folder / "log" / f"{name}.log").stat().st_size for name in ("worker", "web"))
    )
    begin = time.monotonic()
    owner.process.send_signal(signal.SIGINT)
    time.sleep(1)

    owner.end(signal.SIGINT)

    assert time.monotonic() - begin < 8  # two programs, each allowed ten seconds
    assert pid_of(places, "worker") is pid_of(places, "web") is None


def test_pid_of_a_dead_program_is_never_signalled(places: Places) -> None:
    """The number in the file counts only while its lock is held; a stranger may have it by then."""
    program = Program("other", [sys.executable, "-c", "pass"], places=places)
    program.start()
    wait_until(program.has_died)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        program.lock_path.write_text(str(stranger.pid))

        program.end_survivor()

        assert stranger.poll() is None
        stranger.kill()


def test_whole_group_is_killed_when_its_leader_is_dead(places: Places) -> None:
    family = f"import subprocess; subprocess.Popen(['sleep', '600'], close_fds=False); {SLEEPER}"
    program = Program("other", [sys.executable, "-c", family], places=places, stop_timeout_seconds=0.5)
    program.start()
    wait_until(lambda: "up" in program.log_path.read_text())
    os.kill(program.survivor(), signal.SIGKILL)
    wait_until(program.has_died)
    assert program.is_alive()

    program.end_survivor()

    assert not program.is_alive()


def test_pauses_between_restarts_grow(places: Places) -> None:
    program = Program("other", [sys.executable, "-c", "pass"], places=places)
    program.start()

    assert [program.seconds_until_restart() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_log_is_followed_line_by_line(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("before\n")
    tail = LogTail(log)
    with log.open("a") as file:
        file.write("one\ntw")
    assert tail.new_lines() == ["one"]
    with log.open("a") as file:
        file.write("o\n")
    assert tail.new_lines() == ["two"]
    assert tail.new_lines() == []


def test_taken_port_is_said_before_the_web_server_fails(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EmbeddedError, match=f"Port {port} is taken"):
            require_free_port("127.0.0.1", port)


def test_failing_start_stops_what_was_started(places: Places) -> None:
    said: list[str] = []
    say: Callable[[str, str], None] = lambda name, text: said.append(f"{name}: {text}")  # noqa: E731
    supervisor = Supervisor(places, services=[Redis(places)], programs=[], say=say)

    def start_badly() -> None:
        with supervisor.in_charge():
            supervisor.start_services()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        start_badly()
    assert said == ["Redis: started", "Redis: stopped"]
