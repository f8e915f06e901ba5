"""Asks an OpenAI-compatible server (vLLM and its like) for chat completions, within time and budget."""

import http.client
import json
import logging
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ecomai.addresses import PORTS, connect, path_of
from ecomai.generation import budget
from ecomai.generation.app_settings import app_settings
from ecomai.generation.exceptions import ComposerAwayError

from .base import Composer, Composition, CompositionRequest, messages_of, texts_of_answer

logger = logging.getLogger(__name__)
MAX_BYTES = 1_000_000
REACHABLE_SECONDS = 2.0
FIRST_PAUSE_SECONDS = 0.5
#: Letters of a token, at least: budgets reckon with the worst before, and are settled by what was used.
LETTERS_PER_TOKEN = 2


class _AskAgain(Exception):  # noqa: N818  (handled where it is raised for)
    """The server was away, busy or answered nonsense: it may do better the next time."""


@dataclass(frozen=True)
class _Answer:
    text: str
    n_tokens: int | None


class RemoteComposer(Composer):
    name = "remote"

    def compose(self, request: CompositionRequest) -> Composition:
        """Ask, again where that may help. Raises ComposerAwayError, BudgetSpentError."""
        body = _body(request)
        estimate = len(body) // LETTERS_PER_TOKEN + app_settings.MAX_NEW_TOKENS
        cause = ""
        for n_tried in range(app_settings.REMOTE_RETRIES + 1):
            if n_tried:
                time.sleep(FIRST_PAUSE_SECONDS * 2 ** (n_tried - 1))
            budget.reserve(self.name, estimate)
            try:
                answer = _ask(body)
            except _AskAgain as error:
                cause = str(error)
                # A server that broke off may have worked for it: what was reserved stays spent.
                if cause == "unreachable":
                    budget.settle(self.name, reserved=estimate, used=0)
                continue
            used = estimate if answer.n_tokens is None else answer.n_tokens
            budget.settle(self.name, reserved=estimate, used=used)
            texts = texts_of_answer(answer.text, request.n_texts)
            if texts:
                return Composition(texts=texts, n_tokens=used)
            cause = "empty answer"
        logger.warning("The remote composer gave no answer: %s.", cause)
        raise ComposerAwayError(composer=self.name, cause=cause)


def _body(request: CompositionRequest) -> bytes:
    return json.dumps(
        {
            "model": app_settings.REMOTE_MODEL, "messages": messages_of(request),
            "max_tokens": app_settings.MAX_NEW_TOKENS, "temperature": app_settings.TEMPERATURE,
        }
    ).encode()  # fmt: skip


def _ask(body: bytes) -> _Answer:
    parts = urlsplit(f"{app_settings.REMOTE_URL.rstrip('/')}/chat/completions")
    if parts.scheme not in PORTS or not parts.hostname:
        raise ComposerAwayError(composer=RemoteComposer.name, cause="bad address")
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "ecomai"}
    if app_settings.REMOTE_KEY:
        headers["Authorization"] = f"Bearer {app_settings.REMOTE_KEY}"
    deadline = time.monotonic() + app_settings.REMOTE_TIMEOUT_SECONDS
    try:
        # The address is the operator's own setting, and such servers mostly stand in the shop's own network.
        connection = connect(parts, timeout_seconds=app_settings.REMOTE_TIMEOUT_SECONDS, may_be_private=True)
    except OSError as error:
        raise _AskAgain("unreachable") from error
    try:
        connection.request("POST", path_of(parts), body=body, headers=headers)
        response = connection.getresponse()
        content = _read(response, connection, deadline)
    except TimeoutError as error:
        raise _AskAgain("too slow") from error
    except (OSError, http.client.HTTPException) as error:
        raise _AskAgain("broken off") from error
    finally:
        connection.close()
    return _judged(response.status, content)


def _read(
    response: http.client.HTTPResponse, connection: http.client.HTTPConnection, deadline: float
) -> bytes:
    content = bytearray()
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if connection.sock is not None:
            connection.sock.settimeout(left)
        chunk = response.read1(65_536)
        if not chunk:
            return bytes(content)
        content += chunk
        if len(content) > MAX_BYTES:
            raise _AskAgain("answer too large")


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
    return _Answer(text, used if isinstance(used, int) and 0 <= used < 10**9 else None)


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
