"""Asks an OpenAI-compatible server (vLLM and its like) for chat completions, within time and budget."""

import http.client
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ecomai.addresses import PORTS, connect, path_of
from ecomai.generation import budget
from ecomai.generation.app_settings import app_settings
from ecomai.generation.exceptions import ComposerAwayError

from .base import Composer, Composition, CompositionRequest, Piece, messages_of, texts_of_answer

logger = logging.getLogger(__name__)
MAX_BYTES = 1_000_000
REACHABLE_SECONDS = 2.0
FIRST_PAUSE_SECONDS = 0.5
#: Letters of a token, at least: budgets reckon with the worst before, and are settled by what was used.
LETTERS_PER_TOKEN = 2
UNREACHABLE = "unreachable"


class _AskAgain(Exception):  # noqa: N818  (handled where it is raised for)
    """The server was away, busy or answered nonsense: it may do better the next time."""


@dataclass(frozen=True)
class _Answer:
    text: str
    n_tokens: int | None


class RemoteComposer(Composer):
    name = "remote"
    streams = True

    def compose(self, request: CompositionRequest) -> Composition:
        """Ask, again where that may help. Raises ComposerAwayError, BudgetSpentError."""

        def read(text: str) -> tuple[str, ...]:
            return texts_of_answer(text, request.n_texts)

        found = list(self._pieces(_body(request), _ask, is_answer=lambda text: bool(read(text))))
        return Composition(
            texts=read("".join(piece.text for piece in found)),
            n_tokens=sum(piece.n_tokens for piece in found),
        )

    def stream(self, request: CompositionRequest) -> Iterator[Piece]:
        """Ask, and yield words as they come. Raises ComposerAwayError, BudgetSpentError."""
        return self._pieces(_body(request, is_streamed=True), _ask_streamed, is_answer=bool)

    def _pieces(
        self, body: bytes, ask: Callable[[bytes], Iterator[_Answer]], *, is_answer: Callable[[str], bool]
    ) -> Iterator[Piece]:
        """Ask within the budget, again as long as nothing has come, and yield what is an answer."""
        estimate = len(body) // LETTERS_PER_TOKEN + app_settings.MAX_NEW_TOKENS
        cause = ""
        for n_tried in range(app_settings.REMOTE_RETRIES + 1):
            if n_tried:
                time.sleep(FIRST_PAUSE_SECONDS * 2 ** (n_tried - 1))
            budget.reserve(self.name, estimate)
            # A server that broke off may have worked for it: what was reserved stays spent.
            used, has_begun = estimate, False
            try:
                for answer in ask(body):
                    used = estimate if answer.n_tokens is None else answer.n_tokens
                    if is_answer(answer.text):
                        has_begun = True
                        yield Piece(text=answer.text)
                if has_begun:
                    yield Piece(text="", n_tokens=used)
                    return
                cause = "empty answer"
            except _AskAgain as error:
                cause = str(error)
                used = 0 if cause == UNREACHABLE else estimate
                if has_begun:
                    break
            finally:
                budget.settle(self.name, reserved=estimate, used=used)
        logger.warning("The remote composer gave no whole answer: %s.", cause)
        raise ComposerAwayError(composer=self.name, cause=cause)


def _body(request: CompositionRequest, *, is_streamed: bool = False) -> bytes:
    asked: dict[str, Any] = {
        "model": app_settings.REMOTE_MODEL, "messages": messages_of(request, is_streamed=is_streamed),
        "max_tokens": app_settings.MAX_NEW_TOKENS, "temperature": app_settings.TEMPERATURE,
    }  # fmt: skip
    if is_streamed:
        asked |= {"stream": True, "stream_options": {"include_usage": True}}
    return json.dumps(asked).encode()


def _ask(body: bytes) -> Iterator[_Answer]:
    """Yield what comes, all at once."""
    with _answering(body) as (response, chunks):
        yield _judged(response.status, b"".join(chunks))


