"""A host's models, declared: which one is an item, a customer, an order, an event, and where values are.

A *path* is attribute names joined by dots ("category.parent.name"; a method is called, nothing is
followed beyond an empty relation), a function of the row, or a `Constant`. A field without a path is
not said: we keep what we have.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model
from django.db.models.query import QuerySet
from django.utils import timezone

from .exceptions import UnknownModelError

Row = dict[str, Any]


@dataclass(frozen=True)
class Constant:
    """The same value for every row, such as a shop's only currency."""

    value: Any


Path = str | Callable[[Any], Any] | Constant


def read_path(row: Any, path: Path) -> Any:
    if isinstance(path, Constant):
        return path.value
    if not isinstance(path, str):
        return path(row)
    value = row
    for name in path.split("."):
        if value is None:
            return None
        try:
            value = getattr(value, name)
        except ObjectDoesNotExist:  # the other side of a one-to-one relation
            return None
        if callable(value):
            value = value()
    return value


@dataclass(frozen=True, kw_only=True)
class ModelMapping:
    """What every mapping has.

    - `name` tells several mappings of one model apart;
    - `filter` leaves rows out by lookups; rather map a row that ends to inactive or cancelled;
    - `select_related`, `prefetch_related`: what the paths walk over;
    - `touched_by`: related model -> path from it to the primary key (or several) of the mapped row, so that
      saving a stock level or an order line brings the product or order up to date;
    - `m2m`: names of many-to-many fields of the model, for the same;
    - `adjust` changes the query, for what needs the models: annotations, a `Prefetch`;
    - `attach` is given the rows of a chunk before they are read, and sets on them what no query can.
    """

    kind: ClassVar[str] = ""
    text_fields: ClassVar[frozenset[str]] = frozenset()
    own_fields: ClassVar[frozenset[str]] = frozenset(
        {
            "model",
            "name",
            "storefront",
            "filter",
            "select_related",
            "prefetch_related",
            "touched_by",
            "m2m",
            "adjust",
            "attach",
            "statuses",
            "lines",
            "in_background",
        }
    )

    model: str
    name: str = ""
    storefront: Path = Constant("")
    filter: Mapping[str, Any] = field(default_factory=dict)
    select_related: Sequence[str] = ()
    prefetch_related: Sequence[str] = ()
    touched_by: Mapping[str, Path] = field(default_factory=dict)
    m2m: Sequence[str] = ()
    adjust: Callable[[QuerySet[Any]], QuerySet[Any]] | None = None
    attach: Callable[[Sequence[Any]], None] | None = None

    def __hash__(self) -> int:
        return hash((self.kind, self.model))

    @property
    def source(self) -> str:
        return f"adapter:{self.kind}:{self.model}{self.name and f':{self.name}'}"

    def get_model(self) -> type[Model]:
        return find_model(self.model)

    def queryset(self) -> QuerySet[Any]:
        queryset = self.get_model()._default_manager.filter(**self.filter)
        if self.select_related:
            queryset = queryset.select_related(*self.select_related)
        queryset = queryset.prefetch_related(*self.prefetch_related)
        return self.adjust(queryset) if self.adjust else queryset

    def storefront_of(self, row: Any) -> str:
        return str(read_path(row, self.storefront) or "")

    def read(self, row: Any) -> Row:
        """Return what the row says in our names; ids as text, an empty text for None, days as moments.

        A day begins, and a time without a zone is meant, in the shop's own zone (`TIME_ZONE`).
        """
        said: Row = {}
        for name in (spec.name for spec in fields(self) if spec.name not in self.own_fields):
            path = getattr(self, name)
            if path is not None:
                said[name] = self._clean(name, read_path(row, path))
        return said

    def _clean(self, name: str, value: Any) -> Any:
        if name in self.text_fields:
            return "" if value is None else str(value)
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day)
        if isinstance(value, datetime) and value.tzinfo is None:
            # In UTC, where no hour comes twice and equal moments are equal.
            return value.replace(tzinfo=timezone.get_default_timezone()).astimezone(UTC)
        return value


def find_model(label: str) -> type[Model]:
    try:
        return apps.get_model(label)
    except (LookupError, ValueError) as error:
        raise UnknownModelError(model=label) from error


