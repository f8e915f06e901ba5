"""What can go wrong with segments, campaigns and journeys."""

from django.utils.translation import gettext_lazy as _

from ecomai.exceptions import ConflictError, InvalidInputError, NotFoundError, UnavailableError


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


class InvalidConditionError(InvalidInputError):
    """`details["path"]` leads to the faulty part, such as `all[1].not.value`."""

    code = "invalid_condition"
    message = _("The condition cannot be used: %(reason)s (at %(path)s)")


class CountTooSlowError(UnavailableError):
    code = "count_too_slow"
    message = _(
        "Counting took longer than %(seconds)s seconds and was stopped. You can save the segment all the "
        "same: it is then counted in the background."
    )


class TemplateError(InvalidInputError):
    code = "invalid_template"
    message = _("The text cannot be used: %(reason)s")


class CampaignStateError(ConflictError):
    code = "campaign_state"
    message = _("This cannot be done with “%(name)s”: it is %(state)s by now.")


class CampaignNotReadyError(ConflictError):
    code = "campaign_not_ready"
    message = _("“%(name)s” cannot be sent: %(reason)s")


class TooManyRefusedError(ConflictError):
    code = "too_many_refused"
    message = _(
        "“%(name)s” is paused: of %(n_done)s mails %(n_failed)s were refused. Look at the reasons and at the "
        "addresses before you start it again."
    )


class InvalidJourneyError(InvalidInputError):
    """`details["path"]` leads to the faulty step, such as `[1].variants[0].body`."""

    code = "invalid_journey"
    message = _("The journey cannot be used: %(reason)s.")


class JourneyStateError(ConflictError):
    code = "journey_state"
    message = _("This cannot be done with “%(name)s”: it is %(state)s by now.")


class JourneyNotReadyError(ConflictError):
    code = "journey_not_ready"
    message = _("“%(name)s” cannot start: %(reason)s")


class AdGroupStateError(ConflictError):
    code = "ad_group_state"
    message = _("This cannot be done with “%(name)s”: it is %(state)s by now.")


class AdGroupNotReadyError(ConflictError):
    code = "ad_group_not_ready"
    message = _("“%(name)s” cannot be started: %(reason)s")


class AdTargetError(InvalidInputError):
    code = "ad_target"
    message = _(
        "An advertisement may not lead to “%(address)s”. Give a page of the shop, such as /sale/, or have "
        "the host named in the setting MARKETING.AD_TARGET_HOSTS."
    )


class UnknownAdError(NotFoundError):
    code = "unknown_ad"
    message = _("This advertisement is not known.")


class FeedError(UnavailableError):
    code = "feed_not_read"
    message = _("The feed “%(name)s” cannot be read: %(reason)s.")


class TextBlockedError(ConflictError):
    code = "text_blocked"
    message = _("The text cannot be approved as it is: “%(what)s” is in it. Change it first.")
