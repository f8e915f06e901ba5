"""Bodies of our endpoints: JSON of a bounded size, whatever the content type says."""

from collections.abc import Mapping
from typing import Any

import msgspec
from django.utils.translation import gettext as _
from rest_framework.parsers import BaseParser

from ecomai.exceptions import InvalidInputError, PayloadTooLargeError

from .app_settings import app_settings

_decoder = msgspec.json.Decoder()


class BoundedJSONParser(BaseParser):
    """Reads JSON up to `COMMERCE.MAX_BODY_BYTES`. Beacons send `text/plain`, which needs no preflight."""

    media_type = "*/*"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        limit = app_settings.MAX_BODY_BYTES
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise PayloadTooLargeError(limit=limit)
        try:
            return _decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidInputError(reason=_("it is not JSON in UTF-8.")) from error


def refuse_large_body(request: Any) -> None:
    """Refuse a body that says it is too large before it is read."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and int(length) > app_settings.MAX_BODY_BYTES:
        raise PayloadTooLargeError(limit=app_settings.MAX_BODY_BYTES)
