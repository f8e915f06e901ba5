"""What can go wrong in fusion, with stable codes."""

from django.utils.translation import gettext_lazy as _

from ecomai.exceptions import ConflictError, EcomaiError, InvalidInputError, PermissionDeniedError


class PurposeNotAllowedError(PermissionDeniedError):
    code = "purpose_not_allowed"
    message = _("The fact “%(fact)s” may not be read for the purpose “%(purpose)s”; it serves: %(purposes)s.")


class FactTypeError(InvalidInputError):
    code = "fact_type"
    message = _("The fact “%(fact)s” is a %(type)s; a value of another type was published.")


class SessionTakenError(ConflictError):
    code = "session_taken"
    message = _("This session already belongs to another customer; start a new session for this one.")


class NotIdentifiedError(EcomaiError):
    code = "not_identified"
    message = _("Please log in first: this is shown to the customer only.")
    status_code = 401


class ErasureIncompleteError(EcomaiError):
    """Some steps of an erasure failed; what they cover is still there, and a second call goes on."""

    code = "erasure_incomplete"
    message = _(
        "The erasure is not complete: %(steps)s failed. Please start it again; it continues where it stopped."
    )
    status_code = 500
