"""What one scenario may ask of another: typed protocols, each with a null implementation.

`get(Recommender)` always answers with something callable; where no scenario offers the capability,
or its scenario is switched off, the answer is the null implementation, which says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol, TypeVar, cast

from django.utils.module_loading import import_string

from . import scenarios
from .registry.selectors import is_scenario_on

P = TypeVar("P")


@dataclass(frozen=True)
class Unavailable:
    """Why a capability gave no answer: `not_installed`, `switched_off` or `timed_out`."""

    reason: str = "not_installed"


@dataclass(frozen=True)
class RecommendedItem:
    item_id: str
    score: float
    reason: str = ""


@dataclass(frozen=True)
class Recommendations:
    items: Sequence[RecommendedItem] = ()
    model_version: int | None = None
    unavailable: Unavailable | None = None


class Recommender(Protocol):
    def recommend(
        self, *, customer_id: str, n: int = 10, storefront: str = "", time_budget_seconds: float = 0.05
    ) -> Recommendations: ...


@dataclass(frozen=True)
class FoundItem:
    item_id: str
    score: float


@dataclass(frozen=True)
class SearchResults:
    items: Sequence[FoundItem] = ()
    unavailable: Unavailable | None = None


class Searcher(Protocol):
    def search(
        self, *, query: str, n: int = 20, storefront: str = "", time_budget_seconds: float = 0.1
    ) -> SearchResults: ...


@dataclass(frozen=True)
class RiskAssessment:
    decision: str = "approve"
    probability: float | None = None
    reason_codes: Sequence[str] = ()
    unavailable: Unavailable | None = None


class RiskAssessor(Protocol):
    def assess(
        self, *, kind: str, external_id: str, amount: Decimal, currency: str, time_budget_seconds: float = 0.2
    ) -> RiskAssessment: ...


@dataclass(frozen=True)
class MessageReceipt:
    is_sent: bool = False
    unavailable: Unavailable | None = None


class MessageSender(Protocol):
    def send(
        self, *, customer_id: str, channel: str, subject: str, body: str, purpose: str,
        context: dict[str, Any] | None = None,
    ) -> MessageReceipt: ...  # fmt: skip


@dataclass(frozen=True)
class NullRecommender:
    unavailable: Unavailable = field(default_factory=Unavailable)

    def recommend(self, **request: Any) -> Recommendations:
        return Recommendations(unavailable=self.unavailable)


@dataclass(frozen=True)
class NullSearcher:
    unavailable: Unavailable = field(default_factory=Unavailable)

    def search(self, **request: Any) -> SearchResults:
        return SearchResults(unavailable=self.unavailable)


@dataclass(frozen=True)
class NullRiskAssessor:
    unavailable: Unavailable = field(default_factory=Unavailable)

    def assess(self, **request: Any) -> RiskAssessment:
        return RiskAssessment(unavailable=self.unavailable)


@dataclass(frozen=True)
class NullMessageSender:
    unavailable: Unavailable = field(default_factory=Unavailable)

    def send(self, **request: Any) -> MessageReceipt:
        return MessageReceipt(unavailable=self.unavailable)


NULL_IMPLEMENTATIONS: dict[type, type] = {
    Recommender: NullRecommender,
    Searcher: NullSearcher,
    RiskAssessor: NullRiskAssessor,
    MessageSender: NullMessageSender,
}


def get(protocol: type[P]) -> P:
    """Return the installed implementation of a capability, or its null implementation."""
    for scenario in scenarios.installed():
        path = scenario.capabilities.get(protocol.__name__)
        if path:
            if not is_scenario_on(scenario.name):
                return cast(P, NULL_IMPLEMENTATIONS[protocol](Unavailable("switched_off")))
            return cast(P, import_string(path)())
    return cast(P, NULL_IMPLEMENTATIONS[protocol]())
