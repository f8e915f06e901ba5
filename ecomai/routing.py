"""The sockets of the installed scenarios, for the shop's ASGI file."""

from collections.abc import Awaitable, Callable
from typing import Any

from django.urls import URLPattern
from django.utils.module_loading import import_string

from ecomai import scenarios

AsgiApplication = Callable[[Any, Any, Any], Awaitable[None]]


def websocket_urlpatterns() -> list[URLPattern]:
    """Return the routes that installed scenarios declare in `Scenario.websocket_urls`."""
    return [
        pattern
        for scenario in scenarios.installed()
        if scenario.websocket_urls
        for pattern in import_string(scenario.websocket_urls)
    ]


def with_sockets(application: AsgiApplication) -> AsgiApplication:
    """Return an ASGI application that answers our sockets, and leaves everything else to the shop's.

    In the shop's `asgi.py`: `application = with_sockets(application)`. Sockets are only taken from the
    shop's own `ALLOWED_HOSTS`, and know the shop's session and user.
    """
    patterns = websocket_urlpatterns()
    if not patterns:
        return application

    from channels.auth import AuthMiddlewareStack
    from channels.routing import URLRouter
    from channels.security.websocket import AllowedHostsOriginValidator

    ours = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(patterns)))

    async def route(scope: Any, receive: Any, send: Any) -> None:
        is_ours = scope["type"] == "websocket" and _leads_to(patterns, scope["path"])
        await (ours if is_ours else application)(scope, receive, send)

    return route


def _leads_to(patterns: list[URLPattern], path: str) -> bool:
    return any(pattern.resolve(path.lstrip("/")) for pattern in patterns)
