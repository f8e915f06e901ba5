"""A prompt that is shipped, and a language model server on this machine that says what a test wants."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.cache import cache

from ecomai.generation import prompts
from ecomai.generation.prompts import PromptSpec, Wording


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def shipped(monkeypatch) -> PromptSpec:
    spec = PromptSpec(
        "test.title", "Test title",
        {"en": Wording("{title} by {brand}\n\n{title}, {colour}", "Write a title.")},
    )  # fmt: skip
    monkeypatch.setitem(prompts._specs, spec.name, spec)
    return spec


class Server:
    """`answers` are given one after another, the last one again and again; `asked` is what came in."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.released = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.asked.append(json.loads(body))
                server.headers.append(dict(self.headers))
                place = min(len(server.asked), len(server.answers)) - 1
                server.answers[place](self)

            def log_message(self, *args: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def says(self, text: Any, *, n_tokens: int | None = 100) -> Callable[[Any], None]:
        usage = {} if n_tokens is None else {"usage": {"total_tokens": n_tokens}}
        return self.sends({"choices": [{"message": {"role": "assistant", "content": text}}], **usage})

    def sends(self, answer: Any, *, status: int = 200) -> Callable[[Any], None]:
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()

        def send(handler: Any) -> None:
            handler.send_response(status)
            handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            handler.wfile.write(content)

        return send

    def hangs(self, *, drips: bool = False) -> Callable[[Any], None]:
        def hang(handler: Any) -> None:
            if drips:
                handler.send_response(200)
                handler.end_headers()
            until = time.monotonic() + 20
            while not self.released.wait(0.05) and time.monotonic() < until:
                if drips:
                    handler.wfile.write(b" ")
                    handler.wfile.flush()

        return hang

    def breaks_off(self, handler: Any) -> None:
        handler.connection.close()


@pytest.fixture
def server(settings) -> Iterator[Server]:
    server = Server()
    settings.ECOMAI = settings.ECOMAI | {
        "GENERATION": {
            "COMPOSER": "remote", "REMOTE_URL": server.url, "REMOTE_MODEL": "tiny", "REMOTE_KEY": "secret",
            "REMOTE_TIMEOUT_SECONDS": 0.5, "REMOTE_RETRIES": 1, "MAX_NEW_TOKENS": 50,
        }
    }  # fmt: skip
    yield server
    server.released.set()
    server.http.shutdown()
    server.http.server_close()
