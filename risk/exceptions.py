"""What can go wrong when the shop asks whom to trust."""

from django.utils.translation import gettext_lazy as _

from ecomai.exceptions import ConflictError, EcomaiError, InvalidInputError, NotFoundError


class InvalidQuestionError(InvalidInputError):
    code = "invalid_question"
    message = _("This cannot be assessed: %(reason)s")


class OtherContentsError(ConflictError):
    code = "other_contents"
    message = _(
        "“%(id)s” was assessed before with other contents, and that answer stands. Give a new id to what "
        "is asked anew."
    )


class UnknownAssessmentError(NotFoundError):
    code = "unknown_assessment"
    message = _("Nothing called “%(id)s” was assessed as %(kind)s.")


class RuleStateError(ConflictError):
    code = "rule_state"
    message = _("This cannot be done with “%(rule)s”: it is %(state)s by now.")


class RuleNotReadyError(ConflictError):
    code = "rule_not_ready"
    message = _("“%(rule)s” cannot be put to work: %(reason)s")


class OldPolicyError(ConflictError):
    code = "old_policy"
    message = _("The policy was changed meanwhile. Look at the current version, and decide again.")


class CaseLockedError(ConflictError):
    code = "case_locked"
    message = _("%(who)s looks at this case until %(until)s. Take the next one.")


class SamePersonError(ConflictError):
    code = "same_person"
    message = _("You decided already, and this case needs a second person. Somebody else has to confirm it.")


class CaseDecidedError(ConflictError):
    code = "case_decided"
    message = _("This case is decided. Open it again if it has to be decided anew.")


class UnknownDecisionError(NotFoundError):
    code = "unknown_decision"
    message = _("There is no such decision about you.")


class NothingToAppealError(ConflictError):
    code = "nothing_to_appeal"
    message = _("Nothing was decided against you here, so there is nothing to appeal against.")


class AlreadyAppealedError(ConflictError):
    code = "already_appealed"
    message = _("You asked for another look already. You will be answered.")


class NoMoreAppealsError(ConflictError):
    code = "no_more_appeals"
    message = _("This was looked at again as often as it can be. Please write to the shop.")


class TextEncoderMissingError(EcomaiError):
    code = "text_encoder_missing"
    message = _(
        "The text encoder “%(encoder)s” could not be loaded. Name a folder, or an id in the local Hugging "
        "Face cache, in RISK.TEXT_ENCODER; “char_ngram” needs no files. The live version goes on serving."
    )
    status_code = 409
