"""The list of good customers who may leave."""

from collections.abc import Mapping
from typing import Any

from django.core.paginator import Paginator
from django.utils import timezone

from ecomai.commerce.app_settings import app_settings as commerce_settings
from ecomai.commerce.money import format_money

from ..early_warning import customers_at_risk, warn

PAGE_SIZE = 50


def context(query: Mapping[str, str]) -> dict[str, Any]:
    now = timezone.now()
    page = Paginator(customers_at_risk(now=now), PAGE_SIZE).get_page(query.get("page"))
    currency = commerce_settings.REPORTING_CURRENCY
    return {
        "page": page,
        "rows": [
            {
                "warned": warn(profile, now=now),
                "spent": format_money(profile.spent, currency),
                "expected": format_money(profile.expected_value, currency) or "–",
            }
            for profile in page.object_list
        ],
    }
