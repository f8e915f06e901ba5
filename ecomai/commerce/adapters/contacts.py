"""How to reach customers: asked of the shop each time, for no address is ever kept here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, kw_only=True)
class Contact:
    """What a message needs. `time_zone` is a name such as Europe/Paris; '' is the shop's."""

    email: str
    name: str = ""
    time_zone: str = ""


@runtime_checkable
class KnowsContacts(Protocol):
    def contacts(self, *, customer_ids: Sequence[str], storefront: str) -> Mapping[str, Contact]:
        """Return contacts by the shop's own ids of customers; who cannot be reached is left out."""
        ...
