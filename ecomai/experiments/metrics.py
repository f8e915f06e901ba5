"""What an experiment may be judged by: each metric is a number per visitor, counted from commerce events."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import EventType
from ecomai.exceptions import NotFoundError

#: `any`: 1 once there is such an event; `events`, `orders`, `quantity`: how many; `value`: money, in the
#: reporting currency.
Reading = Literal["any", "events", "orders", "quantity", "value"]


@dataclass(frozen=True, kw_only=True)
class MetricSpec:
    """One metric; `verbose_name` stands inside sentences, so it begins with a small letter."""

    name: str
    verbose_name: Any
    description: Any
    event_types: frozenset[str]
    reading: Reading
    greater_is_better: bool = True
    #: Whether only events count that name, as their property `placement`, the place that is tried out.
    is_at_place: bool = False

    @property
    def is_binary(self) -> bool:
        return self.reading == "any"

    @property
    def is_money(self) -> bool:
        return self.reading == "value"


_registered: dict[str, MetricSpec] = {}


def register_metric(spec: MetricSpec) -> None:
    """Let experiments be judged by one more metric; a name that is taken is replaced."""
    _registered[spec.name] = spec


def unregister_metric(name: str) -> None:
    """Forget a metric; for tests that add one for a moment."""
    _registered.pop(name, None)


def get_metric(name: str) -> MetricSpec:
    try:
        return _registered[name]
    except KeyError:
        raise NotFoundError(_("There is no metric called “%(name)s”."), name=name) from None


def metric_label(name: str) -> str:
    """A metric's name for people; its key where nothing registers it any more."""
    return str(_registered[name].verbose_name) if name in _registered else name


def choices() -> Iterable[tuple[str, Any]]:
    return [(spec.name, spec.verbose_name) for spec in _registered.values()]


for _spec in (
    MetricSpec(
        name="conversion", verbose_name=_("share of visitors who buy"), reading="any",
        description=_("Visitors with at least one purchase."), event_types=frozenset({EventType.PURCHASE}),
    ),
    MetricSpec(
        name="revenue", verbose_name=_("revenue per visitor"), reading="value",
        description=_("Money from purchases, over all visitors."),
        event_types=frozenset({EventType.PURCHASE}),
    ),
    MetricSpec(
        name="orders", verbose_name=_("orders per visitor"), reading="orders",
        description=_("How many orders a visitor places."), event_types=frozenset({EventType.PURCHASE}),
    ),
    MetricSpec(
        name="items_bought", verbose_name=_("items bought per visitor"), reading="quantity",
        description=_("How many pieces a visitor buys."), event_types=frozenset({EventType.PURCHASE}),
    ),
    MetricSpec(
        name="click_through", verbose_name=_("share of visitors who click"), reading="any",
        description=_("Visitors with at least one click on what was shown."),
        event_types=frozenset({EventType.CLICK}),
    ),
    MetricSpec(
        name="click_through_there", verbose_name=_("share of visitors who click there"), reading="any",
        description=_("Visitors with at least one click on what was shown at the place that is tried out."),
        event_types=frozenset({EventType.CLICK}), is_at_place=True,
    ),
    MetricSpec(
        name="add_to_basket", verbose_name=_("share of visitors who fill a basket"), reading="any",
        description=_("Visitors who put at least one item into the basket."),
        event_types=frozenset({EventType.CART}),
    ),
    MetricSpec(
        name="views", verbose_name=_("items viewed per visitor"), reading="events",
        description=_("How many item pages a visitor opens."), event_types=frozenset({EventType.VIEW}),
    ),
    MetricSpec(
        name="returns", verbose_name=_("share of visitors who return or cancel"), reading="any",
        description=_("Visitors with at least one return or cancellation; fewer is better."),
        event_types=frozenset({EventType.RETURN, EventType.CANCELLATION}), greater_is_better=False,
    ),
):  # fmt: skip
    register_metric(_spec)
