"""What can go wrong between basket and order."""

from django.utils.translation import gettext_lazy as _

from ecomai.exceptions import ConflictError


class EmptyBasketError(ConflictError):
    code = "empty_basket"
    message = _("Your basket is empty. Put something into it first.")


class SoldOutError(ConflictError):
    code = "sold_out"
    message = _("“%(title)s” is not available in this quantity any more. Please change your basket.")


class MixedCurrenciesError(ConflictError):
    code = "mixed_currencies"
    message = _("Your basket holds prices in different currencies. Please order them separately.")


class OrderRefusedError(ConflictError):
    code = "order_refused"
    message = _("The order could not be placed: %(reason)s")
