"""Amounts as the reader's language writes them."""

from decimal import Decimal

import pytest
from django.utils import translation

from ecomai.commerce.money import format_money


@pytest.mark.parametrize(
    ("language", "amount", "currency", "text"),
    [
        ("en", Decimal("16.9"), "EUR", "€16.90"),
        ("en", Decimal("1024"), "USD", "$1,024.00"),
        ("de", Decimal("1024.5"), "EUR", "1.024,50\xa0€"),
        ("zh-hans", Decimal("16.9"), "CNY", "¥16.90"),
        ("en", Decimal("1700"), "JPY", "¥1,700"),
        ("en", Decimal("5"), "XTS", "XTS\xa05.00"),
        ("en", Decimal("24.9"), "CHF", "CHF\xa024.90"),
        ("en", Decimal("5"), "", "5.00"),
        ("xx-unknown", Decimal("5"), "EUR", "€5.00"),
        ("en", None, "EUR", ""),
    ],
)
def test_amount_is_written_as_the_language_does(language, amount, currency, text):
    with translation.override(language):
        assert format_money(amount, currency) == text
