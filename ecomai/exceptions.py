"""Errors with a stable code, a sentence for people and an HTTP status."""

from typing import Any

from django.utils.translation import gettext_lazy as _


class EcomaiError(Exception):
    """Base of every expected error: subclasses say `code`, `message` and `status_code`.

    `message` is a translated sentence with named placeholders, filled from `params`.
    It tells the reader what to do next. REST renders it as
    `{"error": {"code": ..., "message": ..., "details": ...}}`.
    """

    code = "error"
    message: Any = _("Something went wrong. Please try again.")
    status_code = 400

    def __init__(self, message: Any = None, *, details: dict[str, Any] | None = None, **params: Any) -> None:
        self.params = params
        self.details = details or {}
        if message is not None:
            self.message = message
        super().__init__(self.code)

    def __str__(self) -> str:
        return str(self.message) % self.params if self.params else str(self.message)


class NotFoundError(EcomaiError):
    code = "not_found"
    message = _("There is no such object.")
    status_code = 404


class InvalidInputError(EcomaiError):
    code = "invalid_input"
    message = _("The input is not valid: %(reason)s")
    status_code = 400


class PermissionDeniedError(EcomaiError):
    code = "permission_denied"
    message = _("You do not have the permission to do this. Ask an administrator of the shop for it.")
    status_code = 403


class ConflictError(EcomaiError):
    code = "conflict"
    message = _("This is not possible in the present state: %(reason)s")
    status_code = 409


class PayloadTooLargeError(EcomaiError):
    code = "payload_too_large"
    message = _("The request is larger than %(limit)s bytes. Send smaller batches.")
    status_code = 413


class UnavailableError(EcomaiError):
    code = "unavailable"
    message = _("A part that this needs is away at the moment. Please try again in a minute.")
    status_code = 503


class NotEnoughDataError(EcomaiError):
    """A model needs more data than there is; says how much is there and how much is needed."""

    code = "not_enough_data"
    message = _("There is not enough data yet: %(have)s %(unit)s, and at least %(need)s are needed.")
    status_code = 409
