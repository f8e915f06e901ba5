"""Bodies of our endpoints: JSON of a bounded size, whatever the content type says."""

from collections.abc import Mapping
from typing import Any

import msgspec
from django.utils.translation import gettext as _
from rest_framework.parsers import BaseParser

from ecomai.exceptions import InvalidInputError, PayloadTooLargeError

from .app_settings import app_settings
from .checking import BoundedEvent

_decoder = msgspec.json.Decoder()


class BoundedParser(BaseParser):
    """Reads a body up to `COMMERCE.MAX_BODY_BYTES`. Beacons send `text/plain`, which needs no preflight."""

    media_type = "*/*"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        limit = app_settings.MAX_BODY_BYTES
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise PayloadTooLargeError(limit=limit)
        return body


class BoundedJSONParser(BoundedParser):
    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return read_json(super().parse(stream, media_type, parser_context))


class _EventBatch(msgspec.Struct):
    events: list[BoundedEvent]
    sent_at: Any = None


_event_decoder = msgspec.json.Decoder(_EventBatch | list[BoundedEvent], strict=False)


def read_json(body: bytes) -> Any:
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInputError(reason=_("it is not JSON in UTF-8.")) from error


def read_events(body: bytes) -> list[BoundedEvent] | None:
    """Return the events of a batch straight as records; None where some row needs a closer look.

    That is a row that does not fit, a null character in any text, and a clock to put right.
    """
    try:
        batch = _event_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if b"\\u0000" in body or (isinstance(batch, _EventBatch) and batch.sent_at is not None):
        return None
    return batch if isinstance(batch, list) else batch.events


def refuse_large_body(request: Any) -> None:
    """Refuse a body that says it is too large before it is read."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and int(length) > app_settings.MAX_BODY_BYTES:
        raise PayloadTooLargeError(limit=app_settings.MAX_BODY_BYTES)
