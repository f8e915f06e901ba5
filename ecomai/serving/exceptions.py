"""What can go wrong with models in a web process."""

from django.utils.translation import gettext_lazy as _

from ecomai.exceptions import EcomaiError


class UnknownPredictorError(EcomaiError):
    code = "unknown_predictor"
    message = _("No installed application can load a model of the kind “%(kind)s”.")
    status_code = 500


class UnreadableArtifactError(EcomaiError):
    code = "unreadable_artifact"
    message = _("The model's files cannot be used here: %(reason)s Train the model again.")
    status_code = 500
