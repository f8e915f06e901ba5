"""What a person sees when a page cannot be made: no traceback, and what to do next."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

RETRY_AFTER_SECONDS = 30


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 503 while the database is away, else 500; the page itself asks no database."""
    is_away = isinstance(sys.exc_info()[1], (OperationalError, InterfaceError))
    page = render_to_string("ecomai_project/fault.html", {"is_away": is_away})
    if is_away:
        return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    return HttpResponse(page, status=500)
