"""Filters for a host's LOGGING: the request's id in each line, and no personal data or keys.

    "filters": {"request_id": {"()": "ecomai.logging.RequestIdFilter"},
                "outage": {"()": "ecomai.logging.OutageFilter"},
                "masking": {"()": "ecomai.logging.MaskingFilter"}},
    "handlers": {"console": {..., "filters": ["request_id", "outage", "masking"]}},

A formatter may then use `{request_id}`.
"""

import logging

from django.db import InterfaceError, OperationalError

from ecomai.registry.masking import mask_personal_data
from ecomai.registry.request_ids import current_request_id

_formatter = logging.Formatter()


class RequestIdFilter(logging.Filter):
    """Adds `request_id`, "-" outside of a request, to every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current_request_id.get() or "-"
        return True


class OutageFilter(logging.Filter):
    """Says in one line, without a traceback, that the database is away: every request says it meanwhile."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, (OperationalError, InterfaceError)):
            record.msg = f"{record.getMessage()} ({type(error).__name__}: {first_line(error)})"
            record.args, record.exc_info, record.exc_text = (), None, None
        return True


class MaskingFilter(logging.Filter):
    """Masks e-mail addresses, telephone and card numbers, addresses and keys in message and traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = mask_personal_data(record.getMessage()), ()
        if record.exc_info:
            # A formatter takes this text instead of making its own.
            record.exc_text = record.exc_text or _formatter.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = mask_personal_data(record.exc_text)
        return True


def first_line(error: BaseException) -> str:
    """What an error says, without the lines of advice that databases add."""
    return str(error).strip().split("\n", 1)[0]
