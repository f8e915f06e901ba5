"""What `manage.py compare_pages` compares: the demo shop with ecomai, and the same shop without."""

from collections.abc import Callable

from django.db import connection
from django.http import HttpRequest, HttpResponse

HEADER = "X-Queries"


class QueryCounter:
    """Says in a header how many queries a page took."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.n_queries = 0
        with connection.execute_wrapper(self._count):
            response = self.get_response(request)
        response[HEADER] = str(self.n_queries)
        return response

    def _count(self, execute: Callable, sql: str, *rest: object) -> object:
        self.n_queries += not sql.startswith(("SAVEPOINT", "RELEASE"))
        return execute(sql, *rest)
