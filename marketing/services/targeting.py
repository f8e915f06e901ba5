"""The switch of a campaign: who is expected to bring more than a message costs gets one, and a few others."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from ecomai.registry.artifacts import open_artifact
from ecomai.registry.models import ModelVersion
from ecomai.registry.selectors import serving_version

from ..exceptions import CampaignNotReadyError
from ..models import Campaign, CampaignVariant, Delivery
from ..scenario import UPLIFT
from ..targeting.features import customer_features
from ..targeting.histories import read_histories
from ..targeting.trials import offered_share
from .drawing import choose_variant, is_explored

if TYPE_CHECKING:
    from ..training.uplift_artifacts import UpliftModel, UpliftModels

State, Group = Delivery.State, Delivery.Group
Floats = NDArray[np.float64]


def fix_version(campaign: Campaign) -> None:
    """Say which version chooses, before the first message. Raises CampaignNotReadyError while none serves."""
    if not campaign.is_targeted or campaign.uplift_version is not None:
        return
    version = serving_version(UPLIFT)
    if version is None:
        reason = _("it goes only where it pays, and no version of the model “Effect of messages” serves yet.")
        raise CampaignNotReadyError(name=campaign.name, reason=reason)
    campaign.uplift_version = version.pk


class Targeting:
    """Chooses among the customers of one campaign; of one that goes to everybody it changes nothing.

    Of texts with and without an offer each customer is given the kind that is expected to leave more, once
    both have been learned; until then the kind is drawn by the weights, so that both can be.
    """

    def __init__(self, campaign: Campaign, variants: Sequence[CampaignVariant]) -> None:
        self.campaign, self.variants = campaign, variants
        self.kinds = sorted({variant.kind for variant in variants})
        self.offered_share = offered_share(variants)
        self.models: UpliftModels = {}
        if campaign.is_targeted:
            from ..training.uplift_artifacts import read_uplift_models

            version = ModelVersion.objects.get(pk=campaign.uplift_version or 0)
            self.models = read_uplift_models(open_artifact(version))

    @property
    def _shares(self) -> Floats:
        """How often each kind is drawn by the weights, in the order of `kinds`."""
        is_offered = np.array([kind == CampaignVariant.Kind.OFFERED for kind in self.kinds])
        return np.where(is_offered, self.offered_share, 1 - self.offered_share)

    @property
    def chooses_kind(self) -> bool:
        return len(self.kinds) > 1 and all(kind in self.models for kind in self.kinds)

    def apply(self, rows: Sequence[Delivery]) -> Sequence[Delivery]:
        """Write into rows, before they are stored, what is expected, and leave out where it is too little.

        The holdout stays as it was drawn, so that the effect among those who would have been left out is
        measured, too. The same however often it is asked.
        """
        if not self.models or not rows:
            return rows
        campaign, cost = self.campaign, float(self.campaign.cost_per_message)
        gains, without, usual = self._forecast([row.customer_id for row in rows])
        best = gains.argmax(axis=1)
        expected = gains.max(axis=1) if self.chooses_kind else gains @ self._shares
        groups = groups_of(expected + cost, cost, without, usual=usual)
        for row, place, gain, group in zip(rows, best.tolist(), expected.tolist(), groups, strict=True):
            kind = self.kinds[place]
            row.expected_gain, row.group = round(gain, 4), group
            row.treat_probability, row.offer_probability = self._probabilities(group, kind)
            if row.state == State.HELD_OUT or is_explored(campaign, row.customer_id):
                continue
            if group != Group.PERSUADABLE:
                row.state, row.reason = State.NOT_WORTH, _("was expected to bring less than it costs")
            elif self.chooses_kind:
                of_kind = [variant for variant in self.variants if variant.kind == kind]
                row.variant = choose_variant(campaign, of_kind, row.customer_id)
        return rows

    def _forecast(self, pks: Sequence[int]) -> tuple[Floats, Floats, float]:
        """Return what each kind leaves, of shape (n_customers, n_kinds), who buys anyway and how usual."""
        campaign = self.campaign
        assert campaign.started_at is not None  # noqa: S101
        X = customer_features(pks, as_of=campaign.started_at)
        of_kinds = [self.models.get(kind) or next(iter(self.models.values())) for kind in self.kinds]
        has_encoder = any(model.encoder is not None for model in of_kinds)
        histories = read_histories(pks, as_of=campaign.started_at) if has_encoder else None
        told = [model.predict(X, histories) for model in of_kinds]
        found = [
            self._gains(kind, model, effects, without * model.worth)
            for kind, model, (effects, without) in zip(self.kinds, of_kinds, told, strict=True)
        ]
        return np.column_stack(found), told[0][1], of_kinds[0].usual

    def _gains(self, kind: str, model: "UpliftModel", effects: Floats, spent_without: Floats) -> Floats:
        """Return what is left of the effect; an offer also takes from what would have been spent anyway.

        Where purchases were learned, `effects` are at the full price; where money was, as it was paid.
        """
        margin, discount = self.campaign.margin_share, self._discount(kind)
        cost = float(self.campaign.cost_per_message)
        if model.counts_purchases:
            return (margin - discount) * effects - discount * spent_without - cost
        left = margin_after(margin, discount)
        return left * effects - (margin - left) * spent_without - cost

    def _discount(self, kind: str) -> float:
        """Return what texts of a kind take off on average, as a share."""
        of_kind = [variant for variant in self.variants if variant.kind == kind]
        percents = [float(variant.offer_percent or 0) for variant in of_kind]
        return float(np.average(percents, weights=[variant.weight for variant in of_kind])) / 100

    def _probabilities(self, group: str, kind: str) -> tuple[float, float]:
        """Return with which probability a message is sent, and one with an offer."""
        explored, sent = self.campaign.explored_share, 1 - self.campaign.holdout_share
        if group != Group.PERSUADABLE:
            return sent * explored, sent * explored * self.offered_share
        if not self.chooses_kind:
            return sent, sent * self.offered_share
        is_offered = float(kind == CampaignVariant.Kind.OFFERED)
        return sent, sent * ((1 - explored) * is_offered + explored * self.offered_share)


def margin_after(margin: float, discount: float) -> float:
    """Return the share of what is paid that is left to the shop where a discount was taken off.

    Examples
    --------
    >>> round(margin_after(0.3, 0.1), 4), margin_after(0.3, 0.0)
    (0.2222, 0.3)
    """
    if discount >= 1:
        return 0.0  # nothing is paid
    return 1 - (1 - margin) / (1 - discount) if discount else margin


def groups_of(effects: Floats, cost: float, without: Floats, *, usual: float) -> list[str]:
    """Say of each customer what a message is expected to change; arrays are of shape (n_customers,).

    Where it brings more than it costs, a persuadable; where it loses more than that, a sleeping dog. The
    others buy anyway, more often than is usual, or not even that often.
    """
    conditions = [effects > cost, effects < -cost, without >= usual]
    names = [Group.PERSUADABLE.value, Group.SLEEPING_DOG.value, Group.SURE_THING.value]
    return [str(name) for name in np.select(conditions, names, default=Group.LOST_CAUSE.value)]
