"""What can go wrong when recommendations are asked for."""

from django.utils.translation import gettext_lazy as _

from ecomai.exceptions import EcomaiError, NotFoundError, PermissionDeniedError


class OtherCustomerError(PermissionDeniedError):
    code = "other_customer"
    message = _("A page may only ask for the recommendations of its own visitor.")


class NoVisitorError(EcomaiError):
    code = "no_visitor"
    message = _("Nobody is known who could say so: a login, a customer token or a session is needed.")
    status_code = 400


class UnknownItemError(NotFoundError):
    code = "unknown_item"
    message = _("There is no item “%(item)s”.")


class EncoderMissingError(EcomaiError):
    code = "encoder_missing"
    message = _(
        "The text encoder “%(encoder)s” could not be loaded. Install the package that brings it, or name "
        "another one in the setting RECOMMENDATIONS.ENCODER. The live version goes on serving."
    )
    status_code = 409


class UnlikeCurrenciesError(EcomaiError):
    code = "unlike_currencies"
    message = _("Items have prices in %(currencies)s. Say which of them the price filter means (currency=…).")
    status_code = 400


class PipelineStateError(EcomaiError):
    code = "pipeline_state"
    message = _("“%(pipeline)s” is %(state)s, so this cannot be done with it.")
    status_code = 409


class PipelineNotReadyError(EcomaiError):
    code = "pipeline_not_ready"
    message = _("“%(pipeline)s” names no candidates. Give it at least one source before it goes live.")
    status_code = 409
