"""What passages cannot say: what fits what, what of a brand is in a category, whose rules hold for what."""

import pytest

from ecomai.commerce.models import Item
from support_bot.dialogue.answering import respond
from support_bot.dialogue.turns import Turn
from support_bot.knowledge import current
from support_bot.models import Article, Relation
from support_bot.services import conversations
from support_bot.services.articles import save_article
from support_bot.understanding.reading import understand

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop():
    rows = [
        ("pot", "Copper Pot", "Kitchen > Pots", "Alma"), ("pan", "Iron Pan", "Kitchen > Pans", "Brix"),
        ("lid", "Glass Lid", "Kitchen > Lids", "Alma"), ("hob", "Induction Hob", "Appliances", "Volt"),
    ]  # fmt: skip
    for external_id, title, path, brand in rows:
        Item.objects.create(external_id=external_id, title=title, category_path=path, brand=brand)
    current.forget()


def ask(visitor, text):
    message = conversations.take_message(visitor, None, text=text, key="key-0001")
    turn = Turn(message.conversation, message, text, "en", understand(text))
    return respond(turn)


def edge(kind, subject, target, note="", **kinds):
    Relation.objects.create(kind=kind, subject=subject, object=target, note=note, **kinds)


def test_whether_one_item_fits_another(visitor):
    edge("compatible", "lid", "pot", "It has a diameter of 20 cm.")
    reply = ask(visitor, "Does the glass lid fit the copper pot?")
    assert reply.text == "Yes, Glass Lid fits Copper Pot. It has a diameter of 20 cm."
    assert reply.citations[0].passage == "It has a diameter of 20 cm."
    assert ask(visitor, "Is the Copper Pot compatible with the Glass Lid?").text.startswith("Yes, Copper Pot")


def test_an_edge_of_a_category_or_brand_holds_for_its_items_and_the_nearest_one_counts(visitor):
    kinds = {"subject_kind": "category", "object_kind": "item"}
    edge("compatible", "Kitchen", "hob", **kinds)
    edge("incompatible", "Kitchen > Pots", "hob", "Copper is not magnetic.", **kinds)
    assert ask(visitor, "does the iron pan work with the induction hob").text.startswith("Yes")
    assert ask(visitor, "does the copper pot work with the induction hob").text.startswith("No")


def test_what_nobody_wrote_is_not_guessed(visitor):
    edge("compatible", "lid", "pot")
    assert ask(visitor, "Does the glass lid fit the iron pan?") is None
    assert ask(visitor, "Does it fit?") is None


def test_another_storefronts_edges_are_its_own(visitor):
    Relation.objects.create(kind="compatible", subject="lid", object="pot", storefront="outlet")
    assert ask(visitor, "Does the glass lid fit the copper pot?") is None


def test_items_of_a_brand_in_a_category(visitor):
    reply = ask(visitor, "Which products of Alma are there in Pots?")
    assert reply.text == "Of Alma we have in Pots: Copper Pot."
    assert [card.item_id for card in reply.cards] == ["pot"]
    assert ask(visitor, "Which products of Brix are there in Pots?") is None


def test_whose_rules_hold_for_a_category(visitor):
    article = save_article(
        Article(title="Rules for cookware", body="Cookware has ten years of guarantee.", state="published")
    )
    edge("governed", "Kitchen", article.slug, subject_kind="category", object_kind="article")
    current.forget()
    reply = ask(visitor, "What warranty is there on the iron pan?")
    assert reply.text == "Cookware has ten years of guarantee."
    assert reply.citations[0].title == "Rules for cookware"
    assert ask(visitor, "What warranty is there on the induction hob?") is None
