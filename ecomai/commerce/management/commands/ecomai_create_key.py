"""`manage.py ecomai_create_key NAME`: a key to the REST endpoints, shown this once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ecomai.commerce.models import ApiKey
from ecomai.commerce.services import create_api_key
from ecomai.commerce.services.keys import SCOPES
from ecomai.exceptions import EcomaiError


class Command(BaseCommand):
    help = "Creates an API key and prints it, this once; only its hash is stored."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="What the key is for, such as 'shop server'.")
        parser.add_argument(
            "--publishable", action="store_true", help="For pages; the default is a secret key."
        )
        parser.add_argument("--scope", action="append", help=f"May be repeated; one of {', '.join(SCOPES)}.")
        parser.add_argument("--origin", action="append", default=[], help="An origin that may use the key.")
        parser.add_argument("--storefront", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        kind = ApiKey.Kind.PUBLISHABLE if options["publishable"] else ApiKey.Kind.SECRET
        try:
            _key, plaintext = create_api_key(
                name=options["name"],
                kind=kind,
                scopes=options["scope"],
                origins=options["origin"],
                storefront=options["storefront"],
            )
        except EcomaiError as error:
            raise CommandError(f"{error} [{error.code}]") from error
        self.stdout.write(plaintext)
