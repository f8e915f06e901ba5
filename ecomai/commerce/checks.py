"""System checks of the settings of the shop's data."""

import re
from typing import Any

from django.core import checks
from django.utils.dateparse import parse_date

from .app_settings import CommerceSettings, app_settings


def check_settings(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    messages: list[checks.CheckMessage] = [
        checks.Warning(
            f"ECOMAI['COMMERCE'] has no setting {name}.",
            hint=f"Known are {', '.join(sorted(CommerceSettings.declared()))}.",
            id="ecomai_commerce.W001",
        )
        for name in CommerceSettings.unknown_names()
    ]
    return messages + [
        checks.Error(f"ECOMAI['COMMERCE']['{name}'] {problem}.", id=f"ecomai_commerce.{number}")
        for number, name, problem in _problems()
    ]


def _problems() -> list[tuple[str, str, str]]:
    found = []
    if not re.fullmatch(r"[A-Z]{3}", str(app_settings.REPORTING_CURRENCY)):
        found.append(("E001", "REPORTING_CURRENCY", "must be three capital letters, such as EUR"))
    months = app_settings.EVENT_RETENTION_MONTHS
    if months is not None and (not isinstance(months, int) or months < 1):
        found.append(("E002", "EVENT_RETENTION_MONTHS", "must be None or at least 1"))
    if not _is_day(app_settings.EARLIEST_DATE):
        found.append(("E003", "EARLIEST_DATE", "must be a day, such as 1995-01-01"))
    if app_settings.TRACKER_CONSENT not in ("wait", "granted"):
        found.append(("E004", "TRACKER_CONSENT", "must be 'wait' or 'granted'"))
    try:
        customer_id = app_settings.CUSTOMER_ID
    except ImportError as error:
        found.append(("E005", "CUSTOMER_ID", f"cannot be imported ({error})"))
    else:
        if customer_id and not callable(customer_id):
            found.append(("E005", "CUSTOMER_ID", "is no function"))
    if str(app_settings.PUBLISHABLE_KEY).startswith("sk_"):
        found.append(("E006", "PUBLISHABLE_KEY", "is a secret key, which pages would give to everyone"))
    return found


def _is_day(text: Any) -> bool:
    try:
        return parse_date(str(text)) is not None
    except ValueError:
        return False
