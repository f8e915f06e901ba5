"""What can go wrong when texts are composed."""

from django.utils.translation import gettext_lazy as _

from ecomai.exceptions import ConflictError, InvalidInputError, UnavailableError


class ComposerAwayError(UnavailableError):
    """A composer gave no answer; `cause` is a stable word for it."""

    code = "composer_away"
    message = _("The composer “%(composer)s” did not answer (%(cause)s).")

    def __init__(self, *, composer: str, cause: str) -> None:
        super().__init__(composer=composer, cause=cause)
        self.cause = cause


class BudgetSpentError(ComposerAwayError):
    code = "generation_budget_spent"
    message = _("Today's budget of the composer “%(composer)s” is spent. It writes again tomorrow.")


class TemplateLineError(InvalidInputError):
    code = "template_line"
    message = _("This line of the template cannot be read: %(line)s. A fact is named as {title}.")


class ImmutableVersionError(ConflictError):
    code = "prompt_version_immutable"
    message = _("A version of a prompt stays as it is. Save a new version instead.")


class UnknownPromptError(InvalidInputError):
    code = "unknown_prompt"
    message = _("No prompt “%(name)s” is registered for the language %(language)s.")


class PictureModelAwayError(InvalidInputError):
    """Nothing that trying again mends: the model is not there, is not readable, or diffusers is missing."""

    code = "picture_model_away"
    message = _(
        "The model that draws pictures cannot be used (%(cause)s). Look at GENERATION.IMAGE_MODEL, and "
        "whether the workers have the extra “pictures”."
    )

    def __init__(self, *, cause: str) -> None:
        super().__init__(cause=cause)


class CutoutModelAwayError(PictureModelAwayError):
    code = "cutout_model_away"
    message = _(
        "The model that takes backgrounds away cannot be used (%(cause)s). Look at GENERATION.CUTOUT_MODEL, "
        "and whether the workers have the extra “pictures”."
    )


class NoFigureError(ConflictError):
    code = "no_figure"
    message = _("The model found nothing that stands out from its background. Try another photo.")


class PictureWithheldError(ConflictError):
    code = "picture_withheld"
    message = _("The model's own filter withheld the picture. Ask again with other words.")
