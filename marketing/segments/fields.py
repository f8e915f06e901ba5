"""What a condition may ask of a profile: each field with its kind, which decides what can be asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.translation import gettext_lazy as _

from ..models import CustomerProfile, Sentiment, Stage

Kind = Literal["number", "text", "choice", "moment", "stage"]

#: Kind -> what can be asked of it, in the order in which it is offered.
OPERATORS: Mapping[Kind, Mapping[str, Any]] = {
    "number": {
        ">=": _("is at least"), "<=": _("is at most"), ">": _("is more than"), "<": _("is less than"),
        "=": _("is exactly"), "known": _("is known"),
    },
    "text": {"in": _("is one of"), "known": _("is known")},
    "choice": {"in": _("is one of")},
    "stage": {"in": _("is one of")},
    "moment": {
        "within": _("was within the last"), "longer_ago": _("was longer ago than"),
        "next": _("comes within the next"), "known": _("is known"),
    },
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Field:
    """A column of the profile, or of its customer, under the name that conditions use."""

    name: str
    label: Any
    kind: Kind
    path: str
    is_nullable: bool = False
    choices: tuple[tuple[str, Any], ...] = ()


def _of_profile(name: str, kind: Kind, **more: Any) -> Field:
    column: Any = CustomerProfile._meta.get_field(name)
    return Field(
        name=name, label=column.verbose_name, kind=kind, path=name, is_nullable=column.null, **more
    )  # fmt: skip


_NUMBERS = (
    "n_orders", "spent", "average_order", "returned_share", "own_gap_days", "recency_score",
    "frequency_score", "monetary_score", "price_level", "discount_share", "usual_hour", "n_referrals",
    "n_texts", "negative_share",
    "expected_orders", "expected_value", "alive_probability", "repurchase_probability",
)  # fmt: skip
_TEXTS = ("favourite_category", "favourite_brand", "loyalty_tier", "usual_channel")
_MOMENTS = (
    "first_order_at", "last_order_at", "next_order_at", "at_risk_at", "lapsed_at", "last_seen_at",
    "last_written_at",
)  # fmt: skip
#: A text is one of these as soon as anybody has told.
_SENTIMENTS = tuple(each for each in Sentiment.choices if each[0] != Sentiment.UNKNOWN)

FIELDS: Mapping[str, Field] = {
    field.name: field
    for field in (
        Field(
            name="stage", label=_("life cycle"), kind="stage", path="", choices=tuple(Stage.choices)
        ),
        *(_of_profile(name, "number") for name in _NUMBERS),
        *(_of_profile(name, "moment") for name in _MOMENTS),
        *(_of_profile(name, "text") for name in _TEXTS),
        _of_profile("last_sentiment", "choice", choices=_SENTIMENTS),
        Field(name="country", label=_("country"), kind="text", path="customer__country"),
        Field(name="language", label=_("language"), kind="text", path="customer__language"),
        Field(name="storefront", label=_("storefront"), kind="text", path="customer__storefront"),
    )
}  # fmt: skip
