"""Where the embedded services keep their data and sockets, and as which user they run."""

import fcntl
import hashlib
import os
import pwd
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .exceptions import EmbeddedError

# A unix socket's path has at most 107 bytes; "/.s.PGSQL.5432" takes 14 of them.
MAX_SOCKET_FOLDER_BYTES = 93
# PostgreSQL refuses to run as root, so under root the first of these that exists owns it.
SERVICE_USERS = ("ecomai", "postgres", "nobody")


class Places:
    """The folders of one set of embedded services, all derived from the one given.

    Every process that is given the same folder finds the same sockets, started or not.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    @property
    def key(self) -> str:
        return hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]

    @property
    def service_folder(self) -> Path:
        """The folder of PostgreSQL; elsewhere than ours only if the service user could not reach ours."""
        if is_root() and not is_reachable_by_all(self.folder):
            return Path("/var/lib/ecomai-embedded") / self.key
        return self.folder

    @property
    def runtime_folder(self) -> Path:
        """The folder of the sockets, moved to a short path if the service folder's own is too long."""
        usual = self.service_folder / "run"
        if len(os.fsencode(usual / "postgres")) <= MAX_SOCKET_FOLDER_BYTES:
            return usual
        return Path(tempfile.gettempdir()).resolve() / f"ecomai-{os.getuid()}-{self.key}"

    @property
    def postgres_socket(self) -> Path:
        return self.runtime_folder / "postgres"

    @property
    def redis_socket(self) -> Path:
        return self.runtime_folder / "redis" / "redis.sock"

    def database_url(self, name: str = "ecomai") -> str:
        return f"postgres://postgres@{str(self.postgres_socket).replace('/', '%2F')}/{name}"

    def broker_url(self, database: int = 0) -> str:
        return f"redis+socket://{self.redis_socket}?virtual_host={database}"

    def redis_url(self, database: int = 0) -> str:
        return f"unix://{self.redis_socket}?db={database}"


def is_root() -> bool:
    return os.geteuid() == 0


def is_reachable_by_all(folder: Path) -> bool:
    """Whether any user may pass through the folders above; what does not exist yet will be made so."""
    existing = [path for path in (folder, *folder.parents) if path.exists()]
    return all(path.stat().st_mode & stat.S_IXOTH for path in existing)


def service_user(data: Path) -> dict[str, Any]:
    """Return what `subprocess` needs to run PostgreSQL: nothing, or under root a fixed other user.

    An existing cluster keeps its owner, so that a user added later changes nothing.
    """
    if not is_root():
        return {}
    if data.exists():
        entry = pwd.getpwuid(data.stat().st_uid)
    else:
        known = {user.pw_name: user for user in pwd.getpwall()}
        names = [name for name in SERVICE_USERS if name in known]
        if not names:
            raise EmbeddedError(
                "PostgreSQL cannot run as root. Start as another user, "
                f"or create one of the users {', '.join(SERVICE_USERS)}."
            )
        entry = known[names[0]]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def make_folder(folder: Path, *, as_user: dict[str, Any] | None = None, mode: int = 0o700) -> Path:
    """Make a folder of the given owner and mode, and refuse one that somebody else put there."""
    owner = (as_user or {}).get("user", os.geteuid())
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (owner, os.geteuid()):
            raise EmbeddedError(
                f"{folder} belongs to another user. Start as the same user as before, or remove it."
            ) from None
    if is_root():
        os.chown(folder, owner, (as_user or {}).get("group", os.getegid()))
    folder.chmod(mode)
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one process at a time through; the kernel frees the lock however the process ends."""
    with open(path, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Usage:
    """Who uses a service: every user holds a shared lock, which ends with the process, even by kill -9."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: Any = None

    def begin(self) -> None:
        if self._file is None:
            self._file = open(self.path, "a")  # noqa: SIM115 - held open for as long as the service is used
            fcntl.flock(self._file, fcntl.LOCK_SH)

    def end(self) -> bool:
        """Give the share back and say whether nobody else has one; call it under the service's start lock."""
        if self._file is None:
            self._file = open(self.path, "a")  # noqa: SIM115
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            return True
        finally:
            self._file.close()
            self._file = None
