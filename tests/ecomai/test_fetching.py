"""Files from addresses that others wrote; the server is a real one, and private as tests' servers are."""

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ecomai.addresses import is_public
from ecomai.fetching import FetchError, fetch


class Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        name = self.path.partition("?")[0]
        if name == "/slow":
            self._send(200, {"Content-Length": "1000"})
            for _ in range(100):
                time.sleep(0.05)
                self.wfile.write(b".")
        elif name == "/endless":
            self._send(200)
            for _ in range(100):
                self.wfile.write(b"." * 1000)
        elif name == "/claims":
            self._send(200, {"Content-Length": "999999"})
        elif name.startswith("/to/"):
            self._send(302, {"Location": self.path.partition("?")[2] or "/to/again"})
        elif name == "/file":
            self._send(200)
            self.wfile.write(b"content")
        else:
            self._send(404)

    def _send(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def reason_of(url: str, *, max_bytes: int = 10_000, seconds: float = 5.0, own: tuple[str, ...] = ()) -> str:
    with pytest.raises(FetchError) as caught:
        fetch(url, max_bytes=max_bytes, timeout_seconds=seconds, own_hosts=own)
    return caught.value.reason


def test_a_file_of_an_own_host_is_fetched_also_by_way_of_a_redirect(site: str) -> None:
    for path in ("/file", "/to/it?/file"):
        assert fetch(f"http://{site}{path}", max_bytes=100, timeout_seconds=5, own_hosts=[site]) == b"content"


def test_private_addresses_are_refused_whatever_they_are_called(site: str) -> None:
    port = site.partition(":")[2]
    for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "169.254.169.254"):
        assert reason_of(f"http://{host}/file") == "private_address", host
    assert reason_of(f"http://127.0.0.1:{port}/file") == "bad_address"


def test_a_redirect_into_the_own_network_is_refused(site: str) -> None:
    assert reason_of(f"http://{site}/to/it?http://127.0.0.1/", own=(site,)) == "private_address"
    assert reason_of(f"http://{site}/to/it?file:///etc/passwd", own=(site,)) == "bad_address"


def test_a_name_is_looked_up_once_and_the_connection_goes_to_what_was_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that is public when it is judged and private a moment later gains nothing."""
    answers, connected = ["93.184.216.34", "127.0.0.1"], []

    def look_up(host: str, port: int, **kwargs: object) -> list[tuple]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers.pop(0), port))]

    def connect(address: tuple[str, int], **kwargs: object) -> None:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "create_connection", connect)
    assert reason_of("http://changes.example/file") == "unreachable"
    assert connected == ["93.184.216.34"]


def test_one_private_address_among_several_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", (address, 80)) for address in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    assert reason_of("http://both.example/") == "private_address"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://shop.example/a.png", "file:///etc/passwd", "//shop.example/a.png", "a.png", "http://",
        "http://user:secret@shop.example/a.png", "http://shop.example:6379/", "http://shop.example:x/",
        "http://shop.example/a b", "http://shop.example/\r\nX: y",
    ],
)  # fmt: skip
def test_what_is_no_plain_address_of_a_web_server_is_refused(url: str) -> None:
    assert reason_of(url) == "bad_address"


def test_size_and_time_are_bounded(site: str) -> None:
    own = (site,)
    assert reason_of(f"http://{site}/endless", own=own) == "too_large"
    assert reason_of(f"http://{site}/claims", own=own) == "too_large"
    began = time.monotonic()
    assert reason_of(f"http://{site}/slow", seconds=0.4, own=own) == "too_slow"
    assert time.monotonic() - began < 2


def test_a_server_that_has_no_such_file_or_goes_round_in_circles_is_named(site: str) -> None:
    assert reason_of(f"http://{site}/nothing", own=(site,)) == "refused"
    assert reason_of(f"http://{site}/to/again", own=(site,)) == "refused"
    assert reason_of("http://127.0.0.1:1/", own=("127.0.0.1:1",)) == "unreachable"


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "224.0.0.1",
        "fe80::1%eth0",
        "fc00::1",
        "2002:a00:1::",
        "64:ff9b::a00:1",
    ],
)  # fmt: skip
def test_these_are_not_of_the_open_internet(address: str) -> None:
    assert not is_public(address)
    assert is_public("2606:4700:4700::1111")
