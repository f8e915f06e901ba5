"""Add the intents that are shipped to those of the shop, to be changed in the admin."""

from typing import Any

from django.core.management.base import BaseCommand

from ...services.intents import add_starter_intents


class Command(BaseCommand):
    help = "Add the shipped intents with their phrases, where the shop has none of the name."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{add_starter_intents()} intents were added.")
