"""What is personal goes, by its kind; what is not stays as it was."""

import logging

import pytest

from support_bot.masking import is_card, is_iban, mask_text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Write to ada@example.org please", "Write to [email] please"),
        ("Card 4111 1111 1111 1111 was charged", "Card [card] was charged"),
        ("Pay to DE89 3704 0044 0532 0130 00", "Pay to [bank account]"),
        ("Call +44 20 7946 0958 today", "Call [phone] today"),
        ("Call me at (212) 555-0187.", "Call me at [phone]."),
        ("我的电话是13812345678", "我的电话是[phone]"),
        ("My order 58213 is late", "My order [order] is late"),
        ("订单号 20260412 到哪里了", "订单号 [order] 到哪里了"),
        ("I live at 12 Baker Street", "I live at [address]"),
        ("Ich wohne Lindenstraße 4", "Ich wohne [address]"),
        ("地址：上海市南京路100号3楼", "地址：[address]"),
        ("My name is Grace Hopper.", "My name is [name]."),
        ("我叫王小明，想退货", "我叫[name]，想退货"),
        ("Hi, I'm Ada Lovelace and my lamp broke", "Hi, I'm [name] and my lamp broke"),
        ("This is Grace, I called before", "This is [name], I called before"),
        ("Dear Grace, where is it?", "Dear [name], where is it?"),
        ("Where is it?\nThanks,\nAda", "Where is it?\nThanks,\n[name]"),
        ("Kind wishes, Ada Lovelace", "Kind wishes, [name]"),
        ("Name: Ada Lovelace", "Name: [name]"),
        ("收件人：王小明，改一下", "收件人：[name]，改一下"),
        ("我姓王，昨天下的单", "我姓[name]，昨天下的单"),
    ],
)
def test_what_is_personal_is_named_by_its_kind(text, masked):
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "Is the cup 12 cm high?",
        "It cost 24.90 EUR, under 50",
        "Delivery takes 2 to 4 days",
        "杯子有两种颜色吗",
        "I am Sorry, I'm German and still waiting",
        "Hello There, this is The wrong size",
        "Thanks, Monday is fine",
    ],
)
def test_what_is_nobodys_stays(text):
    assert mask_text(text) == text


def test_names_that_are_known_go_wherever_they_stand():
    assert mask_text("Ada asked, and ada Lovelace again", names=["Ada Lovelace", "Ada"]) == (
        "[name] asked, and [name] again"
    )
    assert mask_text("The adapter broke", names=["Ada"]) == "The adapter broke"


def test_numbers_are_checked_and_not_guessed():
    assert is_card("4111111111111111")
    assert not is_card("4111111111111112")
    assert is_iban("GB82 WEST 1234 5698 7654 32")
    assert not is_iban("GB82 WEST 1234 5698 7654 33")


def test_a_line_of_the_log_says_nothing_personal(caplog):
    with caplog.at_level(logging.WARNING):
        logging.getLogger("support_bot.services.suggesting").warning("Could not reach %s", "ada@example.org")
    assert "ada@example.org" not in caplog.text
    assert "[email]" in caplog.text


def test_a_traceback_says_nothing_personal(caplog):
    try:
        raise ValueError("order 58213 of ada@example.org")
    except ValueError:
        logging.getLogger("support_bot.services.replying").exception("It failed.")
    assert "58213" not in caplog.text
    assert "ada@" not in caplog.text
    assert "ValueError" in caplog.text
