"""A fresh Oscar shop that performs blocks of the guide, in an environment and on services of its own."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psycopg

from tests.clean_environment import CleanEnvironment

from .guide import Block

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
COLUMNS = (
    "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
    "WHERE table_schema = 'public' ORDER BY 1, 2"
)

CONTENT = "count(*), md5(coalesce(string_agg(t::text, '' ORDER BY t::text), ''))"


class Shop:
    """A project folder, and how its developer works in it."""

    def __init__(self, folder: Path, clean: CleanEnvironment, **environment: str) -> None:
        self.folder = folder
        self.seconds: dict[str, float] = {}
        self.environment = {
            "PATH": clean.path,
            "HOME": str(folder.parent),
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "OMP_NUM_THREADS": "1",
            **environment,
        }
        self._programs: list[subprocess.Popen[bytes]] = []

    def perform(self, block: Block) -> str:
        """Do what a block says: write its file, or run its lines; return what they printed."""
        started = time.monotonic()
        if block.file:
            printed = self._write(block)
        elif block.language == "console":
            printed = "".join(self.run(command) for command in block.commands)
        else:
            assert block.language == "python", block
            printed = self.run_python(block.text)
        label = f"{block.step}. {block.section}" if block.step else block.section
        self.seconds[label] = self.seconds.get(label, 0) + time.monotonic() - started
        return printed

    def _write(self, block: Block) -> str:
        path = self.folder / block.file
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text() if path.exists() and path.suffix == ".py" else ""
        path.write_text(f"{before}\n{block.content}" if before else block.content)
        return ""

    def run(self, command: str) -> str:
        """Run a line of a terminal; one that stays (a worker) goes on in the background."""
        if command.startswith("celery"):
            return self._start(command)
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=3600,
        )  # fmt: skip
        assert done.returncode == 0, f"$ {command}\n{done.stdout[-5000:]}{done.stderr[-5000:]}{self.log()}"
        return done.stdout

    def run_python(self, code: str) -> str:
        done = subprocess.run(
            ["python", "manage.py", "shell", "-v", "0", "-c", code], cwd=self.folder, env=self.environment,
            capture_output=True, text=True, timeout=3600,
        )  # fmt: skip
        assert done.returncode == 0, f"{code}\n{done.stdout[-3000:]}{done.stderr[-5000:]}"
        return done.stdout

    def _start(self, command: str) -> str:
        log = self.folder / f"terminal-{len(self._programs)}.log"
        with log.open("wb") as file:
            self._programs.append(
                subprocess.Popen(
                    ["bash", "-c", f"exec {command}"], cwd=self.folder, env=self.environment,
                    stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
                )
            )  # fmt: skip
        return ""

    def log(self) -> str:
        """The ends of what background programs printed."""
        return "".join(
            f"\n-- {path.name}\n{path.read_text(errors='replace')[-1500:]}"
            for path in sorted(self.folder.glob("terminal-*.log"))
        )

    def stop(self) -> None:
        """Stop workers and beat in peace."""
        for program in self._programs:
            program.send_signal(signal.SIGTERM)
        for program in self._programs:
            try:
                program.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(program.pid, signal.SIGKILL)
                program.wait(10)
        self._programs.clear()

    # -- its database --------------------------------------------------------------------------------

    def _link(self) -> "psycopg.Connection[tuple]":
        return psycopg.connect(self.environment["SHOP_DATABASE_URL"], autocommit=True)

    def columns(self) -> list[tuple]:
        with self._link() as link:
            return link.execute(COLUMNS).fetchall()

    def digests(self, *, leave_out: tuple[str, ...] = ()) -> dict[str, tuple]:
        """Number of rows and a hash of them, by table."""
        with self._link() as link:
            names = [name for (name,) in link.execute(TABLES).fetchall() if not name.startswith(leave_out)]
            return {name: link.execute(f'SELECT {CONTENT} FROM "{name}" t').fetchone() for name in names}
