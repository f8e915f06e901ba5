"""A picture that came with a message: items that look like it, or what can be read in it."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from ecomai.commerce.models import Item
from ecomai.commerce.money import format_money
from ecomai.commerce.selectors import items_by_external_id

from ..models import Attachment
from .people import PERSON
from .turns import Card, Choice, Reply, Turn

#: What people ask of a picture of a product.
ABOUT_PRODUCTS = frozenset(("find_product",))
MOST_LETTERS = 200


def respond(turn: Turn) -> Reply | None:
    """Answer to a picture, unless words say what is wanted: whoever answers these knows what was read."""
    pictures = _pictures(turn)
    if not pictures:
        return None
    order = next((each.value for each in turn.understood.entities if each.kind == "order_number"), "")
    cards = _cards(pictures, turn.conversation.storefront)
    is_about_products = turn.understood.is_out_of_scope or turn.understood.intent in ABOUT_PRODUCTS
    if turn.text and not (cards and is_about_products and not order):
        return None
    if order:
        return _about_order(order)
    if cards:
        return Reply(text=_("These look most like your picture:"), cards=cards, answered_by="picture")
    return _about_text(pictures)


def _pictures(turn: Turn) -> Sequence[Attachment]:
    if "attachments" not in turn.message.content:
        return ()
    rows = turn.message.attachments.filter(kind=Attachment.Kind.PICTURE).defer("content")
    return list(rows.order_by("created_at"))


def _about_order(order: str) -> Reply:
    wishes = (
        _("Where is my order %(number)s?"), _("I want to return order %(number)s"),
        _("I need the invoice of order %(number)s"),
    )  # fmt: skip
    labels = [wish % {"number": order} for wish in wishes]
    return Reply(
        text=_("I can read the order number %(number)s in your picture. What would you like to know?")
        % {"number": order},
        choices=tuple(Choice(label=label, value="") for label in labels),
        answered_by="picture",
    )


def _about_text(pictures: Sequence[Attachment]) -> Reply:
    read = " ".join(" ".join(row.text.split()) for row in pictures if row.text)
    if read:
        shown = read if len(read) <= MOST_LETTERS else f"{read[: MOST_LETTERS - 1]}…"
        text = _("In your picture I can read: “%(text)s”. What would you like to know about it?") % {
            "text": shown
        }
    else:
        text = _("I have your picture, but I can't make out what it shows. What is it about?")
    choice = Choice(label=_("Talk to a person"), value=PERSON)
    return Reply(text=text, choices=(choice,), answered_by="picture", is_failed=not read)


def _cards(pictures: Sequence[Attachment], storefront: str) -> tuple[Card, ...]:
    ids = [hit["item_id"] for row in pictures for hit in row.found]
    items = items_by_external_id(ids, storefront=storefront) if ids else {}
    shown = [items[item_id] for item_id in dict.fromkeys(ids) if item_id in items]
    return tuple(_card(item) for item in shown if item.is_active)


def _card(item: Item) -> Card:
    return Card(
        item_id=item.external_id, title=item.title, url=item.url,
        image_url=item.image_urls[0] if item.image_urls else "",
        price=format_money(item.price, item.currency), reason=_("looks like your picture"),
    )  # fmt: skip
