"""`manage.py embedded up|down|status|run|forget`: the embedded services, and the project on them."""

import shutil
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.utils.translation import gettext as _

from ecomai_project.embedded.exceptions import EmbeddedError
from ecomai_project.embedded.stack import needed_services
from ecomai_project.embedded.supervisor import Supervisor, project_programs, require_free_port

# What the services, the demo shop and the registry put below the folder.
KEPT_FOLDERS = ("postgres", "redis", "run", "log", "programs", "shop", "media", "search", "mail", "ecomai")


class Command(BaseCommand):
    help = "Starts and stops the embedded PostgreSQL and Redis; `run` serves the whole project."
    requires_system_checks = []  # some checks ask the database, which is what we are here to start

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["up", "down", "status", "run", "forget"])
        parser.add_argument("--host", default="127.0.0.1", help="where the web server listens (run)")
        parser.add_argument("--port", type=int, default=8000, help="where the web server listens (run)")
        parser.add_argument("--force", action="store_true", help="stop services that others use, too (down)")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        if not hasattr(settings, "EMBEDDED"):
            raise CommandError(_("Embedded services need ecomai_project.settings.embedded."))
        try:
            getattr(self, action)(**options)
        except EmbeddedError as error:
            raise CommandError(str(error)) from error

    def up(self, **options: Any) -> None:
        for service in needed_services():
            self._say(service.name, _("started") if service.start() else _("runs already"))

    def down(self, *, force: bool, **options: Any) -> None:
        for service in reversed(needed_services()):
            is_stopped = service.stop(force=force)
            self._say(service.name, _("stopped") if is_stopped else _("left running: others use it"))

    def status(self, **options: Any) -> None:
        """Print one line a service; exit with 1 if one is down, so that scripts can ask."""
        states = [(service.name, service.is_up()) for service in needed_services()]
        for name, is_up in states:
            self._say(name, _("runs") if is_up else _("does not run"))
        if not all(is_up for _name, is_up in states):
            raise SystemExit(1)

    def run(self, *, host: str, port: int, **options: Any) -> None:
        programs = project_programs(settings.EMBEDDED, host=host, port=port)
        supervisor = Supervisor(
            settings.EMBEDDED, services=needed_services(), programs=programs, say=self._say
        )
        with supervisor.in_charge():
            supervisor.start_services()
            call_command("migrate", interactive=False, stdout=self.stdout)
            connections.close_all()  # else a stop of the database would find us connected
            programs[-1].end_survivor()
            require_free_port(host, port)
            supervisor.start_programs()
            self.stdout.write(_("The shop answers on http://%(address)s/") % {"address": f"{host}:{port}"})
            supervisor.watch()

    def forget(self, **options: Any) -> None:
        """Stop the services; remove what they, the demo and the trainings kept, and nothing else."""
        for service in reversed(needed_services()):
            if not service.stop():
                message = _("%(service)s is in use. Stop what uses it first.") % {"service": service.name}
                raise CommandError(message)
        places = settings.EMBEDDED
        for folder in {places.folder, places.service_folder}:
            for name in KEPT_FOLDERS:
                shutil.rmtree(folder / name, ignore_errors=True)
        (places.folder / "shop.json").unlink(missing_ok=True)
        self._say(str(places.folder), _("forgotten"))

    def _say(self, name: str, text: str) -> None:
        self.stdout.write(f"{name}: {text}")
        self.stdout.flush()
