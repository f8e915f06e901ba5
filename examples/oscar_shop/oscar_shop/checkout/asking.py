"""What the checkout asks of ecomai before it takes an order. It knows no table of ours."""

from decimal import Decimal
from typing import Any

from django.http import HttpRequest

from ecomai import capabilities
from ecomai.capabilities import RiskAssessment, RiskAssessor, RiskLine, RiskQuestion
from ecomai.commerce.adapters.oscar.products import item_id_of
from ecomai.commerce.visitors import customer_id_of_login, session_of


def assess_order(
    request: HttpRequest, *, order_number: str, amount: Decimal, basket: Any, email: str, address: Any
) -> RiskAssessment:
    """Return what to do with an order. Whatever happens, the checkout gets an answer."""
    user = request.user
    assessor = capabilities.get(RiskAssessor)  # type: ignore[type-abstract]
    return assessor.assess(
        RiskQuestion(
            kind="payment_fraud",
            external_id=order_number,
            customer_id=customer_id_of_login(request),
            session_id=session_of(request),
            amount=amount,
            currency=basket.currency,
            lines=[_line(line) for line in basket.all_lines()],
            discount_amount=basket.total_discount,
            coupons=[voucher.code for voucher in basket.vouchers.all()],
            device_id=session_of(request),
            ip_address=request.META.get("REMOTE_ADDR", ""),
            email=email,
            customer_name=user.get_full_name() if user.is_authenticated else "",
            customer_since=user.date_joined if user.is_authenticated else None,
            shipping_address=", ".join(address.active_address_fields()) if address else "",
            shipping_country=address.country_id if address else "",
        )
    )


def _line(line: Any) -> RiskLine:
    category = line.product.get_categories().first()
    return RiskLine(
        item_id=item_id_of(line.product),
        category=category.full_name if category else "",
        quantity=line.quantity,
        unit_price=line.unit_effective_price or Decimal(0),
    )
