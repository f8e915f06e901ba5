"""The feature vector: names and numbers, in one order. Missing is nan."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from . import windows
from .events import CODES, ENTITIES, LINKS, RiskEvent, short
from .states import DAY, State, fraud_distance, reached

#: Raise it whenever a number comes to mean something else: stored features of another version are not mixed.
FEATURES_VERSION = 1

# Name of a velocity feature -> place in what `windows.total` returns, buckets, seconds of one, how many.
_VELOCITY = {
    "payments_1h": (0, "fives", 300, 12), "payments_24h": (0, "hours", 3600, 24),
    "payments_7d": (0, "days", DAY, 7), "payments_30d": (0, "days", DAY, 30),
    "payments_90d": (0, "days", DAY, 90), "others_1h": (1, "fives", 300, 12),
    "others_24h": (1, "hours", 3600, 24), "others_30d": (1, "days", DAY, 30),
    "amount_1h": (2, "fives", 300, 12), "amount_24h": (2, "hours", 3600, 24),
    "amount_7d": (2, "days", DAY, 7), "amount_30d": (2, "days", DAY, 30), "amount_90d": (2, "days", DAY, 90),
}  # fmt: skip
_WINDOWS = {(buckets, seconds, n) for _place, buckets, seconds, n in _VELOCITY.values()}
_OF_LINKS = (*_VELOCITY, "age_days", "idle_days", "accounts", "fraud_30d", "fraud_ever")
_OF_OTHERS = (
    "payments_1h",
    "payments_24h",
    "payments_30d",
    "others_1h",
    "accounts",
    "fraud_30d",
    "fraud_share",
)
OWN = (
    "own_amount_ratio", "own_amount_z", "own_hour_share", "own_new_card", "own_new_device", "own_new_address",
    "own_new_country", "own_new_categories", "own_orders", "own_returns_share", "own_reviews_share",
    "own_promotions_share",
)  # fmt: skip
LINKED = ("fraud_distance", "circle_size")
#: What the question itself says; `risk.normalising` fills it.
ASKED = (
    "amount", "hour", "weekday", "n_lines", "quantity", "dearest_unit", "n_categories", "discount_share",
    "has_coupon", "is_guest", "has_device", "has_card", "account_age_days", "failed_payments",
    "failed_logins", "is_new_credential", "clock_gap_minutes", "country_ip_differs", "country_card_differs",
    "country_shipping_differs", "address_differs", "email_digits", "email_length", "email_has_tag",
    "email_name_differs", "address_digits", "address_is_box", "text_length", "text_capitals",
    "text_exclamations", "text_links", "text_contacts", "text_repeats", "rating", "is_verified_purchase",
    "days_since_order", "returned_share",
)  # fmt: skip


def _names() -> tuple[str, ...]:
    of_entities = [
        f"{kind}_{name}" for kind in ENTITIES for name in (_OF_LINKS if kind in LINKS else _OF_OTHERS)
    ]
    return (*ASKED, *OWN, *LINKED, *of_entities)


FEATURE_NAMES = _names()


def vector(states: Mapping[str, State], event: RiskEvent) -> list[float]:
    """Return what is known the moment before an event, in the order of `FEATURE_NAMES`.

    `states` are those of the entities that the event names, before the event is folded.
    """
    values = [event.numbers.get(name, math.nan) for name in ASKED]
    values += _own(states.get("customer"), event)
    values += _linked(states, event)
    for kind in ENTITIES:
        names = _OF_LINKS if kind in LINKS else _OF_OTHERS
        state = states.get(kind)
        values += [math.nan] * len(names) if state is None else _entity(state, event, names)
    return values


def as_row(values: list[float | None]) -> NDArray[np.float32]:
    """A stored vector as models take it: of shape (n_features,), None as nan."""
    return np.array([math.nan if each is None else each for each in values], dtype=np.float32)


def _entity(state: State, event: RiskEvent, names: tuple[str, ...]) -> list[float]:
    at = event.at
    sums = {
        (buckets, seconds, n): windows.total(getattr(state, buckets), at, seconds=seconds, n=n)
        for buckets, seconds, n in _WINDOWS
    }
    is_new = not state.n_events
    known = {
        name: sums[buckets, seconds, n][place] for name, (place, buckets, seconds, n) in _VELOCITY.items()
    }
    known["age_days"] = math.nan if is_new else (at - state.first) / DAY
    known["idle_days"] = math.nan if is_new else (at - state.last) / DAY
    known["accounts"] = float(state.n_accounts - (event.customer in state.accounts))
    known["fraud_30d"] = float(state.frauds_within(at, 30))
    known["fraud_ever"] = float(state.n_fraud)
    # Smoothed by a hundred honest events, so that the first fraud of a new network is no certainty.
    known["fraud_share"] = state.n_fraud / (state.n_events + 100)
    return [known[name] for name in names]


def _own(state: State | None, event: RiskEvent) -> list[float]:
    """How far the event is from what is usual for its customer."""
    if state is None or not state.n_events:
        return [math.nan] * len(OWN)
    orders = max(state.counts[CODES["payment_fraud"]], 1)
    values = {
        "own_amount_ratio": _ratio(event.amount, state.mean) if state.n_amounts else math.nan,
        "own_amount_z": _distance(event.amount, state),
        "own_hour_share": (state.day_hours[event.hour] + 1) / (sum(state.day_hours) + 24),
        "own_new_card": _is_new(state, event, "card"),
        "own_new_device": _is_new(state, event, "device"),
        "own_new_address": _is_new(state, event, "address"),
        "own_new_country": float(event.country not in state.countries) if event.country else math.nan,
        "own_new_categories": _share_of_new(event.categories, state.categories),
        "own_orders": float(state.counts[CODES["payment_fraud"]]),
        "own_returns_share": state.counts[CODES["return_abuse"]] / orders,
        "own_reviews_share": state.counts[CODES["fake_review"]] / orders,
        "own_promotions_share": state.counts[CODES["promotion_abuse"]] / orders,
    }
    return [values[name] for name in OWN]


def _linked(states: Mapping[str, State], event: RiskEvent) -> list[float]:
    """Steps to the nearest known fraud (3: none in reach), and how many accounts are reached, up to 32."""
    linked = [states[kind] for kind in LINKS if kind in states]
    if not linked:
        return [math.nan, math.nan]
    return [float(fraud_distance(states)), float(len(reached(linked, event)))]


def _ratio(amount: float | None, mean: float) -> float:
    return math.nan if amount is None or mean <= 0 else amount / mean


def _distance(amount: float | None, state: State) -> float:
    """Deviations from the usual amount. A tenth of the mean at least, as two equal orders prove little."""
    deviation = state.deviation()
    if amount is None or math.isnan(deviation):
        return math.nan
    return (amount - state.mean) / max(deviation, 0.1 * state.mean, 0.01)


def _is_new(state: State, event: RiskEvent, kind: str) -> float:
    if kind not in event.keys or not state.known.get(kind):
        return math.nan
    return float(short(event.keys[kind]) not in state.known[kind])


def _share_of_new(categories: tuple[int, ...], known: list[int]) -> float:
    if not categories or not known:
        return math.nan
    return sum(each not in known for each in categories) / len(categories)
