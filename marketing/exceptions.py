"""What can go wrong with segments."""

from django.utils.translation import gettext_lazy as _

from ecomai.exceptions import ConflictError, NotFoundError


class UnknownSegmentError(NotFoundError):
    code = "unknown_segment"
    message = _("There is no segment “%(name)s”.")


class NameTakenError(ConflictError):
    code = "name_taken"
    message = _("There is a segment “%(name)s” already. Give another name.")


class SegmentStateError(ConflictError):
    code = "segment_state"
    message = _(
        "This cannot be done with “%(name)s”: it is archived, or it is of the other kind. Look at it once "
        "more."
    )
