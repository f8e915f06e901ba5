"""What may go wrong with alerts."""

from django.utils.translation import gettext_lazy as _

from ecomai.exceptions import EcomaiError


class WebhookAddressError(EcomaiError):
    code = "webhook_address"
    message = _(
        "“%(url)s” is no address that may be reached: it must begin with https:// or http://, and lie "
        "outside the shop's own network."
    )
    status_code = 400


class WebhookRefusedError(EcomaiError):
    code = "webhook_refused"
    message = _("The receiver answered with status %(status)s. Look at the address and at what it expects.")
    status_code = 502


class NoRecipientError(EcomaiError):
    code = "no_recipient"
    message = _("This rule has neither a mail address nor a webhook. Add one, then send a test.")
    status_code = 409
