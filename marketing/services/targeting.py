"""The switch of a campaign: who is expected to bring more than a message costs gets one, and a few others."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from ecomai.experiments.assignment import draws
from ecomai.registry.artifacts import open_artifact
from ecomai.registry.models import ModelVersion
from ecomai.registry.selectors import serving_version

from ..exceptions import CampaignNotReadyError
from ..models import Campaign, Delivery
from ..scenario import UPLIFT
from ..targeting.features import customer_features
from ..targeting.histories import read_histories

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
    """Chooses among the customers of one campaign; of one that goes to everybody it changes nothing."""

    def __init__(self, campaign: Campaign) -> None:
        self.campaign = campaign
        self.model: Any = None
        if campaign.is_targeted:
            from ..training.uplift_artifacts import read_uplift_model

            version = ModelVersion.objects.get(pk=campaign.uplift_version or 0)
            self.model = read_uplift_model(open_artifact(version))

    def apply(self, rows: Sequence[Delivery]) -> Sequence[Delivery]:
        """Write into rows, before they are stored, what is expected, and leave out where it is too little.

        The holdout stays as it was drawn, so that the effect among those who would have been left out is
        measured, too. The same however often it is asked.
        """
        if self.model is None or not rows:
            return rows
        campaign = self.campaign
        assert campaign.started_at is not None  # noqa: S101
        pks, began = [row.customer_id for row in rows], campaign.started_at
        histories = read_histories(pks, as_of=began) if self.model.encoder is not None else None
        effects, without = self.model.predict(customer_features(pks, as_of=began), histories)
        effects = effects * campaign.margin_share
        gains = effects - float(campaign.cost_per_message)
        groups = groups_of(effects, float(campaign.cost_per_message), without, usual=self.model.usual)
        for row, gain, group in zip(rows, gains, groups, strict=True):
            row.expected_gain, row.group = round(float(gain), 4), group
            row.treat_probability = self._probability(group)
            if row.state == State.WAITING and not self._gets_one(row):
                row.state, row.reason = State.NOT_WORTH, _("was expected to bring less than it costs")
        return rows

    def _probability(self, group: str) -> float:
        share = 1.0 if group == Group.PERSUADABLE else self.campaign.explored_share
        return (1 - self.campaign.holdout_share) * share

    def _gets_one(self, row: Delivery) -> bool:
        if row.group == Group.PERSUADABLE:
            return True
        campaign = self.campaign
        *_others, for_exploring = draws(campaign.salt, campaign.storefront, str(row.customer_id))
        return for_exploring < campaign.explored_share


def groups_of(effects: Floats, cost: float, without: Floats, *, usual: float) -> list[str]:
    """Say of each customer what a message is expected to change; arrays are of shape (n_customers,).

    Where it brings more than it costs, a persuadable; where it loses more than that, a sleeping dog. The
    others buy anyway, more often than is usual, or not even that often.
    """
    conditions = [effects > cost, effects < -cost, without >= usual]
    names = [Group.PERSUADABLE.value, Group.SLEEPING_DOG.value, Group.SURE_THING.value]
    return [str(name) for name in np.select(conditions, names, default=Group.LOST_CAUSE.value)]
