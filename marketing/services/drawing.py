"""What chance gives a customer: a hash says it, so that it is the same however often it is asked."""

from collections.abc import Sequence

from ecomai.experiments.assignment import draws

from ..models import Campaign, CampaignVariant, Journey


def is_held_out(campaign: Campaign | Journey, customer_pk: int) -> bool:
    for_holdout, _second, _third = _draws(campaign, customer_pk)
    return for_holdout < campaign.holdout_share


def choose_variant(
    campaign: Campaign, variants: Sequence[CampaignVariant], customer_pk: int
) -> CampaignVariant:
    """Return the one of several texts that a customer gets, by their weights."""
    _first, for_variant, _third = _draws(campaign, customer_pk)
    at, reached = for_variant * sum(variant.weight for variant in variants), 0.0
    for variant in variants:
        reached += variant.weight
        if at < reached:
            return variant
    return variants[-1]


def is_explored(campaign: Campaign, customer_pk: int) -> bool:
    """Whether what was drawn holds, whatever a model would choose."""
    _first, _second, for_exploring = _draws(campaign, customer_pk)
    return for_exploring < campaign.explored_share


def _draws(campaign: Campaign | Journey, customer_pk: int) -> tuple[float, float, float]:
    return draws(campaign.salt, campaign.storefront, str(customer_pk))
