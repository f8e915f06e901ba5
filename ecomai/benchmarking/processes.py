"""The measured web process, and those who call it."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np

START_SECONDS = 60


def resident_mb() -> float:
    """Resident memory of this process in megabytes; Linux alone says it without a package."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass
class Server:
    """One that answers at a port of this machine."""

    port: int

    def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Any:
        """Send one request and return its JSON; raises where it did not succeed."""
        client = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            client.request(method, path, body=body or None, headers=dict(headers or {}))
            response = client.getresponse()
            text = response.read()
        finally:
            client.close()
        if response.status >= 400:
            raise RuntimeError(f"{method} {path} answered {response.status}: {text[:500]!r}")
        return json.loads(text)


class WebProcess(Server):
    """`ecomai.benchmarking.site` under uvicorn with one worker."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(_free_port())
        self._environment = dict(environment)
        self._start()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)

    def restart(self, *, down: float = 0.0) -> None:
        """Stop the worker and start it at the same address after `down` seconds."""
        self.stop()
        time.sleep(down)
        self._start()

    def _start(self) -> None:
        command = [sys.executable, "-m", "uvicorn", "ecomai.benchmarking.site:application",
                   "--port", str(self.port), "--log-level", "warning", "--no-access-log",
                   "--timeout-graceful-shutdown", "5"]  # fmt: skip
        self._process = subprocess.Popen(command, env=self._environment)
        try:
            _wait_for(self.port, self._process)
        except RuntimeError:
            self.stop()
            raise


@contextmanager
def web_process(environment: Mapping[str, str]) -> Iterator[WebProcess]:
    """Run a web process while the block runs."""
    server = WebProcess(environment)
    try:
        yield server
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError("The web process ended before it served; its reason is above.")
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("The web process did not start in time.")


@dataclass
class Load:
    """What callers saw, of one address, over all its turns; `durations_ms` is what `Server-Timing` says."""

    latencies_ms: np.ndarray
    seconds: float
    n_failed: int
    n_marked: int
    durations_ms: np.ndarray

    @property
    def per_second(self) -> float:
        return len(self.latencies_ms) / self.seconds

    def percentile(self, share: float) -> float:
        return float(np.percentile(self.latencies_ms, share))

    def __add__(self, other: "Load") -> "Load":
        return Load(
            np.concatenate([self.latencies_ms, other.latencies_ms]),
            self.seconds + other.seconds,
            self.n_failed + other.n_failed,
            self.n_marked + other.n_marked,
            np.concatenate([self.durations_ms, other.durations_ms]),
        )


def put_load(
    server: Server, requests: Sequence[bytes], *, connections: int, seconds: float, marker: str = ""
) -> Load:
    """Send requests over keep-alive connections for some seconds, from a process of its own.

    `n_marked` counts answers that contain `marker`.
    """
    order = {"port": server.port, "connections": connections, "seconds": seconds, "marker": marker,
             "requests": [request.decode("latin-1") for request in requests]}  # fmt: skip
    command = [sys.executable, "-m", "ecomai.benchmarking.callers"]
    done = subprocess.run(command, input=json.dumps(order), capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout)
    return Load(
        np.array(seen["latencies_ms"]), seen["seconds"], seen["n_failed"], seen["n_marked"],
        np.array(seen["durations_ms"]),
    )  # fmt: skip


def raw_request(
    method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def load_average() -> float:
    """How many processes of the machine wanted a core in the last minute: say it beside each figure."""
    return round(os.getloadavg()[0], 2)
