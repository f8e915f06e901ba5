"""What the console's front page shows of this scenario."""

from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ecomai.console.cards import Card

from . import selectors
from .models import Stage


def cards(request: HttpRequest) -> list[Card]:
    """Return cards: how many customers are where in their life cycle."""
    if not request.user.has_perm("ecomai_marketing.view_customerprofile"):
        return []
    counts = selectors.profile_counts().stages
    return [_customers(counts), _at_risk(counts)]


def _customers(counts: dict[Stage, int]) -> Card:
    title, href = _("Customer profiles"), reverse("admin:ecomai_marketing_customerprofile_changelist")
    total = sum(counts.values())
    if not total:
        text = _("None yet. They are computed each night, and once a history was imported.")
        return Card(title=title, value="0", text=text, state="empty", href=href, order=60)
    text = _("%(active)s active, %(new)s new, %(prospect)s without an order, %(lapsed)s lapsed.") % {
        stage.value: number_format(n, force_grouping=True) for stage, n in counts.items()
    }
    return Card(title=title, value=number_format(total, force_grouping=True), text=text, href=href, order=60)


def _at_risk(counts: dict[Stage, int]) -> Card:
    title = _("Customers at risk")
    href = reverse("admin:ecomai_marketing_profile_early_warning")
    n_at_risk, n_buyers = counts[Stage.AT_RISK], sum(counts.values()) - counts[Stage.PROSPECT]
    if not n_buyers:
        return Card(title=title, value="-", text=_("Nobody has ordered yet."), state="empty", order=61)
    text = _("Later than usual with the next order, of %(n)s who have ordered.") % {
        "n": number_format(n_buyers, force_grouping=True)
    }
    return Card(
        title=title, value=number_format(n_at_risk, force_grouping=True), text=text, href=href, order=61
    )
