"""An event as a token of a sequence: a few of the features that were kept when it came.

They are those that say what was unlike before, so a transformer over a sequence sees how that went on. A
token needs nothing but its own row, and what was known of its outcome by then.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .vectors import FEATURE_NAMES

#: Features that a token has, in order.
TOKENS = (
    "amount", "hour", "n_lines", "discount_share", "failed_payments", "failed_logins", "account_age_days",
    "own_amount_ratio", "own_new_card", "own_new_device", "own_new_address", "own_new_country",
    "customer_idle_days", "card_idle_days", "card_payments_1h", "card_accounts", "device_accounts",
    "fraud_distance",
)  # fmt: skip
PLACES = tuple(FEATURE_NAMES.index(name) for name in TOKENS)
#: Whose newest events are read, and how many of each: 32 at most.
STREAMS = {"customer": 16, "card": 8, "device": 8}
#: A model that must not know one of these looks at no events of that stream either.
STREAM_TOKENS = {"customer": "customer_idle_days", "card": "card_idle_days", "device": "device_accounts"}


def token_numbers(values: ArrayLike) -> NDArray[np.float32]:
    """Return tokens' numbers, of features of shape (n_events, n_tokens).

    Logarithms, since amounts and times reach far; NaN stays what is not known.
    """
    found = np.asarray(values, dtype=np.float32)
    return np.sign(found) * np.log1p(np.abs(found))
