"""What can go wrong with experiments."""

from django.utils.translation import gettext_lazy as _

from ecomai.exceptions import ConflictError


class ExperimentStartedError(ConflictError):
    code = "experiment_started"
    message = _(
        "“%(experiment)s” has been started, so its arms and shares stay as they are: a change would move "
        "visitors from one arm to another and spoil the result. Stop it, and start a new one instead."
    )


class NotReadyError(ConflictError):
    code = "experiment_not_ready"
    message = _("“%(experiment)s” cannot be started yet: %(reason)s")


class SubjectTakenError(ConflictError):
    code = "subject_taken"
    message = _(
        "“%(other)s” runs on %(subject)s already. Two at a time would disturb each other; stop it first."
    )


class WrongStateError(ConflictError):
    code = "experiment_wrong_state"
    message = _("“%(experiment)s” is %(state)s, so this cannot be done with it.")
