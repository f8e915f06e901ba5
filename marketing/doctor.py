"""Whether marketing could work now, and what to do if not."""

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.models import Customer
from ecomai.console.cards import Finding
from ecomai.fusion.models import ConsentRecord
from ecomai.fusion.selectors import default_consent

from .app_settings import app_settings
from .models import CustomerProfile, ProfileRequest

#: Profiles that wait longer than this wait for a worker that does not come.
LATE = timedelta(minutes=10)


def findings() -> list[Finding]:
    return [_profiles(), _waiting(), _consent()]


def _profiles() -> Finding:
    """A shop without customers has no profiles, and nothing is wrong with that."""
    has_profiles = CustomerProfile.objects.exists()
    if has_profiles or not Customer.objects.exists():
        return Finding(_("Profiles"), True, _("Profiles are computed each night and as things happen."))
    message = _("No customer has a profile yet.")
    return Finding(_("Profiles"), True, message, _("They come tonight, or with the next event."))


def _waiting() -> Finding:
    n_late = ProfileRequest.objects.filter(requested_at__lt=timezone.now() - LATE).count()
    message = _("%(n)s profiles wait for longer than ten minutes.") % {"n": n_late}
    remedy = _("Is a worker for the queue “default” running, and beat?")
    return Finding(_("Waiting profiles"), not n_late, message, remedy)


def _consent() -> Finding:
    purpose = app_settings.PURPOSE
    is_known = default_consent(purpose) or ConsentRecord.objects.filter(purpose=purpose).exists()
    message = (
        _("Customers are addressed by their answers to the purpose “%(purpose)s”.")
        if is_known
        else _("Nobody has granted the purpose “%(purpose)s” yet, so nobody is addressed.")
    )
    return Finding(_("Consent"), True, message % {"purpose": purpose})
