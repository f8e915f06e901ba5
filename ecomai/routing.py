"""The sockets of the installed scenarios, for the shop's ASGI file."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from django.urls import URLPattern
from django.utils.module_loading import import_string

from ecomai import scenarios

AsgiApplication = Callable[[Any, Any, Any], Awaitable[None]]

logger = logging.getLogger(__name__)


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
    shop's own `ALLOWED_HOSTS`, and know the shop's session and user. A server that asks (ASGI's lifespan) is
    told that the process has started once it has read the live models, so that no customer waits for them.
    """
    patterns = websocket_urlpatterns()
    if not patterns:
        return application

    from channels.auth import AuthMiddlewareStack
    from channels.routing import URLRouter
    from channels.security.websocket import AllowedHostsOriginValidator

    ours = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(patterns)))

    async def route(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _follow_lifespan(application, scope, receive, send)
            return
        is_ours = scope["type"] == "websocket" and _leads_to(patterns, scope["path"])
        await (ours if is_ours else application)(scope, receive, send)

    return route


def _leads_to(patterns: list[URLPattern], path: str) -> bool:
    return any(pattern.resolve(path.lstrip("/")) for pattern in patterns)


async def _follow_lifespan(application: AsgiApplication, scope: Any, receive: Any, send: Any) -> None:
    """Let the shop's application follow a server's lifespan; where it knows none, as Django's, we do."""
    has_asked = False

    async def hear() -> Any:
        nonlocal has_asked
        has_asked = True
        event = await receive()
        if event["type"] == "lifespan.startup":
            await asyncio.to_thread(_read_models)
        return event

    try:
        await application(scope, hear, send)
    except Exception:
        if has_asked:
            raise
    event = "lifespan.shutdown" if has_asked else ""
    while event != "lifespan.shutdown":
        event = (await hear())["type"]
        await send({"type": f"{event}.complete"})


def _read_models() -> None:
    from channels.layers import get_channel_layer
    from django.db import connections

    from ecomai.serving import live

    try:
        live.refresh()
        get_channel_layer()
    except Exception:
        logger.exception("A web process has started without its models; the first who asks waits for them.")
    finally:
        connections.close_all()
