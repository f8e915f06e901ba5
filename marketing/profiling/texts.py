"""What customers wrote, as far as it is known whether it was kind: reviews, chats and what shops pass on."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from ..models import Feedback, Sentiment


@dataclass
class Written:
    """The texts of one customer; `last_sentiment` is that of the newest of which it is known."""

    n: int = 0
    n_told: int = 0
    n_negative: int = 0
    last_at: datetime | None = None
    last_sentiment: str = ""

    def add(self, sentiment: str, written_at: datetime) -> None:
        """Take a text that is newer than those before it."""
        self.n, self.last_at = self.n + 1, written_at
        if sentiment != Sentiment.UNKNOWN:
            self.n_told += 1
            self.n_negative += sentiment == Sentiment.NEGATIVE
            self.last_sentiment = sentiment


def read_written(customer_pks: Collection[int], *, since: datetime, now: datetime) -> dict[int, Written]:
    """Return what the customers wrote from a moment on; one query along the texts' index of customers."""
    rows = Feedback.objects.filter(
        customer_id__in=list(customer_pks), written_at__gt=since, written_at__lte=now
    ).order_by("written_at", "pk")
    found: dict[int, Written] = defaultdict(Written)
    for customer, sentiment, written_at in rows.values_list(
        "customer_id", "sentiment", "written_at"
    ).iterator():
        found[customer or 0].add(sentiment, written_at)
    return dict(found)
