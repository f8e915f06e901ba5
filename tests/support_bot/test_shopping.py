"""The shopping assistant: from a wish in words to a card in the basket."""

from decimal import Decimal

import pytest

from ecomai.commerce.models import ExchangeRate, Item
from ecomai.registry.selectors import forget_switches
from ecomai.registry.services import switch_scenario
from recommendations import catalogue
from recommendations.services import search as searches
from support_bot.knowledge import current
from support_bot.models import Article, ToolCall
from support_bot.services.articles import save_article
from support_bot.services.flows import add_shipped_flows
from support_bot.shopping.wishes import changed, names_only_refinements, read_wish
from support_bot.visitors import chat_visitor

from .conftest import Talk

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _shop(acting, shelf):
    add_shipped_flows()
    rows = [
        ("K1", "Ceramic teapot", "Kitchen > Tea", 35, 9, {"colour": "blue"}, "EUR"),
        ("K2", "Bread knife", "Kitchen > Knives", 25, 9, {}, "EUR"),
        ("S1", "Silk scarf", "Clothes", 48, 9, {"colour": "red"}, "EUR"),
        ("S2", "Wool scarf", "Clothes", 80, 9, {"colour": "green"}, "EUR"),
        ("X1", "Sold out scarf", "Clothes", 10, 0, {}, "EUR"),
        ("L3", "Floor lamp", "Lamps", 90, 9, {"colour": "black"}, "EUR"),
    ]
    for external_id, title, category, price, stock, attributes, currency in rows:
        Item.objects.create(
            external_id=external_id, title=title, category_path=category, price=price, stock=stock,
            attributes=attributes, currency=currency, url=f"/products/{external_id}/",
        )  # fmt: skip
    forget()
    yield
    forget()


def forget():
    """The search of the shop, by words as long as nothing is trained, begins with what there is now."""
    catalogue.forget()
    searches.forget()


def add_item(external_id, title, price, currency="EUR"):
    Item.objects.create(external_id=external_id, title=title, price=price, currency=currency, stock=9)
    forget()


def shown(talk):
    return [card["item_id"] for card in talk.reply.content.get("cards", [])]


@pytest.mark.parametrize(
    ("text", "words", "whom", "low", "high", "colour"),
    [
        ("I need a gift for my mother under 50", "gift", "mother", None, 50, ""),
        ("Do you have red scarves below €30?", "scarves", "", None, 30, "red"),
        ("looking for a lamp between 20 and 40 euros", "lamp", "", 20, 40, ""),
        ("a desk lamp, at least 100 dollars", "desk lamp", "", 100, None, ""),
        ("想给妈妈买一个300元以下的礼物", "礼物", "妈妈", None, 300, ""),
        ("有没有蓝色的台灯", "台灯", "", None, None, "blue"),
        ("a tool for my dad up to 25.50", "tool", "dad", None, "25.50", ""),
        ("lamp model 3 to 5 pieces", "lamp model 3 to 5 pieces", "", None, None, ""),
    ],
)
def test_a_wish_is_read_from_words(text, words, whom, low, high, colour):
    wish = read_wish(text)
    bounds = [None if price is None else Decimal(price) for price in (low, high)]
    assert (wish.for_whom, [wish.min_price, wish.max_price], wish.colour) == (whom, bounds, colour)
    assert wish.words == words


def test_what_a_next_message_names_replaces_that_and_leaves_the_rest():
    wish = changed(read_wish("a red scarf under 50"), read_wish("in blue"))
    assert (wish.words, wish.colour, wish.max_price) == ("scarf", "blue", 50)
    assert names_only_refinements("in blue please")
    assert not names_only_refinements("a blue lamp")


def test_a_broad_wish_is_answered_with_ideas_and_a_question(customer):
    reply = customer.say("I need a gift for my mother under 50")
    assert "What should it be?" in reply
    assert {"Kitchen", "Lamps", "Clothes"} == set(customer.labels)
    assert len(shown(customer)) == 3
    for card in customer.reply.content["cards"]:
        assert "within €50.00" in card["reason"]
        assert Item.objects.get(external_id=card["item_id"]).price <= 50
    customer.choose("Clothes")
    assert shown(customer) == ["S1"], "S2 costs too much, X1 is sold out"
    assert "from Clothes" in customer.reply.content["cards"][0]["reason"]


def test_a_wish_is_refined_over_turns(customer):
    customer.say("do you have a desk lamp?")
    assert set(shown(customer)) == {"L1", "L2"}
    customer.say("in blue")
    assert shown(customer) == ["L2"]
    customer.say("in red")
    assert shown(customer) == ["L1"]
    customer.say("looking for a lamp")
    assert set(shown(customer)) == {"L1", "L2", "L3"}


def test_cheaper_means_less_than_what_was_shown(customer):
    customer.say("I am looking for a scarf over 60")
    assert shown(customer) == ["S2"]
    customer.say("I am looking for a lamp over 40")
    assert set(shown(customer)) == {"L2", "L3"}
    customer.conversation.memory["shopping"]["wish"]["min_price"] = None
    customer.conversation.save()
    customer.choose("Cheaper")
    assert shown(customer) == ["L1"]
    assert "nothing cheaper than Red desk lamp" in customer.say("cheaper please")


