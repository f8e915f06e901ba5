"""`{{ item.price|money:item.currency }}` for a shop's own pages."""

from decimal import Decimal

from django import template

from ecomai.commerce.money import format_money

register = template.Library()


@register.filter
def money(amount: Decimal | None, currency: str) -> str:
    return format_money(amount, currency)