@dataclass(frozen=True, kw_only=True)
class CustomerMapping(ModelMapping):
    """A customer: pseudonymous. Map no name, address or e-mail into `traits`."""

    kind: ClassVar[str] = "customer"
    text_fields: ClassVar[frozenset[str]] = frozenset({"external_id", "language", "country"})

    external_id: Path = "pk"
    language: Path | None = None
    country: Path | None = None
    traits: Path | None = None
    first_seen_at: Path | None = None

    __hash__ = ModelMapping.__hash__


@dataclass(frozen=True, kw_only=True)
class ItemMapping(ModelMapping):
    kind: ClassVar[str] = "item"
    text_fields: ClassVar[frozenset[str]] = frozenset(
        {"external_id", "title", "description", "category_path", "brand", "currency", "url"}
    )

    external_id: Path = "pk"
    title: Path
    description: Path | None = None
    category_path: Path | None = None
    brand: Path | None = None
    attributes: Path | None = None
    price: Path | None = None
    cost: Path | None = None
    currency: Path | None = None
    stock: Path | None = None
    url: Path | None = None
    image_urls: Path | None = None
    is_active: Path | None = None
    listed_at: Path | None = None

    __hash__ = ModelMapping.__hash__


@dataclass(frozen=True)
class LineMapping:
    """An order's lines, its attribute `related`; numbered by primary key unless `position` says."""

    related: str
    _: KW_ONLY
    item_id: Path
    unit_price: Path
    quantity: Path = "quantity"
    description: Path | None = None
    returned_quantity: Path | None = None
    position: Path | None = None

    def read(self, order: Any) -> Iterator[Row]:
        # Sorted here, because an order_by would not use what prefetch_related has read.
        lines = sorted(getattr(order, self.related).all(), key=lambda line: line.pk)
        for number, line in enumerate(lines, start=1):
            row = {
                "position": number if self.position is None else read_path(line, self.position),
                "item_id": str(read_path(line, self.item_id) or ""),
                "unit_price": read_path(line, self.unit_price),
                "quantity": read_path(line, self.quantity),
            }
            if self.description is not None:
                row["description"] = str(read_path(line, self.description) or "")
            if self.returned_quantity is not None:
                row["returned_quantity"] = read_path(line, self.returned_quantity) or 0
            yield row


@dataclass(frozen=True, kw_only=True)
class OrderMapping(ModelMapping):
    """An order. `statuses` translates the shop's words into `Order.Status`; other words are rejected."""

    kind: ClassVar[str] = "order"
    text_fields: ClassVar[frozenset[str]] = frozenset(
        {"external_id", "customer_id", "session_id", "currency", "channel", "status"}
    )

    external_id: Path = "pk"
    customer_id: Path | None = None
    session_id: Path | None = None
    channel: Path | None = None
    status: Path | None = None
    statuses: Mapping[str, str] = field(default_factory=dict)
    currency: Path
    placed_at: Path
    changed_at: Path | None = None
    lines: LineMapping

    __hash__ = ModelMapping.__hash__

    def read(self, row: Any) -> Row:
        said = super().read(row)
        if "status" in said:
            said["status"] = self.statuses.get(said["status"], said["status"])
        return {**said, "lines": list(self.lines.read(row))}


@dataclass(frozen=True, kw_only=True)
class EventMapping(ModelMapping):
    """Something that happened, kept by the shop as rows; purchases and returns come from orders already.

    `in_background`: what visitors do often, such as views; a thread writes it soon after, many rows at
    once, so that no page waits for it.
    """

    kind: ClassVar[str] = "event"
    text_fields: ClassVar[frozenset[str]] = frozenset(
        {"type", "key", "customer_id", "session_id", "item_id", "query", "channel", "order_id", "currency"}
    )

    type: Path
    key: Path | None = None
    occurred_at: Path
    customer_id: Path | None = None
    session_id: Path | None = None
    item_id: Path | None = None
    order_id: Path | None = None
    query: Path | None = None
    channel: Path | None = None
    quantity: Path | None = None
    value: Path | None = None
    currency: Path | None = None
    properties: Path | None = None
    in_background: bool = False

    __hash__ = ModelMapping.__hash__

    def read(self, row: Any) -> Row:
        """Without a key of its own the row's place is its key: the same row twice is one event."""
        return {"key": f"{self.source}:{row.pk}", **super().read(row)}
