"""What texts brought: of each campaign that used one, its variants side by side."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from django.db.models import Count, Exists, OuterRef, Q

from ecomai.commerce.models import Order
from ecomai.experiments.statistics import Effect, Moments, compare, tune_rho2
from ecomai.fusion.models import ConsentRecord

from ..app_settings import app_settings
from ..models import Campaign, CampaignVariant, ContentDraft, Delivery

ALPHA = 0.05


@dataclass(frozen=True)
class VariantEffect:
    """A variant's customers and what they did; `effect` compares buyers with the draft's own variant."""

    name: str
    is_own: bool
    n: int
    n_sent: int
    n_buyers: int
    n_unsubscribed: int
    effect: Effect | None = None

    @property
    def share(self) -> float | None:
        return self.n_buyers / self.n if self.n else None


@dataclass(frozen=True)
class UseEffect:
    """One campaign that used a text, with all of its variants, the text's own first."""

    campaign: Campaign
    variants: tuple[VariantEffect, ...]


def effects_of(draft: ContentDraft) -> list[UseEffect]:
    """Return what came of each use, newest first; customers count with the variant they were to get."""
    uses = draft.uses.select_related("variant__campaign").order_by("-pk")
    return [_use_effect(use.variant) for use in uses]


def _use_effect(own: CampaignVariant) -> UseEffect:
    campaign = own.campaign
    counts = {row["variant_id"]: row for row in _counts(campaign)}
    variants = sorted(campaign.variants.order_by("pk"), key=lambda variant: variant.pk != own.pk)
    base = counts.get(own.pk)
    n_others = max(len(variants) - 1, 1)
    found = []
    for variant in variants:
        row = counts.get(variant.pk, _NOTHING)
        effect = None
        if base and variant.pk != own.pk:
            # Of several comparisons each gets its part of the error that is allowed to all.
            alpha = ALPHA / n_others
            rho2 = tune_rho2(planned_n=max(row["n"] + base["n"], 2), alpha=alpha)
            effect = compare(_moments(row), _moments(base), alpha=alpha, rho2=rho2)
        found.append(
            VariantEffect(
                variant.name, variant.pk == own.pk, row["n"], row["n_sent"], row["n_buyers"],
                row["n_unsubscribed"], effect,
            )
        )  # fmt: skip
    return UseEffect(campaign, tuple(found))


_NOTHING = {"n": 0, "n_sent": 0, "n_buyers": 0, "n_unsubscribed": 0}


def _counts(campaign: Campaign) -> list[dict[str, int]]:
    """Count by variant in one query; orders and refusals within the campaign's window."""
    if campaign.started_at is None:
        return []
    window = (campaign.started_at, campaign.started_at + timedelta(days=campaign.effect_days))
    orders = Order.objects.filter(
        customer_id=OuterRef("customer_id"), placed_at__gte=window[0], placed_at__lt=window[1]
    ).exclude(status=Order.Status.CANCELLED)
    refusals = ConsentRecord.objects.filter(
        customer_id=OuterRef("customer_id"), purpose=app_settings.PURPOSE, is_granted=False,
        recorded_at__gte=OuterRef("sent_at"), recorded_at__lt=window[1],
    )  # fmt: skip
    rows = Delivery.objects.filter(campaign=campaign, variant__isnull=False).annotate(
        has_bought=Exists(orders), has_refused=Exists(refusals)
    )
    counted: Any = (
        rows.order_by().values("variant_id").annotate(
            n=Count("pk"), n_sent=Count("pk", filter=Q(state=Delivery.State.SENT)),
            n_buyers=Count("pk", filter=Q(has_bought=True)),
            n_unsubscribed=Count("pk", filter=Q(has_refused=True)),
        )
    )  # fmt: skip
    return list(counted)


def _moments(row: dict[str, int]) -> Moments:
    """Whether each customer bought: nought or one."""
    bought = np.zeros(row["n"])
    bought[: row["n_buyers"]] = 1
    return Moments.of(bought, np.zeros(row["n"]))
