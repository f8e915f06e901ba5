"""What decisions were worth, once it is known what was fraud: counted a table at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.utils import timezone
from numpy.typing import NDArray

from ..app_settings import app_settings
from ..models import Decision
from .costs import Costs, cost_table
from .deciding import CODES, DECISIONS
from .past import PastTable

#: Who decides in a back-test: what is tried out, what is live today, and what was answered then.
DRAFT, LIVE, THEN = "draft", "live", "then"
ARMS = (DRAFT, LIVE, THEN)
OUTCOMES = ("honest", "fraud", "unknown")
REVIEW, DECLINE = CODES[Decision.REVIEW], CODES[Decision.DECLINE]


@dataclass
class Tally:
    """What one arm did: orders and amounts by decision and outcome, and by day reviews and costs."""

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros((4, 3), dtype=np.int64))
    amounts: NDArray[np.float64] = field(default_factory=lambda: np.zeros((4, 3)))
    cost: float = 0.0
    reviews: dict[str, int] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)

    def add(
        self,
        decisions: NDArray[np.int8],
        outcomes: NDArray[np.int8],
        amounts: NDArray[np.float64],
        costs: NDArray[np.float64],
        days: NDArray[np.str_],
    ) -> None:
        np.add.at(self.counts, (decisions, outcomes), 1)
        np.add.at(self.amounts, (decisions, outcomes), amounts)
        spent = np.where(outcomes < 2, costs[np.arange(len(decisions)), decisions], 0.0)
        self.cost += float(spent.sum())
        for day in np.unique(days).tolist():
            is_of_day = days == day
            self.reviews[day] = self.reviews.get(day, 0) + int((decisions[is_of_day] == REVIEW).sum())
            self.costs[day] = self.costs.get(day, 0.0) + float(spent[is_of_day].sum())

    def as_json(self) -> dict[str, Any]:
        return {
            "counts": self.counts.tolist(), "amounts": self.amounts.tolist(), "cost": self.cost,
            "reviews": self.reviews, "costs": self.costs,
        }  # fmt: skip

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> "Tally":
        return cls(
            np.array(content["counts"], dtype=np.int64), np.array(content["amounts"], dtype=float),
            content["cost"], dict(content["reviews"]), dict(content["costs"]),
        )  # fmt: skip


def outcomes_of(table: PastTable, now: datetime) -> NDArray[np.int8]:
    """Return 0 honest, 1 fraud, 2 not known yet, as places in `OUTCOMES`.

    What nobody complained of for `LABEL_DELAY_DAYS` was honest; not so what the shop was told to decline,
    because nobody could complain of it.
    """
    silent_since = now - timedelta(days=app_settings.LABEL_DELAY_DAYS)
    may_be_honest = [
        row.received_at < silent_since and row.decision != Decision.DECLINE for row in table.rows
    ]
    unlabelled = np.where(may_be_honest, 0, 2)
    return np.where(table.labels >= 0, table.labels, unlabelled).astype(np.int8)


def days_of(table: PastTable) -> NDArray[np.str_]:
    """Return the day of each row in the shop's zone."""
    zone = timezone.get_default_timezone()
    return np.array([row.received_at.astimezone(zone).date().isoformat() for row in table.rows])


def decided_then(table: PastTable) -> NDArray[np.int8]:
    """What was wanted at the time, whether in shadow or not."""
    return np.array([CODES[row.wanted_decision or row.decision] for row in table.rows], dtype=np.int8)


def add_to(
    tallies: Mapping[str, Tally], table: PastTable, decisions: Mapping[str, NDArray[np.int8]], costs: Costs,
    outcomes: NDArray[np.int8],
) -> None:  # fmt: skip
    amounts, days = np.nan_to_num(table.amounts), days_of(table)
    each = cost_table(costs, table.amounts, outcomes == 1)
    for arm, tally in tallies.items():
        tally.add(decisions[arm], outcomes, amounts, each, days)


def figures(tally: Tally, costs: Costs) -> dict[str, Any]:
    """Return what an arm is worth. Money is in the reporting currency, and of known outcomes alone.

    `saved` is what it costs less than letting everything through.
    """
    stopped = tally.counts[REVIEW:].sum(axis=0)
    fraud, honest = int(tally.counts[:, 1].sum()), int(tally.counts[:, 0].sum())
    declined_honest = int(tally.counts[DECLINE, 0])
    reviews = list(tally.reviews.values())
    everything = float(tally.amounts[:, 1].sum()) + fraud * costs.chargeback_cost
    return {
        "decisions": {
            str(decision): dict(zip(OUTCOMES, tally.counts[code].tolist(), strict=True))
            for code, decision in enumerate(DECISIONS)
        },
        "n_caught": int(stopped[1]),
        "caught_amount": float(tally.amounts[REVIEW:, 1].sum()),
        "recall": stopped[1] / fraud if fraud else None,
        "precision": stopped[1] / (stopped[0] + stopped[1]) if stopped[0] + stopped[1] else None,
        "n_false": int(stopped[0]),
        "false_share": stopped[0] / honest if honest else None,
        "n_honest_declined": declined_honest,
        "lost_margin": float(tally.amounts[DECLINE, 0]) * costs.margin,
        "missed_amount": float(tally.amounts[:REVIEW, 1].sum()),
        "n_reviews": int(tally.counts[REVIEW].sum()),
        "reviews_a_day": float(np.mean(reviews)) if reviews else 0.0,
        "most_reviews_a_day": max(reviews, default=0),
        "days_over_capacity": sum(n > costs.review_capacity for n in reviews),
        "review_cost": float(tally.counts[REVIEW].sum()) * costs.review_cost,
        "cost": tally.cost,
        "saved": everything - tally.cost,
    }