def _ask_streamed(body: bytes) -> Iterator[_Answer]:
    """Yield what comes, a server-sent event each; a server that cannot stream says all at once."""
    with _answering(body) as (response, chunks):
        is_streamed = response.headers.get_content_type() == "text/event-stream"
        if response.status != 200 or not is_streamed:
            yield _judged(response.status, b"".join(chunks))
            return
        for line in _lines(chunks):
            if line.startswith(b"data:") and (content := line[5:].strip()) != b"[DONE]":
                yield _part(content)


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    left = b""
    for chunk in chunks:
        *whole, left = (left + chunk).split(b"\n")
        yield from whole
    yield left


def _part(content: bytes) -> _Answer:
    """Return what an event adds: words, or at the end what was used."""
    try:
        event: Any = json.loads(content)
        choices = event.get("choices") or [{}]
        text = (choices[0].get("delta") or {}).get("content") or ""
        used = (event.get("usage") or {}).get("total_tokens")
    except (ValueError, IndexError, TypeError, AttributeError) as error:
        raise _AskAgain("nonsense") from error
    return _Answer(text if isinstance(text, str) else "", _counted(used))


@contextmanager
def _answering(body: bytes) -> Iterator[tuple[http.client.HTTPResponse, Iterator[bytes]]]:
    """Open an answer, and let its bytes be read as they come; faults on the way are `_AskAgain`."""
    parts = urlsplit(f"{app_settings.REMOTE_URL.rstrip('/')}/chat/completions")
    if parts.scheme not in PORTS or not parts.hostname:
        raise ComposerAwayError(composer=RemoteComposer.name, cause="bad address")
    headers = {"Content-Type": "application/json", "User-Agent": "ecomai"}
    headers["Accept"] = "application/json, text/event-stream"
    if app_settings.REMOTE_KEY:
        headers["Authorization"] = f"Bearer {app_settings.REMOTE_KEY}"
    deadline = time.monotonic() + app_settings.REMOTE_TIMEOUT_SECONDS
    try:
        # The address is the operator's own setting, and such servers mostly stand in the shop's own network.
        connection = connect(parts, timeout_seconds=app_settings.REMOTE_TIMEOUT_SECONDS, may_be_private=True)
    except OSError as error:
        raise _AskAgain(UNREACHABLE) from error
    try:
        connection.request("POST", path_of(parts), body=body, headers=headers)
        response = connection.getresponse()
        yield response, _chunks(response, connection, deadline)
    except TimeoutError as error:
        raise _AskAgain("too slow") from error
    except (OSError, http.client.HTTPException) as error:
        raise _AskAgain("broken off") from error
    finally:
        connection.close()


def _chunks(
    response: http.client.HTTPResponse, connection: http.client.HTTPConnection, deadline: float
) -> Iterator[bytes]:
    n_read = 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if connection.sock is not None:
            connection.sock.settimeout(left)
        chunk = response.read1(65_536)
        if not chunk:
            return
        n_read += len(chunk)
        if n_read > MAX_BYTES:
            raise _AskAgain("answer too large")
        yield chunk


def _judged(status: int, content: bytes) -> _Answer:
    """Return what a server said; raises _AskAgain, or ComposerAwayError where asking again cannot help."""
    if status == 429 or status >= 500:
        raise _AskAgain(f"status {status}")
    if status != 200:
        raise ComposerAwayError(composer=RemoteComposer.name, cause=f"status {status}")
    try:
        answer: Any = json.loads(content)
        text = answer["choices"][0]["message"]["content"]
        used = (answer.get("usage") or {}).get("total_tokens")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise _AskAgain("nonsense") from error
    if not isinstance(text, str):
        raise _AskAgain("nonsense")
    return _Answer(text, _counted(used))


def _counted(used: Any) -> int | None:
    return used if isinstance(used, int) and 0 <= used < 10**9 else None


def is_reachable() -> bool:
    """Whether something listens there; nothing is asked of it, so nothing is paid."""
    parts = urlsplit(app_settings.REMOTE_URL)
    if parts.scheme not in PORTS or not parts.hostname:
        return False
    try:
        connect(parts, timeout_seconds=REACHABLE_SECONDS, may_be_private=True).close()
    except OSError:
        return False
    return True
