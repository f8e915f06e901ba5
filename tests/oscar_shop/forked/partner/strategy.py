"""Prices with tax, a fifth where a product has a maker."""

from decimal import Decimal

from oscar.apps.partner import strategy


class WithTax(
    strategy.UseFirstStockRecord, strategy.StockRequired, strategy.FixedRateTax, strategy.Structured
):
    def get_rate(self, product, stockrecord):
        return Decimal("0.2") if product.maker else Decimal(0)


class Selector(strategy.Selector):
    def strategy(self, request=None, user=None, **kwargs):
        return WithTax(request)
