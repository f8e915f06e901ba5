"""Keeps customers' data out of what this scenario's own loggers write, whatever a host's handlers do."""

import logging
from pathlib import Path

from .masking import mask_text

_formatter = logging.Formatter()


class MaskedRecords(logging.Filter):
    """Masks message and traceback before any handler sees them."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = mask_text(record.getMessage()), ()
        if record.exc_info:
            # A formatter takes this text instead of making its own.
            record.exc_text = mask_text(record.exc_text or _formatter.formatException(record.exc_info))
        return True


def mask_loggers(package: str | None) -> None:
    """Give each module's logger the filter; that of the package would not see its children's records."""
    folder, masked = Path(__file__).parent, MaskedRecords()
    for file in folder.rglob("*.py"):
        parts = file.relative_to(folder).with_suffix("").parts
        logger = logging.getLogger(".".join((package or __package__ or "", *parts)))
        if not any(isinstance(each, MaskedRecords) for each in logger.filters):
            logger.addFilter(masked)
