"""What a tool is, and on whose behalf it acts."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

import msgspec
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy

from ecomai.commerce.adapters import Action, ActionResult, get_adapter
from ecomai.commerce.models import Customer, Item, Order

from ..app_settings import app_settings
from ..dialogue.turns import Card
from ..models import Conversation, OwnershipProof


@dataclass(frozen=True)
class Actor:
    """The customer of a conversation. Orders of others are out of reach, and look as if there were none."""

    conversation: Conversation

    @property
    def customer(self) -> Customer | None:
        return self.conversation.customer

    @property
    def storefront(self) -> str:
        return str(self.conversation.storefront)

    def orders(self) -> QuerySet[Order]:
        """The customer's own orders, and those that were proven in this conversation a while ago."""
        since = timezone.now() - timedelta(minutes=app_settings.PROOF_MINUTES)
        proven = OwnershipProof.objects.filter(conversation=self.conversation, proven_at__gte=since)
        own = Q(pk__in=proven.values("order"))
        if self.customer is not None:
            own |= Q(customer=self.customer)
        found = Order.objects.filter(own, storefront=self.storefront)
        return found.prefetch_related("lines__item").order_by("-placed_at")

    def find_order(self, number: str) -> Order | None:
        return self.orders().filter(external_id__iexact=number.strip().lstrip("#")).first()

    def find_item(self, item_id: str) -> Item | None:
        items = Item.objects.filter(storefront=self.storefront, is_active=True)
        return items.filter(external_id=item_id).first()


@dataclass(frozen=True, kw_only=True)
class ToolResult:
    """What a tool found or did: a sentence, cards, and facts for whoever goes on with it."""

    text: str
    cards: Sequence[Card] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


class NoArguments(msgspec.Struct, forbid_unknown_fields=True):
    """For a tool that needs to know nothing."""


class OfOrder(msgspec.Struct, forbid_unknown_fields=True):
    order: str


class Tool:
    """`name` is how flows call it, `title` how people do, `arguments` what it has to be given."""

    name: ClassVar[str]
    title: ClassVar[Any]
    arguments: ClassVar[type[msgspec.Struct]]
    changes: ClassVar[bool] = False

    def read_arguments(self, given: Mapping[str, Any]) -> Any:
        """Return the arguments with their types. Raises `msgspec.ValidationError`."""
        return msgspec.convert(dict(given), self.arguments, strict=False)


class ReadingTool(Tool, ABC):
    """Looks something up."""

    @abstractmethod
    def read(self, actor: Actor, arguments: Any) -> ToolResult:
        """Return what is found. Raises `ToolRefusedError` with a sentence for the customer."""


class ChangingTool(Tool, ABC):
    """Has the shop do something by an action of its adapter, once the customer has said yes."""

    changes: ClassVar[bool] = True
    action: ClassVar[Action]
    #: What the customer reads while the shop does it.
    under_way: ClassVar[Any] = gettext_lazy("I'm asking the shop …")

    @abstractmethod
    def propose(self, actor: Actor, arguments: Any) -> str:
        """Return what will happen, as a question. Raises `ToolRefusedError` where it cannot."""

    @abstractmethod
    def action_arguments(self, actor: Actor, arguments: Any) -> dict[str, Any]:
        """Return what the adapter's method is given. Raises `ToolRefusedError`: things change."""

    @abstractmethod
    def tell(self, actor: Actor, arguments: Any, result: ActionResult) -> str:
        """Return what was done, as a sentence."""

    def is_supported(self) -> bool:
        return self.action in get_adapter().supports()
