"""What `manage.py compare_pages` compares: the demo shop with ecomai, and the same shop without."""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest import mock

from django.db import connection
from django.http import HttpRequest, HttpResponse

HEADER = "X-Queries"
TRANSACTIONS = ("SAVEPOINT", "RELEASE", "ROLLBACK")


class QueryCounter:
    """Says in a header how many queries a page took, on Django's connection and on ecomai's own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.n_queries = 0
        with ExitStack() as stack:
            stack.enter_context(connection.execute_wrapper(self._count))
            if reading := sys.modules.get("ecomai.reading"):
                asked = reading._read_warm
                stack.enter_context(mock.patch.object(reading, "_read_warm", self._counted(asked)))
            response = self.get_response(request)
        response[HEADER] = str(self.n_queries)
        return response

    def _count(self, execute: Callable, sql: str, *rest: Any) -> Any:
        self.n_queries += not sql.startswith(TRANSACTIONS)
        return execute(sql, *rest)

    def _counted(self, ask: Callable) -> Callable:
        def ask_and_count(*values: Any) -> Any:
            self.n_queries += 1
            return ask(*values)

        return ask_and_count
