"""One question as the features see it: codes, hashes and numbers, no names."""

from collections.abc import Mapping
from dataclasses import dataclass, field

#: What a question may name, in the order of the features.
ENTITIES = ("customer", "card", "device", "address", "email", "ip", "network", "email_domain")
#: What ties one account to another. A network or a domain is shared by strangers.
LINKS = ("customer", "card", "device", "address", "email")
#: Kinds of questions by their place in a state's counts.
CODES = {
    "payment_fraud": 0, "account_takeover": 1, "promotion_abuse": 2, "return_abuse": 3, "fake_review": 4,
    "listing": 5,
}  # fmt: skip
PAYMENT = CODES["payment_fraud"]

Key = bytes


@dataclass(frozen=True)
class RiskEvent:
    """A question at the moment it came.

    `at` is in seconds since 1970, by our clock. `amount` is in the reporting currency, None where there is
    none. `keys` maps an entity's kind to its 16 bytes; what the shop did not say is missing. `categories`
    and `country` are short hashes. `numbers` are what the question itself says, by the feature's name.
    """

    at: float
    code: int
    keys: Mapping[str, Key]
    amount: float | None = None
    hour: int = 0
    categories: tuple[int, ...] = ()
    country: int = 0
    numbers: Mapping[str, float] = field(default_factory=dict)

    @property
    def customer(self) -> Key | None:
        return self.keys.get("customer")

    @property
    def is_payment(self) -> bool:
        return self.code == PAYMENT


def short(key: Key) -> int:
    """63 bits of a key: enough to tell accounts apart, and half as long."""
    return int.from_bytes(key[:8], "big") >> 1
