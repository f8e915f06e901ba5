"""Bodies of questions: JSON straight into the dataclass, with the digits of amounts as they were sent."""

import dataclasses
from collections.abc import Mapping
from typing import Any, get_type_hints

import msgspec
from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.parsers import BaseParser

from ecomai.capabilities import RiskLine, RiskQuestion
from ecomai.exceptions import PayloadTooLargeError

from .exceptions import InvalidQuestionError


class QuestionParser(BaseParser):
    """Hands on the bytes of a body up to `DATA_UPLOAD_MAX_MEMORY_SIZE`."""

    media_type = "*/*"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> bytes:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body: bytes = stream.read(-1 if limit is None else limit + 1)
        if limit is not None and len(body) > limit:
            raise PayloadTooLargeError(limit=limit)
        return body


def _strict(kind: type, name: str, **types: Any) -> Any:
    """The fields of a dataclass as a struct that takes no other field: a misspelt name must not pass."""
    hints = get_type_hints(kind) | types
    fields: list[Any] = []
    for field in dataclasses.fields(kind):
        if field.default is not dataclasses.MISSING:
            fields.append((field.name, hints[field.name], field.default))
        elif field.default_factory is not dataclasses.MISSING:
            fields.append(
                (field.name, hints[field.name], msgspec.field(default_factory=field.default_factory))
            )
        else:
            fields.append((field.name, hints[field.name]))
    return msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=True)


_Line: Any = _strict(RiskLine, "Line")
_Question = _strict(
    RiskQuestion, "Question",
    lines=list[_Line],  # type: ignore[valid-type]
    coupons=list[str], pictures=list[bytes], properties=dict[str, str | float | bool],
)  # fmt: skip
_decoder = msgspec.json.Decoder(_Question)


def read_question(body: bytes, *, storefront: str) -> RiskQuestion:
    """Return the question in a body, of the key's storefront. Raises InvalidQuestionError."""
    try:
        read = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise InvalidQuestionError(reason=str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidQuestionError(reason=_("it is not JSON in UTF-8.")) from error
    values = {name: getattr(read, name) for name in read.__struct_fields__}
    values["lines"] = [
        RiskLine(**{name: getattr(line, name) for name in line.__struct_fields__}) for line in read.lines
    ]
    if values["storefront"] not in ("", storefront):
        raise InvalidQuestionError(reason=_("the key belongs to another storefront."))
    return RiskQuestion(**values | {"storefront": storefront})
