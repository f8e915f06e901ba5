"""What is kept of an entity, how an event changes it, and how a label does.

Links between accounts are gossiped: an event lets the entities that it names tell each other which
accounts they reach (`circle`) and how far the nearest known fraud is (`hop`). So a question reads no row
but those of its own entities, however large a ring is. An account hears of what happened elsewhere in the
ring when one of its entities is seen again, and of a label at once (`fold_label`).
"""

import math
from collections.abc import Iterable, Mapping

import msgspec

from . import windows
from .events import CODES, LINKS, Key, RiskEvent, short

DAY = 86_400
MOST_ACCOUNTS = 16
MOST_CIRCLE = 32
MOST_KNOWN = 8
MOST_CATEGORIES = 16
FRAUD_DAYS = 90
#: Of an entity: steps from the accounts seen with it to the nearest known fraud. This many: none in reach.
FAR = 3


class State(msgspec.Struct, array_like=True):
    """One entity's past. Lists are capped, so its encoded size is bounded."""

    first: float = 0.0
    last: float = 0.0
    counts: list[int] = msgspec.field(default_factory=lambda: [0] * len(CODES))
    fives: list[windows.Bucket] = []
    hours: list[windows.Bucket] = []
    days: list[windows.Bucket] = []
    # Welford's running mean and sum of squared distances of the payments' amounts.
    n_amounts: int = 0
    mean: float = 0.0
    m2: float = 0.0
    # Accounts seen here, the newest last; and how many were ever new here, up to a bound.
    accounts: list[Key] = []
    n_accounts: int = 0
    circle: list[int] = []
    hop: int = FAR
    fraud_days: list[list[int]] = []
    n_fraud: int = 0
    # Of customers alone: what is usual for them.
    day_hours: list[int] = []
    known: dict[str, list[int]] = {}
    categories: list[int] = []
    countries: list[int] = []

    @property
    def n_events(self) -> int:
        return sum(self.counts)

    def encode(self) -> bytes:
        return _encoder.encode(self)

    @classmethod
    def decode(cls, content: bytes) -> "State":
        return _decoder.decode(content) if content else cls()

    def add(self, event: RiskEvent) -> None:
        """Count an event of this entity. Time never runs backwards here: `event.at` is later than `last`."""
        if not self.n_events:
            self.first = event.at
        self.last = event.at
        self.counts[event.code] += 1
        amount = event.amount or 0.0
        for buckets, seconds, most in zip(
            (self.fives, self.hours, self.days), windows.SECONDS, windows.MOST, strict=True
        ):
            windows.add(
                buckets, event.at, seconds=seconds, most=most, is_payment=event.is_payment, amount=amount
            )
        if event.is_payment and event.amount is not None:
            self._add_amount(event.amount)

    def _add_amount(self, amount: float) -> None:
        self.n_amounts += 1
        distance = amount - self.mean
        self.mean += distance / self.n_amounts
        self.m2 += distance * (amount - self.mean)

    def deviation(self) -> float:
        """Standard deviation of the amounts; nan below two of them."""
        return math.sqrt(self.m2 / (self.n_amounts - 1)) if self.n_amounts > 1 else math.nan

    def meet(self, account: Key) -> None:
        """Note an account that was seen with this entity."""
        if account in self.accounts:
            return
        self.accounts = [*self.accounts, account][-MOST_ACCOUNTS:]
        self.n_accounts = min(self.n_accounts + 1, 1000)

    def get_used_to(self, event: RiskEvent) -> None:
        """Learn what is usual for a customer."""
        if not self.day_hours:
            self.day_hours = [0] * 24
        self.day_hours[event.hour] += 1
        for kind in ("card", "device", "address"):
            if kind in event.keys:
                self.known[kind] = _keep(self.known.get(kind, []), [short(event.keys[kind])], MOST_KNOWN)
        self.categories = _keep(self.categories, event.categories, MOST_CATEGORIES)
        if event.country:
            self.countries = _keep(self.countries, [event.country], MOST_KNOWN)

    def frauds_within(self, at: float, days: int) -> int:
        """Known frauds by the day they became known; what was taken back counts against them."""
        oldest = int(at // DAY) - days
        return max(sum(n for day, n in self.fraud_days if day > oldest), 0)

    def add_fraud(self, at: float, n: int) -> None:
        """Count a fraud that became known, or (n = -1) one that was none after all."""
        day = int(at // DAY)
        self.n_fraud = max(self.n_fraud + n, 0)
        if self.fraud_days and self.fraud_days[-1][0] == day:
            self.fraud_days[-1][1] += n
        else:
            self.fraud_days.append([day, n])
        self.fraud_days = [each for each in self.fraud_days if each[0] > day - FRAUD_DAYS]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(State)


def fold(states: Mapping[str, State], event: RiskEvent) -> None:
    """Let an event change the states of the entities that it names (by kind, all of `event.keys`)."""
    linked = [states[kind] for kind in LINKS if kind in states]
    circle, distance = reached(linked, event), fraud_distance(states)
    for state in linked:
        state.hop = min(state.hop, distance)
        state.circle = circle
    for kind, state in states.items():
        state.add(event)
        if kind != "customer" and event.customer is not None:
            state.meet(event.customer)
    if "customer" in states:
        states["customer"].get_used_to(event)


def fraud_distance(states: Mapping[str, State]) -> int:
    """Steps from an account to the nearest known fraud, 3 for none in reach.

    0: its own. 1: that of another account on one of its entities. 2: that of an account which shares
    something with one of those.
    """
    own = states["customer"].hop if "customer" in states else FAR
    return min([own, FAR, *(states[kind].hop + 1 for kind in LINKS if kind in states and kind != "customer")])


def reached(linked: Iterable[State], event: RiskEvent) -> list[int]:
    """Accounts that the entities of an event reach, this one included: the smallest hashes of them."""
    accounts = {each for state in linked for each in state.circle}
    if event.customer is not None:
        accounts.add(short(event.customer))
    return sorted(accounts)[:MOST_CIRCLE]


def fold_label(states: Mapping[str, State], neighbours: Iterable[State], *, at: float, n: int) -> None:
    """Let a label change the states of what it is about (n = 1: fraud; n = -1: no fraud after all).

    `neighbours` are the states of other accounts seen with the linking entities (`accounts`): they are one
    step from a fraud from now on. What spread before is not called back; it fades as windows pass.
    """
    for state in states.values():
        state.add_fraud(at, n)
        state.last = at
    for kind in LINKS:
        if kind in states:
            states[kind].hop = 0 if states[kind].n_fraud else FAR
    for state in neighbours:
        if n > 0:
            state.hop = min(state.hop, 1)
        state.last = at


def neighbour_keys(states: Mapping[str, State], *, but: Key | None) -> list[Key]:
    """Keys of accounts seen with the linking entities, in order; at most 16 for each of them."""
    found = {each for kind in LINKS if kind in states for each in states[kind].accounts}
    return sorted(found - {but} if but is not None else found)


def _keep(known: list[int], new: Iterable[int], most: int) -> list[int]:
    """Add what is new at the end; what was used longest ago goes first."""
    new = list(dict.fromkeys(new))
    return [*(each for each in known if each not in new), *new][-most:]
