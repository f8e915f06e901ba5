"""`manage.py ecomai_groups`: makes the ready-made groups for a shop's staff."""

from typing import Any

from django.core.management.base import BaseCommand

from ecomai.console.groups import make_groups

SENTENCES = {
    "made": "{name}: made, with {n} permissions.",
    "completed": "{name}: {n} new permissions.",
    "unchanged": "{name}: has everything already.",
    "deleted": "{name}: was deleted by an admin, and is left so.",
}


class Command(BaseCommand):
    help = (
        "Make the groups analyst, merchandiser, risk reviewer, support agent and marketer, and give them "
        "what is new since the last call. What an admin changed in them stays."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for group in make_groups():
            self.stdout.write(SENTENCES[group.outcome].format(name=group.name, n=len(group.given)))
