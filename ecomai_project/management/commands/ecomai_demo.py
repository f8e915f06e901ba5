"""`manage.py ecomai_demo`: a shop with everything in it, from nothing, in one terminal."""

import ipaddress
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from ecomai.exceptions import EcomaiError
from ecomai_project.embedded.exceptions import EmbeddedError

DEFAULT_PASSWORD = "demo"  # noqa: S105 - shown on the screen, refused where others could reach it


class Command(BaseCommand):
    help = (
        "Opens a demo shop on django-oscar: services, a generated year of history (or a real export by "
        "--data) in the shop's tables, back-fill, training, promotion, then web server, worker and beat "
        "until Ctrl-C."
    )
    requires_system_checks = []  # some checks ask the database, which is what we are here to start

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--language", choices=["en", "zh"], default="en", help="of the generated shop")
        parser.add_argument("--data", type=Path, help="a folder or file with a real export, instead")
        parser.add_argument("--currency", default="", help="for reports; default: that of the shop's orders")
        parser.add_argument("--customers", type=int, default=3000, help="how many the generated shop has")
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--password", default=DEFAULT_PASSWORD, help="of all demo logins")
        parser.add_argument("--no-serve", action="store_true", help="prepare everything, then stop")

    def handle(self, *args: Any, **options: Any) -> None:
        if not (hasattr(settings, "EMBEDDED") and apps.is_installed("oscar_shop")):
            raise CommandError(
                _("The demo needs the settings oscar_shop.demo_settings; `make demo` names them.")
            )
        if not _is_loopback(options["host"]) and options["password"] == DEFAULT_PASSWORD:
            raise CommandError(_("Others could log in there. Choose a password: DEMO_PASSWORD=..."))
        if options["data"] and not options["data"].exists():
            raise CommandError(_("There is no %(path)s.") % {"path": options["data"]})
        from ecomai_project.opening.display import Display
        from ecomai_project.opening.opening import Opening, Wishes

        wishes = Wishes(
            language=options["language"],
            export=options["data"],
            currency=options["currency"],
            host=options["host"],
            port=options["port"],
            password=options["password"],
            n_customers=options["customers"],
        )
        try:
            Opening(wishes, Display()).run(is_served=not options["no_serve"])
        except (EmbeddedError, EcomaiError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError(_("Stopped. The next start goes on from here."), returncode=130) from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
