"""Why an item is shown: a sentence that is true of the model that ranked it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ecomai.commerce.models import Item

from ..models import Source

if TYPE_CHECKING:
    from .rankers import Context, Ranking

SENTENCES = {
    "bought": gettext_noop("Because you bought “%(title)s”."),
    "again": gettext_noop("You bought this before."),
    "looked_at": gettext_noop("Because you looked at “%(title)s”."),
    "goes_with": gettext_noop("Goes well with “%(title)s”."),
    "similar_to": gettext_noop("Similar to “%(title)s”."),
    "popular": gettext_noop("Popular right now."),
    "new": gettext_noop("New in our range."),
    "range": gettext_noop("From our range."),
    "looks_like": gettext_noop("Looks like your picture."),
    "for_you": gettext_noop("Chosen for you."),
}


@dataclass(frozen=True)
class Reason:
    """`code` is stable; `item` is the purchase or view without which the shown item would rank lower."""

    code: str
    item: Item | None = None

    @property
    def text(self) -> str:
        return self.text_of(_(SENTENCES[self.code]))

    def text_of(self, sentence: str) -> str:
        """Return the text, where the sentence for the code has been translated already."""
        return sentence % {"title": self.item.title if self.item else ""}


def reason_for(
    key: int, named: int | None, ranking: "Ranking", context: "Context", rows: Mapping[int, Item]
) -> Reason:
    """Return why an item is shown: `named` is the step that lifted it most, `rows` has that step's item.

    Items that only fill up an answer are popular ones, and say so; where nobody took an item lately, it is
    just one of those that there are.
    """
    code = ranking.codes.get(key, "popular" if ranking.source == Source.POPULAR else "")
    if code not in ("", "popular"):
        return Reason(code)
    if code or key not in ranking.key_set:
        return Reason("popular" if context.catalogue.is_popular(key) else "range")
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
