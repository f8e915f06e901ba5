"""Gives each request an id, from the browser to the decision, and measures how long our answers take."""

import re
import time
import uuid
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse

from ecomai.registry.request_ids import current_request_id

HEADER = "X-Request-ID"
# What others sent is kept only if it can do no harm in a log line or a column.
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIdMiddleware:
    """Take the caller's `X-Request-ID`, or make one; keep it for logs, jobs and audit; answer with it.

    Put it first. Works under WSGI and ASGI.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if self.is_async:
            return self._answer_later(request)
        token = current_request_id.set(_request_id(request))
        started = time.perf_counter()
        try:
            response = self.get_response(request)
            return self._finish(request, response, started)
        finally:
            current_request_id.reset(token)

    async def _answer_later(self, request: HttpRequest) -> HttpResponse:
        token = current_request_id.set(_request_id(request))
        started = time.perf_counter()
        try:
            response = await self.get_response(request)
            return self._finish(request, response, started)
        finally:
            current_request_id.reset(token)

    def _finish(self, request: HttpRequest, response: HttpResponse, started: float) -> HttpResponse:
        response[HEADER] = current_request_id.get()
        _measure(request, response, time.perf_counter() - started)
        return response


def _request_id(request: HttpRequest) -> str:
    given = request.headers.get(HEADER, "")
    return given if _ACCEPTABLE.fullmatch(given) else uuid.uuid4().hex


def _measure(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    match = request.resolver_match
    if match is None or match.namespaces[:1] != ["ecomai"]:
        return
    from ecomai.console.metrics import observe_request

    observe_request(
        route=match.view_name, method=str(request.method), status=response.status_code, seconds=seconds
    )
