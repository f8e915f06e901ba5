"""Callers on keep-alive connections; `python -m ecomai.benchmarking.callers` with an order on standard input.

A process of its own, one thread and no HTTP library, so that asking costs as little as it can of the
cores that the answers need.
"""

import json
import re
import selectors
import socket
import sys
import time
from itertools import cycle
from typing import Any

_TIMING = re.compile(rb"[Ss]erver-[Tt]iming: [^\r]*?dur=([\d.]+)")


class Caller:
    """One connection that asks again as soon as it is answered."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.asked_at = 0.0

    def ask(self, request: bytes) -> None:
        self.received = b""
        self.asked_at = time.perf_counter()
        self.socket.sendall(request)

    def read(self) -> bool:
        """Read what is there; whether the answer is complete."""
        part = self.socket.recv(262_144)
        if not part:
            raise ConnectionError("The server closed a connection.")
        self.received += part
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator:
            return False
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        return len(body) >= int(length)


def call(order: dict[str, Any]) -> dict[str, Any]:
    requests = cycle([request.encode("latin-1") for request in order["requests"]])
    marker = order["marker"].encode()
    ready = selectors.DefaultSelector()
    started = time.perf_counter()
    for _number in range(order["connections"]):
        caller = Caller(order["port"])
        ready.register(caller.socket, selectors.EVENT_READ, caller)
        caller.ask(next(requests))
    latencies: list[float] = []
    durations: list[float] = []
    n_failed = n_marked = 0
    while (now := time.perf_counter()) - started < order["seconds"]:
        for key, _events in ready.select(timeout=1):
            caller = key.data
            if not caller.read():
                continue
            latencies.append(round((time.perf_counter() - caller.asked_at) * 1000, 3))
            n_failed += not caller.received.startswith(b"HTTP/1.1 200")
            n_marked += bool(marker) and marker in caller.received
            if timing := _TIMING.search(caller.received):
                durations.append(float(timing[1]))
            caller.ask(next(requests))
    return {
        "latencies_ms": latencies, "durations_ms": durations, "seconds": now - started,
        "n_failed": n_failed, "n_marked": n_marked,
    }  # fmt: skip


if __name__ == "__main__":
    json.dump(call(json.load(sys.stdin)), sys.stdout)
