"""What generation does when something happened elsewhere."""

from typing import Any

from django.db import connections

from .models import PromptVersion
from .selectors import forget_wordings


def create_prompts(*, using: str, **kwargs: Any) -> None:
    """Write the prompts that scenarios ship, once; what was changed afterwards stays as it is."""
    from .services import create_prompts as create

    if using == "default" and PromptVersion._meta.db_table in connections[using].introspection.table_names():
        create()


def read_wordings_anew(**kwargs: Any) -> None:
    """A prompt or a voice was saved or removed: the process that did it composes by what holds now."""
    forget_wordings()
