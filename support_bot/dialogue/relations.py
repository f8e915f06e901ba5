"""Answers that no passage gives: what fits what, and what of a brand is in a category."""

from django.utils.translation import gettext as _

from ..actions.products import item_card
from ..knowledge.graph import Edge, edge_asked_for, items_asked_for
from ..models import Relation
from .turns import Citation, Reply, Turn

ANSWERED_BY = "relations"


def known_relation(question: str, turn: Turn) -> Reply | None:
    """Answer from the shop's edges; None where the question names nothing that they join."""
    storefront = turn.conversation.storefront
    if edge := edge_asked_for(question, storefront=storefront):
        return _edge_reply(edge)
    found = items_asked_for(question, storefront=storefront)
    if found is None or not found[2]:
        return None
    brand, category, items = found
    text = _("Of %(brand)s we have in %(category)s: %(items)s.") % {
        "brand": brand.name, "category": category.name, "items": ", ".join(item.title for item in items),
    }  # fmt: skip
    return Reply(text=text, answered_by=ANSWERED_BY, cards=[item_card(item) for item in items[:3]])


def _edge_reply(edge: Edge) -> Reply:
    fits = edge.relation.kind == Relation.Kind.COMPATIBLE
    text = _("Yes, %(first)s fits %(second)s.") if fits else _("No, %(first)s does not fit %(second)s.")
    said = text % {"first": edge.first.name, "second": edge.second.name}
    source = Citation(_("What the shop knows of its items"), edge.relation.note or said)
    return Reply(
        text=" ".join(filter(None, (said, edge.relation.note))), answered_by=ANSWERED_BY, citations=[source]
    )
