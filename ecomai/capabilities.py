"""What one scenario may ask of another: typed protocols, each with a null implementation.

`get(Recommender)` always answers with something callable; where no scenario offers the capability,
or its scenario is switched off, the answer is the null implementation, which says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
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
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class SearchFilters:
    """What may be found. `category` is a path or its beginning; prices are in `currency`, which may be empty
    where all prices are in one.
    """

    category: str = ""
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    currency: str = ""
    is_in_stock: bool = False


@dataclass(frozen=True)
class SearchResults:
    items: Sequence[FoundItem] = ()
    unavailable: Unavailable | None = None


class Searcher(Protocol):
    def search(
        self,
        *,
        query: str,
        n: int = 20,
        storefront: str = "",
        filters: SearchFilters | None = None,
        time_budget_seconds: float = 0.1,
    ) -> SearchResults: ...


class PictureSearcher(Protocol):
    """Finds items that look like a picture. `content` is a file's content, which is read and not kept."""

    def search_picture(self, *, content: bytes, n: int = 5, storefront: str = "") -> SearchResults: ...


@dataclass(frozen=True)
class Review:
    """What a customer wrote of an item, without who it was; `rating` is in stars, of five."""

    text: str
    rating: int | None = None


@dataclass(frozen=True)
class Reviews:
    reviews: Sequence[Review] = ()
    unavailable: Unavailable | None = None


class ReviewReader(Protocol):
    """Returns the newest reviews of an item."""

    def read_reviews(self, *, item_id: str, n: int = 50, storefront: str = "") -> Reviews: ...


@dataclass(frozen=True, kw_only=True)
class RiskLine:
    """A line of an order or a return. `unit_price` is in the currency of the question."""

    item_id: str = ""
    category: str = ""
    quantity: int = 1
    unit_price: Decimal = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class RiskQuestion:
    """What the shop asks about, and what it knows of it; each kind has use for some of the fields.

    `kind` is `payment_fraud`, `account_takeover`, `promotion_abuse`, `return_abuse`, `fake_review` or
    `listing`; `external_id` is the shop's own id, which makes a question happen once. Card, device,
    addresses, e-mail and IP address are hashed before they are kept; countries are ISO 3166 codes of two
    letters.
    """

    kind: str
    external_id: str
    storefront: str = ""
    customer_id: str = ""
    session_id: str = ""
    occurred_at: datetime | None = None
    amount: Decimal | None = None
    currency: str = ""
    lines: Sequence[RiskLine] = ()
    discount_amount: Decimal | None = None
    coupons: Sequence[str] = ()
    card_fingerprint: str = ""
    card_last_digits: str = ""
    card_country: str = ""
    device_id: str = ""
    ip_address: str = ""
    ip_country: str = ""
    email: str = ""
    customer_name: str = ""
    billing_address: str = ""
    billing_country: str = ""
    shipping_address: str = ""
    shipping_country: str = ""
    customer_since: datetime | None = None
    failed_payments: int | None = None
    # Logins and changes of an account.
    action: str = ""
    failed_logins: int | None = None
    is_new_credential: bool | None = None
    # Returns, reviews and listings.
    ordered_at: datetime | None = None
    returned_share: float | None = None
    item_id: str = ""
    title: str = ""
    text: str = ""
    rating: float | None = None
    is_verified_purchase: bool | None = None
    #: Contents of picture files; they are read and not kept.
    pictures: Sequence[bytes] = ()
    properties: Mapping[str, str | float | bool] = field(default_factory=dict)


@dataclass(frozen=True)
class RiskAssessment:
    """What to do: `approve`, `step_up` (ask for a proof), `review` or `decline`.

    In shadow the decision is to approve, whatever the probability. `reasons` are sentences in the active
    language for the codes in `reason_codes`.
    """

    decision: str = "approve"
    probability: float | None = None
    reason_codes: Sequence[str] = ()
    reasons: Sequence[str] = ()
    is_shadow: bool = False
    answered_by: str = ""
    unavailable: Unavailable | None = None


class RiskAssessor(Protocol):
    def assess(
        self, question: RiskQuestion, *, time_budget_seconds: float | None = None
    ) -> RiskAssessment: ...


@dataclass(frozen=True)
class MessageReceipt:
    is_sent: bool = False
    unavailable: Unavailable | None = None


class MessageSender(Protocol):
    """Says something to a customer, such as in a chat.

    `context["key"]`, where it is there, makes a message happen once: the same key again is taken for the
    same message and answered as sent.
    """

    def send(
        self, *, customer_id: str, channel: str, subject: str, body: str, purpose: str,
        context: dict[str, Any] | None = None,
    ) -> MessageReceipt: ...  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class HeardText:
    """What a customer wrote, in a chat or elsewhere; who passes it on has masked what is personal in it."""

    text_id: str
    text: str
    written_at: datetime
    customer_id: str = ""
    language: str = ""


@dataclass(frozen=True)
class Hearing:
    n_taken: int = 0
    unavailable: Unavailable | None = None


class VoiceListener(Protocol):
    """Reads what customers write for what they feel and talk about. A `text_id` counts once."""

    def hear(self, texts: Sequence[HeardText], *, storefront: str = "") -> Hearing: ...


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
class NullPictureSearcher:
    unavailable: Unavailable = field(default_factory=Unavailable)

    def search_picture(self, **request: Any) -> SearchResults:
        return SearchResults(unavailable=self.unavailable)


@dataclass(frozen=True)
class NullReviewReader:
    unavailable: Unavailable = field(default_factory=Unavailable)

    def read_reviews(self, **request: Any) -> Reviews:
        return Reviews(unavailable=self.unavailable)


@dataclass(frozen=True)
class NullRiskAssessor:
    unavailable: Unavailable = field(default_factory=Unavailable)

    def assess(self, question: RiskQuestion, **request: Any) -> RiskAssessment:
        return RiskAssessment(unavailable=self.unavailable)


@dataclass(frozen=True)
class NullMessageSender:
    unavailable: Unavailable = field(default_factory=Unavailable)

    def send(self, **request: Any) -> MessageReceipt:
        return MessageReceipt(unavailable=self.unavailable)


@dataclass(frozen=True)
class NullVoiceListener:
    unavailable: Unavailable = field(default_factory=Unavailable)

    def hear(self, texts: Sequence[HeardText], **request: Any) -> Hearing:
        return Hearing(unavailable=self.unavailable)


NULL_IMPLEMENTATIONS: dict[type, type] = {
    Recommender: NullRecommender,
    Searcher: NullSearcher,
    PictureSearcher: NullPictureSearcher,
    ReviewReader: NullReviewReader,
    RiskAssessor: NullRiskAssessor,
    MessageSender: NullMessageSender,
    VoiceListener: NullVoiceListener,
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
