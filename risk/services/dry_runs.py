"""What a condition would have met: counted on the newest assessments while somebody still writes it."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from ecomai.condition_columns import answers_of
from ecomai.conditions import Condition

from ..backtesting.past import PastTable, past_tables
from ..facts import LANGUAGE
from ..models import Kind

#: A person waits: the newest ones of a period, and no longer than this.
MOST_ASSESSMENTS, MOST_SECONDS, MOST_SAMPLES = 20_000, 3.0, 5


@dataclass
class DryRun:
    """What a condition met among the assessments that were looked at, the newest of the period."""

    n_asked: int = 0
    n_hits: int = 0
    n_fraud: int = 0
    n_honest: int = 0
    n_failed: int = 0
    problem: str = ""
    is_complete: bool = True
    samples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def share(self) -> float:
        return self.n_hits / self.n_asked if self.n_asked else 0.0

    def add(self, condition: Condition, table: PastTable) -> None:
        answers = answers_of(condition, table)
        hits, labels = answers.is_met, table.labels
        self.n_asked += table.n_rows
        self.n_hits += int(hits.sum())
        self.n_fraud += int((hits & (labels == 1)).sum())
        self.n_honest += int((hits & (labels == 0)).sum())
        self.n_failed += answers.n_failed
        self.problem = self.problem or answers.problem
        for row in (row for row, is_hit in zip(table.rows, hits.tolist(), strict=True) if is_hit):
            if len(self.samples) >= MOST_SAMPLES:
                break
            self.samples.append({"assessment": row.pk, "external_id": row.external_id, "at": row.received_at,
                                 "amount": row.amount_reporting, "decision": row.decision,
                                 "is_fraud": row.is_fraud})  # fmt: skip


def dry_run(
    condition: str, *, kinds: Iterable[str] = (), storefront: str = "", days: int = 30,
    end: datetime | None = None,
) -> DryRun:  # fmt: skip
    """Ask a condition about past assessments. Raises ConditionError with what is wrong with it."""
    compiled = LANGUAGE.compile(condition)
    end = end or timezone.now()
    found, until = DryRun(), time.monotonic() + MOST_SECONDS
    chosen = [kind for kind in kinds if kind in Kind.values] or Kind.values
    for kind in chosen:
        tables = past_tables(
            kind=kind, storefront=storefront, start=end - timedelta(days=days), end=end,
            names=compiled.names, most=MOST_ASSESSMENTS // len(chosen), newest_first=True, at_once=1_000,
        )  # fmt: skip
        for table in tables:
            found.add(compiled, table)
            if time.monotonic() > until:
                found.is_complete = False
                return found
    return found
