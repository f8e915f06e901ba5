"""`serving`: what its callers count, and that answers that failed are no figures."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from ecomai.benchmarking.processes import Server, put_load, raw_request
from recommendations.benchmarks import serving


class Answers(BaseHTTPRequestHandler):
    """One in `n_broken` recommendations fails; the rest of the addresses answer."""

    protocol_version = "HTTP/1.1"
    n_asked = 0
    n_broken = 3

    def do_GET(self):
        Answers.n_asked += "recommendations" in self.path
        is_broken = "recommendations" in self.path and Answers.n_asked % Answers.n_broken == 0
        body = b'{"source":"model","processor_seconds":1.0}'
        self.send_response(500 if is_broken else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Listener(ThreadingHTTPServer):
    request_queue_size = 64  # with the usual 5, some of 16 callers at once are turned away


@pytest.fixture
def server():
    with Listener(("127.0.0.1", 0), Answers) as listener:
        Thread(target=listener.serve_forever, daemon=True).start()
        yield Server(listener.server_port)
        listener.shutdown()


def test_callers_count_what_failed_and_what_came_from_the_model(server):
    asked = [raw_request("GET", "/ecomai/recommendations/")]
    load = put_load(server, asked, connections=2, seconds=1, marker='"source":"model"')
    n_answers = len(load.latencies_ms)
    assert n_answers > 3
    assert load.n_failed == pytest.approx(n_answers / 3, abs=3)
    assert load.n_marked == n_answers
    assert load.percentile(99) >= load.percentile(50) > 0


def test_a_broken_view_is_no_figure(server, monkeypatch):
    monkeypatch.setattr(serving, "SECONDS", 3)
    monkeypatch.setattr(Answers, "n_broken", 1)
    with pytest.raises(RuntimeError, match="requests failed"):
        serving._measured(server, [raw_request("GET", "/ecomai/recommendations/")])
    assert serving._measured(server, serving.CONSTANT).processor_ms == 0
