"""Who composes texts now, and whether it answers."""

from django.utils.translation import gettext as _

from ecomai.console.cards import Finding

from . import budget
from .app_settings import app_settings
from .composers.remote import RemoteComposer, is_reachable


def findings() -> list[Finding]:
    return [_composer()]


def _composer() -> Finding:
    name, title = app_settings.COMPOSER, _("Composer of texts")
    if name == "grounded":
        return Finding(
            title, True, _("Facts and templates write; nothing is invented and nothing is paid for.")
        )
    if name == "local":
        message = _("A language model in a worker writes: %(model)s.") % {"model": app_settings.LOCAL_MODEL}
        remedy = _("Set GENERATION.LOCAL_MODEL; until then facts and templates write.")
        return Finding(title, bool(app_settings.LOCAL_MODEL), message, remedy)
    if name == "remote":
        return _remote(title)
    return Finding(title, True, _("A composer of the shop's own writes: %(name)s.") % {"name": name})


def _remote(title: str) -> Finding:
    used, most = budget.used_today(RemoteComposer.name), budget.most_tokens()
    if not is_reachable():
        message = _("The server of language models does not answer; facts and templates write.")
        return Finding(title, False, message, _("Start it, or mend GENERATION.REMOTE_URL."))
    message = _("%(model)s writes; %(used)s of %(most)s tokens are used today.")
    values = {"model": app_settings.REMOTE_MODEL, "used": used, "most": most}
    return Finding(
        title, used < most, message % values, _("Raise GENERATION.TOKENS_PER_DAY or COST_PER_DAY.")
    )
