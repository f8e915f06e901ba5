"""Expected errors of the shop's data."""

from django.utils.translation import gettext_lazy as _

from ecomai.exceptions import EcomaiError, InvalidInputError


class NoExchangeRateError(EcomaiError):
    code = "no_exchange_rate"
    message = _(
        "There is no rate from %(currency)s to %(reporting)s for %(day)s. "
        "Add an exchange rate that is valid from that day or earlier."
    )
    status_code = 409


class UnlikeCurrenciesError(EcomaiError):
    code = "unlike_currencies"
    message = _("Amounts in %(currencies)s cannot be added. Convert them to one currency first.")
    status_code = 409


class UnreadableFileError(InvalidInputError):
    """A file that cannot be imported at all; `code` says why."""

    code = "unreadable_file"
    message = _("The file “%(file)s” cannot be read: %(reason)s")


class NotUtf8Error(UnreadableFileError):
    code = "not_utf8"
    message = _(
        "The file “%(file)s” is not UTF-8 text (near row %(row)s). "
        "Save it again as “CSV UTF-8” and import it then."
    )


class MissingColumnError(UnreadableFileError):
    code = "missing_column"
    message = _(
        "The file “%(file)s” has no column %(columns)s. It has: %(present)s. "
        "Rename the columns or give a mapping."
    )


class EmptyFileError(UnreadableFileError):
    code = "empty_file"
    message = _("The file “%(file)s” is empty: not even a line with the column names is in it.")


class UnknownFileError(UnreadableFileError):
    code = "unknown_file"
    message = _(
        "No mapping recognises “%(file)s”. Give one with --mapping, or rename the file; see docs/data-in.md."
    )


class BadMappingError(UnreadableFileError):
    code = "bad_mapping"
    message = _("The mapping “%(file)s” is not valid: %(reason)s")


class TooManyRowsError(EcomaiError):
    code = "too_many_rows"
    message = _(
        "The request has %(have)s rows, and at most %(limit)s are taken at once. Send smaller batches."
    )
    status_code = 413


class InvalidKeyError(EcomaiError):
    code = "invalid_key"
    message = _("The API key is missing, unknown, revoked or has ended. Create a new one in the admin.")
    status_code = 401


class OriginNotAllowedError(EcomaiError):
    code = "origin_not_allowed"
    message = _("The page's address is not in this key's list of origins. Add it in the admin.")
    status_code = 403


class MissingScopeError(EcomaiError):
    code = "missing_scope"
    message = _("This key does not have the scope “%(scope)s”. Use another key, or create one with it.")
    status_code = 403


class NotReplayableError(EcomaiError):
    code = "not_replayable"
    message = _("This row cannot be replayed: who sent it could not be proven, and that does not change.")
    status_code = 409
