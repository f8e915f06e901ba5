"""Why an item is shown: a sentence that is true of the model that ranked it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from ecomai.commerce.models import Item

from .. import selectors
from ..models import Source

if TYPE_CHECKING:
    from .rankers import Context, Ranking


@dataclass(frozen=True)
class Reason:
    """`code` is stable; `item` is the purchase or view without which the shown item would rank lower."""

    code: str
    item: Item | None = None

    @property
    def text(self) -> str:
        return _sentence(self.code) % {"title": self.item.title if self.item else ""}


def _sentence(code: str) -> str:
    return {
        "bought": _("Because you bought “%(title)s”."),
        "again": _("You bought this before."),
        "looked_at": _("Because you looked at “%(title)s”."),
        "goes_with": _("Goes well with “%(title)s”."),
        "similar_to": _("Similar to “%(title)s”."),
        "popular": _("Popular right now."),
        "for_you": _("Chosen for you."),
    }[code]


def reasons_for(keys: Sequence[int], ranking: "Ranking", context: "Context") -> dict[int, Reason]:
    """Return a reason for each shown item. Items that only fill up an answer are popular ones, and say so."""
    ranked = [key for key in keys if key in ranking.key_set]
    named = ranking.explain(ranked) if ranking.explain else {}
    rows = selectors.items_by_key(set(named.values())) if named else {}
    reasons = {key: Reason("popular") for key in keys}
    reasons |= {key: _reason(key, named.get(key), ranking, context, rows) for key in ranked}
    return reasons


def _reason(
    key: int, named: int | None, ranking: "Ranking", context: "Context", rows: Mapping[int, Item]
) -> Reason:
    if ranking.source == Source.POPULAR:
        return Reason("popular")
    if context.page_item is not None and not context.basket:
        return Reason("similar_to", context.page_item)
    if named is None:
        return Reason("for_you")
    if named == key:
        return Reason("again")
    in_basket = {item.pk: item for item in context.basket}
    if named in in_basket:
        return Reason("goes_with", in_basket[named])
    item = rows.get(named)
    if item is None:
        return Reason("for_you")
    return Reason("bought" if named in context.bought else "looked_at", item)
