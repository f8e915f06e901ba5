"""What can go wrong between us and the host shop, with stable codes."""

from django.utils.translation import gettext_lazy as _

from ecomai.exceptions import ConflictError, EcomaiError


class UnsupportedActionError(EcomaiError):
    code = "action_not_supported"
    message = _("This shop's adapter cannot “%(action)s”. It can: %(supported)s.")
    status_code = 501


class ActionRefusedError(ConflictError):
    """An adapter raises this where the shop's own rules forbid an action; nothing was changed."""

    code = "action_refused"
    message = _("The shop refused the action: %(reason)s")


class ActionKeyReusedError(ConflictError):
    code = "action_key_reused"
    message = _("This action key has been used for something else; every action needs a key of its own.")


class UnknownModelError(EcomaiError):
    code = "unknown_model"
    message = _("The adapter maps “%(model)s”, which is no model of an installed app.")


class BackfillBusyError(ConflictError):
    code = "backfill_busy"
    message = _("Another back-fill of “%(source)s” is under way; wait for its end.")