def test_something_else_shows_what_was_not_seen(customer):
    add_item("L4", "Desk lamp four", 50)
    add_item("L5", "Desk lamp five", 50)
    customer.say("do you have a desk lamp?")
    first = set(shown(customer))
    customer.say("something else")
    assert len(first) == 3
    assert len(shown(customer)) == 1
    assert not first & set(shown(customer))
    assert "That is all" in customer.say("others?")


def test_where_nothing_fits_the_nearest_is_shown_and_said_to_be_so(customer):
    reply = customer.say("do you have a purple desk lamp?")
    assert "nothing in that colour" in reply
    assert set(shown(customer)) == {"L1", "L2"}


def test_what_the_shop_does_not_sell_is_not_made_up(customer):
    customer.say("do you have a submarine?")
    assert customer.reply.answered_by == "fallback"


def test_what_is_sold_out_is_not_shown(customer):
    customer.say("do you have a tea mug?")
    assert shown(customer) == []


def test_two_are_compared(customer):
    customer.say("do you have a desk lamp?")
    reply = customer.choose("Compare the first two")
    assert "Red desk lamp" in reply
    assert "colour: " in reply


def test_the_button_of_a_card_fills_ones_own_basket(customer, acting):
    customer.say("do you have a desk lamp?")
    assert "Red desk lamp is in your basket" in customer.choose("Add “Red desk lamp” to my basket")
    assert acting.baskets == [("ada", [("L1", 1)])]
    assert ToolCall.objects.get().state == "done"


def test_in_words_the_right_one_is_asked_for_first(customer, acting):
    customer.say("do you have a desk lamp?")
    first = shown(customer)[0]
    assert customer.say("I'll take the first one") == "Do you mean this one?"
    assert acting.baskets == []
    customer.say(customer.labels[0], customer.choices[0]["value"])
    assert acting.baskets == [("ada", [(first, 1)])]


def test_a_basket_takes_only_what_was_shown_and_is_there(customer, guest, acting):
    customer.say("do you have a desk lamp?")
    customer.say("x", "shop:basket:S2")
    Item.objects.filter(external_id="L1").update(stock=0)
    assert "sold out" in customer.say("x", "shop:basket:L1")
    guest.say("do you have a desk lamp?")
    assert not any("basket" in label for label in guest.labels), "a guest has none that we could fill"
    assert "log in" in guest.say("x", "shop:basket:L2")
    assert acting.baskets == []


def test_a_budget_in_another_currency_is_converted_or_nothing_is_promised(customer, settings):
    reply = customer.say("do you have a desk lamp under 40 dollars?")
    assert "nothing that is as cheap" in reply, "no rate is known"
    reporting = settings.ECOMAI.get("COMMERCE", {}).get("REPORTING_CURRENCY", "EUR")
    assert reporting == "EUR"
    ExchangeRate.objects.create(currency="USD", valid_from="2020-01-01", rate=Decimal("0.9"))
    customer.say("do you have a desk lamp under 40 dollars?")
    assert shown(customer) == ["L1"], "36 euros"


def test_the_chinese_are_answered_in_chinese(ada):
    add_item("Z1", "蓝色台灯", 200, "CNY")
    talk = Talk(chat_visitor(customer=ada, language="zh-hans"))
    reply = talk.say("有没有台灯")
    assert shown(talk) == ["Z1"]
    assert "找到" in reply
    assert "便宜一点" in talk.labels


def test_without_the_shops_search_titles_and_categories_are_looked_through(customer):
    switch_scenario(name="recommendations", is_on=False)
    forget_switches()
    customer.say("do you have desk lamps under 40?")
    assert shown(customer) == ["L1"]
    customer.say("I am looking for a submarine")
    assert customer.reply.answered_by == "fallback"


def test_a_flow_under_way_is_reminded_of(customer, ada, make_order):
    make_order("1001", ada)
    make_order("1002", ada)
    customer.say("where is my order")
    reply = customer.say("do you have a desk lamp?")
    assert set(shown(customer)) == {"L1", "L2"}
    assert "Which order is it?" in reply


def test_a_few_words_say_what_a_broad_wish_should_be_and_a_question_of_another_kind_does_not(customer):
    save_article(
        Article(title="Do you ship to Norway?", body="We ship to Norway for 9.90 EUR.", state="published")
    )
    current.forget()
    customer.say("I need a gift for my mother under 50")
    assert "9.90 EUR" in customer.say("Do you ship to Norway?")
    assert customer.reply.answered_by == "knowledge"
    customer.say("a scarf")
    assert shown(customer) == ["S1"]
    current.forget()


def test_there_is_nothing_to_compare_one_thing_with(customer):
    customer.say("do you have a desk lamp?")
    customer.say("in blue")
    assert len(shown(customer)) == 1
    customer.say("compare them")
    assert customer.reply.answered_by != "fault"
    assert len(customer.replies) == 1
