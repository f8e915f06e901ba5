"""Cards of the front page and findings of the doctor: what scenarios hand to the console."""

import logging
from dataclasses import dataclass
from typing import Any, Literal

from django.http import HttpRequest
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from ecomai.scenarios import Scenario

logger = logging.getLogger(__name__)

CardState = Literal["ok", "attention", "problem", "empty"]


@dataclass(frozen=True, kw_only=True)
class Card:
    """One number or fact, what it means, and where to read on.

    `progress` (0 to 1) draws a bar, `chart` is one of `ecomai.console.charts`; lower `order` comes first.
    """

    title: Any
    value: Any = ""
    text: Any = ""
    state: CardState = "ok"
    href: str = ""
    progress: float | None = None
    chart: Any = None
    order: int = 100


@dataclass(frozen=True)
class Finding:
    """What a doctor's check found, and what to do about it if it is not well."""

    name: Any
    is_ok: bool
    message: Any = ""
    remedy: Any = ""


def cards_of(scenario: Scenario, request: HttpRequest) -> list[Card]:
    """Return a scenario's cards in order. A scenario that fails shows so, and leaves the page standing."""
    if not scenario.cards:
        return []
    try:
        cards = import_string(scenario.cards)(request)
    except Exception:
        logger.exception("The cards of %s could not be made.", scenario.name)
        text = _("This part could not be shown. The log of the web server says why.")
        return [Card(title=scenario.verbose_name, text=text, state="problem")]
    return sorted(cards, key=lambda card: card.order)


def findings_of(scenario: Scenario) -> list[Finding]:
    """Return a scenario's doctor findings; a failing doctor is a finding itself."""
    if not scenario.doctor:
        return []
    try:
        return list(import_string(scenario.doctor)())
    except Exception as error:
        logger.exception("The doctor of %s failed.", scenario.name)
        message = _("The check itself failed: %(error)s") % {"error": error}
        return [Finding(scenario.verbose_name, False, message, _("Read the log for the traceback."))]
