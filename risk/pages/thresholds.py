"""The page on which thresholds are chosen by what mistakes cost."""

from collections.abc import Sequence
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ecomai.console import charts

from ..backtesting.thresholds import Outcome, Thresholds
from ..services.thresholds import Proposal


def proposal_context(proposal: Proposal) -> dict[str, Any]:
    tried = proposal.tried
    return {
        "proposal": proposal,
        "best": proposal.best.thresholds.as_fields(),
        "rows": _rows(proposal),
        "cost_chart": charts.line_chart(
            title=_("Cost by the threshold for reviews"), x=proposal.curve["thresholds"],
            series={_("cost"): proposal.curve["costs"]}, x_title=_("Review from"), from_zero=True,
        ),
        "review_chart": charts.line_chart(
            title=_("Reviews a day by the threshold for reviews"), x=proposal.curve["thresholds"],
            series={
                _("reviews a day"): proposal.curve["reviews"],
                _("capacity"): [proposal.costs.review_capacity] * len(proposal.curve["thresholds"]),
            },
            x_title=_("Review from"), from_zero=True,
        ),
        "saves": number_format(proposal.now.cost - proposal.best.cost, 2, force_grouping=True),
        "tried": {name: number_format(value, 2, force_grouping=True) for name, value in tried.items()},
        "n_days": number_format(proposal.n_days, 1),
    }  # fmt: skip


def _rows(proposal: Proposal) -> list[tuple[str, Sequence[str]]]:
    names = {
        "without_proofs": _("best without proofs"),
        "without_declines": _("best without refusals"),
        "approve_all": _("let everything through"),
    }
    rows = [(_("proposed"), proposal.best), (_("as it counts now"), proposal.now)]
    rows += [(names[name], outcome) for name, outcome in proposal.others.items()]
    return [(name, _cells(outcome)) for name, outcome in rows]


def _cells(outcome: Outcome) -> list[str]:
    shown = shown_thresholds(outcome.thresholds)
    return [
        *shown,
        number_format(outcome.cost, 2, force_grouping=True),
        number_format(outcome.reviews_a_day, 1),
        number_format(outcome.n_caught, force_grouping=True),
        number_format(outcome.n_honest_declined, force_grouping=True),
    ]


def shown_thresholds(thresholds: Thresholds) -> list[str]:
    return ["–" if value is None else f"{value:.4f}" for value in thresholds.as_fields().values()]
