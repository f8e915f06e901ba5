"""Add the flows that are shipped to those of the shop, to be changed in the admin."""

from typing import Any

from django.core.management.base import BaseCommand

from ...services.flows import add_shipped_flows


class Command(BaseCommand):
    help = "Add the shipped flows, live, where the shop has none of the name."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{add_shipped_flows()} flows were added.")
