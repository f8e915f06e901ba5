"""`manage.py compare_pages`: what ecomai adds to Oscar's product page, also while its services are away."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count
from oscar.core.loading import get_model

from ecomai.commerce.visitors import SESSION_COOKIE
from ecomai_project.embedded.stack import needed_services
from oscar_shop.measuring import HEADER

# Nothing listens there: broker and cache are away, and no worker runs beside the measured processes.
NOWHERE = "redis://127.0.0.1:1/0"
SERVERS = {
    "without ecomai": ("without_ecomai", "oscar_shop.measuring.asgi", {}),
    "with ecomai": ("with_ecomai", "oscar_shop.asgi", {}),
    "services away": ("with_ecomai", "oscar_shop.asgi", {"REDIS_URL": NOWHERE, "CELERY_BROKER_URL": NOWHERE}),
}
N_PRODUCTS = 60
WARM_UP = 40


class Server:
    """One web process of its own settings, asked over one connection."""

    def __init__(self, module: str, application: str, environment: dict[str, str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [sys.executable, "-m", "uvicorn", f"{application}:application", "--port", str(self.port)]
        own = {"DJANGO_SETTINGS_MODULE": f"oscar_shop.measuring.{module}", **environment}
        self.process = subprocess.Popen(
            [*command, "--lifespan", "off", "--no-access-log", "--timeout-keep-alive", "300"],
            env={**os.environ, **own}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        self.times: list[float] = []
        self.queries: list[int] = []
        self.cpu_at_begin = 0.0

    def wait(self) -> None:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise CommandError("A web server does not answer.")

    def cpu_seconds(self) -> float:
        """Return the processor time it has used, which a busy machine hardly changes."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def figures(self) -> dict[str, float]:
        cpu_ms = (self.cpu_seconds() - self.cpu_at_begin) * 1000
        return {
            "cpu_ms": round(cpu_ms / len(self.times), 1),
            "p50_ms": round(median(self.times), 1),
            "p95_ms": round(quantiles(self.times, n=20)[-1], 1),
            "queries": int(median(self.queries)),
            "most_queries": max(self.queries),
        }

    def get(self, path: str, cookie: str, *, is_counted: bool) -> None:
        headers = {"Host": "127.0.0.1", "Cookie": cookie, "User-Agent": "Mozilla/5.0 (X11) Firefox/128.0"}
        begin = time.perf_counter()
        self.connection.request("GET", path, headers=headers)
        response = self.connection.getresponse()
        body = response.read()
        seconds = time.perf_counter() - begin
        if response.status != 200:
            raise CommandError(f"{path} answered {response.status}: {body[:200]!r}")
        if is_counted:
            self.times.append(seconds * 1000)
            self.queries.append(int(response.headers[HEADER]))


class Command(BaseCommand):
    help = (
        "Measures the product page of the demo shop (prepared by `make demo`) without ecomai, with it, and "
        "with its workers, broker and cache away, in turns. Prints milliseconds (cpu_ms: of the processor, a "
        "page), queries (of Django's connection and of ecomai's own), at last as "
        "JSON."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--requests", type=int, default=300, help="to each server, for each visitor")

    def handle(self, *args: Any, requests: int, **options: Any) -> None:
        services = needed_services()
        for service in services:
            service.start()
        try:
            customer = f"sessionid={self._session_of_a_customer()}; {SESSION_COOKIE}=a-measured-visit"
            visitors = {"anonymous visitor": "", "customer": customer}
            figures = {name: self._measure(cookie, requests) for name, cookie in visitors.items()}
        finally:
            for service in reversed(services):
                service.stop()
        for name, found in figures.items():
            self.stdout.write(f"{name}:")
            for server, values in found.items():
                self.stdout.write(f"  {server:<16} {values}")
        self.stdout.write(json.dumps(figures))

    def _measure(self, cookie: str, n_requests: int) -> dict[str, dict[str, float]]:
        paths = self._paths()
        with self._servers() as servers:
            for number in range(WARM_UP + n_requests):
                for server in servers.values():
                    if number == WARM_UP:
                        server.cpu_at_begin = server.cpu_seconds()
                    server.get(paths[number % len(paths)], cookie, is_counted=number >= WARM_UP)
            return {name: server.figures() for name, server in servers.items()}

    @contextmanager
    def _servers(self) -> Iterator[dict[str, Server]]:
        servers = {name: Server(*values) for name, values in SERVERS.items()}
        try:
            for server in servers.values():
                server.wait()
            yield servers
        finally:
            for server in servers.values():
                server.process.terminate()
                server.process.wait()

    def _paths(self) -> list[str]:
        products = get_model("catalogue", "Product").objects.browsable().order_by("pk")[:N_PRODUCTS]
        return [product.get_absolute_url() for product in products]

    def _session_of_a_customer(self) -> str:
        """Log the customer with most orders in, as the shop's login would."""
        users = get_user_model().objects.filter(is_staff=False).annotate(n_orders=Count("orders"))
        user = users.order_by("-n_orders", "pk").first()
        if user is None:
            raise CommandError("The shop is empty; `make demo` fills it.")
        session = SessionStore()
        session.update(
            {
                "_auth_user_id": str(user.pk),
                "_auth_user_backend": settings.AUTHENTICATION_BACKENDS[-1],
                "_auth_user_hash": user.get_session_auth_hash(),
                "consent": "granted",
            }
        )
        session.create()
        return str(session.session_key)
