"""What finished campaigns tell: who was to get a message and who was held out, and what came of it."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecomai.fusion.selectors import granted_consents

from ..app_settings import app_settings
from ..models import Campaign, CampaignVariant, Delivery
from ..services.effects import spent_within, window_end
from .features import NAMES, customer_features
from .histories import Histories, read_histories

if TYPE_CHECKING:
    from ecomai.learning.trials import Trial

State, Kind = Delivery.State, CampaignVariant.Kind
#: The arms besides none, in their order: 1 is a message without an offer.
KINDS = (Kind.PLAIN, Kind.OFFERED)
#: Who got no message: by chance, or because it was expected to bring too little.
WITHOUT = (State.HELD_OUT, State.NOT_WORTH)
#: Customers of campaigns that are learned from, at most; the newest campaigns first.
MOST_ROWS = 300_000
_CHUNK = 2000


@dataclass(frozen=True, eq=False)
class CampaignTrials:
    """A row for each customer of each campaign, oldest campaign first.

    Whoever was meant to get a message counts as treated, whatever became of it. `treatment` is 0, or the
    place of a kind in `KINDS` from 1 on; `propensity` is of shape (n_rows, 3), and of shape (n_rows, 2) for
    one kind; `spent` is in the reporting currency; `histories` are from before the campaign began;
    `n_refused` customers refuse marketing by now, and teach nothing.
    """

    X: NDArray[np.float32]
    treatment: NDArray[np.int64]
    bought: NDArray[np.float64]
    spent: NDArray[np.float64]
    propensity: NDArray[np.float64]
    campaigns: NDArray[np.int64]
    customers: NDArray[np.int64]
    histories: Histories
    n_refused: int = 0

    def __len__(self) -> int:
        return len(self.treatment)

    @property
    def n_campaigns(self) -> int:
        return len(np.unique(self.campaigns))

    @property
    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        known = self.histories
        for part in (
            self.X, self.treatment, self.spent, self.propensity, self.campaigns, self.customers,
            known.items, known.kinds, known.days, known.offsets,
        ):  # fmt: skip
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    def select(self, rows: NDArray[Any]) -> "CampaignTrials":
        return CampaignTrials(
            self.X[rows], self.treatment[rows], self.bought[rows], self.spent[rows], self.propensity[rows],
            self.campaigns[rows], self.customers[rows], self.histories.select(rows), self.n_refused,
        )  # fmt: skip

    def of_kind(self, kind: str) -> "CampaignTrials":
        """Return who got nothing and who got this kind, of those who might have got either: two arms."""
        arm = 1 + KINDS.index(Kind(kind))
        had_chance = self.propensity[:, [0, arm]].min(axis=1) > 0
        part = self.select(np.flatnonzero(had_chance & np.isin(self.treatment, (0, arm))))
        pair = part.propensity[:, [0, arm]]
        return replace(
            part, treatment=(part.treatment == arm).astype(np.int64),
            propensity=pair / pair.sum(axis=1, keepdims=True),
        )  # fmt: skip

    @property
    def first_histories(self) -> Histories:
        """What each customer had done before the first of these campaigns that they were in."""
        _customers, first = np.unique(self.customers, return_index=True)
        return self.histories.select(first)

    def trial(self, y: NDArray[np.float64]) -> "Trial":
        from ecomai.learning.trials import make_trial

        return make_trial(self.treatment, y, self.propensity)


def finished_campaigns(*, as_of: datetime) -> list[Campaign]:
    """Return campaigns with a holdout whose window had closed by a moment, newest first."""
    known = Campaign.objects.filter(
        state=Campaign.State.FINISHED, holdout_share__gt=0, started_at__lt=as_of
    ).order_by("-started_at", "-pk")  # fmt: skip
    return [campaign for campaign in known if window_end(campaign) <= as_of]


def read_trials(*, as_of: datetime) -> CampaignTrials:
    """Return what campaigns brought whose window had closed by a moment; only of who allows marketing."""
    parts: list[CampaignTrials] = []
    n_rows = 0
    for campaign in finished_campaigns(as_of=as_of):
        if n_rows >= MOST_ROWS:
            break
        for part in _parts(campaign):
            parts.append(part)
            n_rows += len(part)
    return _joined(parts[::-1])


def _parts(campaign: Campaign) -> Iterator[CampaignTrials]:
    spent, _n_without_rate = spent_within(campaign)
    rows = Delivery.objects.filter(campaign=campaign).order_by("-pk")
    found = rows.values_list(*_FIELDS).iterator(chunk_size=_CHUNK)
    while batch := list(islice(found, _CHUNK)):
        granted = granted_consents(customer_pks=[row[0] for row in batch], purpose=app_settings.PURPOSE)
        known = [row for row in batch if row[0] in granted][::-1]
        yield _part(campaign, known, spent, n_refused=len(batch) - len(known))


_FIELDS = ("customer_id", "state", "variant__offer_percent", "treat_probability", "offer_probability")


def _part(
    campaign: Campaign, rows: Sequence[tuple[Any, ...]], spent: dict[int, float], *, n_refused: int
) -> CampaignTrials:
    assert campaign.started_at is not None  # noqa: S101
    pks = [row[0] for row in rows]
    share = offered_share(campaign.variants.all())
    chances = np.array([_chances(campaign, share, *row[3:]) for row in rows], dtype=np.float64).reshape(-1, 3)
    return CampaignTrials(
        X=customer_features(pks, as_of=campaign.started_at) if pks else np.empty((0, len(NAMES)), np.float32),
        treatment=np.array([_arm(state, percent) for _pk, state, percent, *_more in rows], dtype=np.int64),
        bought=np.array([pk in spent for pk in pks], dtype=np.float64),
        spent=np.array([spent.get(pk, 0.0) for pk in pks], dtype=np.float64),
        propensity=chances,
        campaigns=np.full(len(pks), campaign.pk, dtype=np.int64),
        customers=np.array(pks, dtype=np.int64),
        histories=read_histories(pks, as_of=campaign.started_at),
        n_refused=n_refused,
    )  # fmt: skip


def offered_share(variants: Iterable[CampaignVariant]) -> float:
    """Return how often texts with an offer are drawn, by the weights."""
    weights = [(variant.weight, variant.has_offer) for variant in variants]
    return sum(weight for weight, has_offer in weights if has_offer) / (sum(w for w, _has in weights) or 1)


def _arm(state: str, offer_percent: Any) -> int:
    return 0 if state in WITHOUT else 1 + KINDS.index(Kind.PLAIN if offer_percent is None else Kind.OFFERED)


def _chances(campaign: Campaign, share: float, treated: Any, offered: Any) -> tuple[float, float, float]:
    """Return with which probability a row was to get nothing, a message without and one with an offer."""
    treated = 1 - campaign.holdout_share if treated is None else treated
    offered = treated * share if offered is None else offered
    return 1 - treated, treated - offered, offered


def _joined(parts: Sequence[CampaignTrials]) -> CampaignTrials:
    """Who could not get a message, or could get nothing else, teaches nothing."""
    if not parts:
        nothing = np.empty(0)
        none = nothing.astype(np.int64)
        empty = np.empty((0, len(NAMES)), np.float32)
        return CampaignTrials(
            empty, none, nothing, nothing, np.empty((0, 3)), none, none, Histories.of([])
        )  # fmt: skip
    names = ("X", "treatment", "bought", "spent", "propensity", "campaigns", "customers")
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    histories = Histories.joined([part.histories for part in parts])
    whole = CampaignTrials(**columns, histories=histories, n_refused=sum(part.n_refused for part in parts))
    without = whole.propensity[:, 0]
    return whole.select(np.flatnonzero((without > 0) & (without < 1)))
