"""Whether risk could work now, and what to do if not."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.console.cards import Finding
from ecomai.registry.selectors import deployments
from ecomai.serving import live

from . import selectors
from .app_settings import app_settings
from .models import Assessment, Kind, Policy
from .services import rebuilding
from .services.scoring import model_name

WEEK = timedelta(days=7)
PAYMENT = model_name(Kind.PAYMENT_FRAUD)


def findings() -> list[Finding]:
    return [_asked(), _policy(), _key(), _states(), _rules(), _model()]


def _asked() -> Finding:
    """A checkout that has never asked may begin when it likes; one that fell silent is broken."""
    figures = selectors.figures(since=timezone.now() - WEEK)
    n_asked = sum(figures["by_decision"].values())
    message = _("%(n)s questions were assessed in the last 7 days.") % {"n": n_asked}
    remedy = _("Ask from the checkout (capability RiskAssessor), or POST to risk/assessments/.")
    is_ok = n_asked > 0 or not Assessment.objects.exists()
    return Finding(_("Questions"), is_ok, message, remedy)


def _policy() -> Finding:
    is_live = Policy.objects.filter(kind=Kind.PAYMENT_FRAUD, is_current=True, is_live=True).exists()
    message = _("The policy of payments is live.") if is_live else _("Payments are assessed in shadow.")
    return Finding(_("Policy"), True, message)


def _key() -> Finding:
    """A key of its own outlives a change of SECRET_KEY."""
    is_own = bool(app_settings.HASH_KEY)
    message = (
        _("Entities are hashed with a key of their own.")
        if is_own
        else _("Entities are hashed with a key derived from SECRET_KEY; after a change of it all is new.")
    )
    return Finding(_("Key"), is_own or settings.DEBUG or bool(settings.SECRET_KEY), message)


def _states() -> Finding:
    """States that were folded with another key, or for other features, know nobody any more."""
    why = rebuilding.why_needed()
    message = why or _("What is known of customers, cards and devices was folded with today's key.")
    return Finding(_("States"), not why, message, "manage.py ecomai_rebuild_risk_states" if why else "")


def _rules() -> Finding:
    failing = list(selectors.failing_rules())
    if not failing:
        return Finding(_("Rules"), True, _("No rule failed within the last day."))
    told = "; ".join(f"{rule}: {rule.problem}" for rule in failing[:5])
    return Finding(_("Rules"), False, told, _("Make the next version of the rule, with a mended condition."))


def _model() -> Finding:
    faults = {fault.model_name: fault.message for fault in live.faults()}
    if PAYMENT in faults:
        remedy = _("Train the model again, or roll back to the earlier version.")
        return Finding(PAYMENT, False, faults[PAYMENT], remedy)
    row = {row.model_name: row for row in deployments()}.get(PAYMENT)
    if row is not None and row.live_version:
        return Finding(PAYMENT, True, _("Version %(n)s is live.") % {"n": row.live_version.number})
    message = _("No version is live; the simple model answers.")
    return Finding(PAYMENT, True, message, _("Import chargebacks, train it, look at it, go live."))
