"""What others ask of fusion: facts, consent, identity, erasure, export."""

from ecomai.fusion.selectors import has_consent, read_fact, read_facts

from .consents import record_consent
from .erasure import erase_customer
from .export import export_customer
from .facts import delete_old_facts, publish_facts
from .identity import identify_late_events, link_session

__all__ = [
    "delete_old_facts",
    "erase_customer",
    "export_customer",
    "has_consent",
    "identify_late_events",
    "link_session",
    "publish_facts",
    "read_fact",
    "read_facts",
    "record_consent",
]
