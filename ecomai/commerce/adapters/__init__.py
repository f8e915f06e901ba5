"""How the host shop is reached: reads by a declarative mapping of its models, and optional typed actions.

A host writes one subclass of `ShopAdapter` and names it in `ECOMAI["COMMERCE"]["ADAPTER"]`.
"""

from .actions import Action, ActionResult, Line, OrderResult, ReturnResult, VoucherResult
from .base import ShopAdapter, get_adapter
from .contacts import Contact, KnowsContacts
from .exceptions import ActionRefusedError, UnsupportedActionError
from .mapping import Constant, CustomerMapping, EventMapping, ItemMapping, LineMapping, OrderMapping
from .performing import perform_action, performed_result

__all__ = [
    "Action",
    "ActionRefusedError",
    "ActionResult",
    "Constant",
    "Contact",
    "CustomerMapping",
    "EventMapping",
    "ItemMapping",
    "KnowsContacts",
    "Line",
    "LineMapping",
    "OrderMapping",
    "OrderResult",
    "ReturnResult",
    "ShopAdapter",
    "UnsupportedActionError",
    "VoucherResult",
    "get_adapter",
    "perform_action",
    "performed_result",
]
