"""A shop whose customers are moved by a mail in ways that are known: who visits lately is persuaded, who has
bought often is annoyed, and all others do as they would."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import numpy as np
from django.utils import timezone

from ecomai.commerce.models import Customer, Event, Order
from ecomai.registry.artifacts import store_artifact
from ecomai.registry.models import ModelVersion
from ecomai.registry.services import promote_version
from marketing.models import Campaign, CampaignVariant, CustomerProfile, Delivery, Segment, SegmentMember
from marketing.scenario import UPLIFT
from marketing.targeting.trials import read_trials
from marketing.training.uplift import learn_model, parts_to_learn
from marketing.training.uplift_artifacts import write_uplift_models

DAY = timedelta(days=1)
PERSUADABLE, ANNOYED, OTHER = range(3)
#: Who buys without a mail, and with one.
BUYS = {PERSUADABLE: (0.10, 0.55), ANNOYED: (0.50, 0.15), OTHER: (0.10, 0.10)}
#: With an offer: only the others are moved, and visitors are not.
BUYS_OFFERED = {PERSUADABLE: 0.10, ANNOYED: 0.50, OTHER: 0.65}
AMOUNT = 50


def kind_of(number: int) -> int:
    return number % 3


def plant_customers(n: int, now: datetime) -> list[Customer]:
    """Customers with what is known of them until `now` and a segment of all."""
    customers = Customer.objects.bulk_create(
        Customer(external_id=f"c{number}", first_seen_at=now - 400 * DAY) for number in range(n)
    )
    CustomerProfile.objects.bulk_create(
        CustomerProfile(customer=customer, has_consent=True) for customer in customers
    )
    segment, _made = Segment.objects.get_or_create(slug="all", defaults={"name": "All", "kind": "static"})
    SegmentMember.objects.bulk_create(
        SegmentMember(segment=segment, customer=customer) for customer in customers
    )
    plant_habits(customers, now)
    return customers


def plant_habits(customers: list[Customer], now: datetime) -> None:
    visits = [
        Event(key=uuid4(), type="view", customer=customer, occurred_at=now - age * DAY)
        for number, customer in enumerate(customers)
        if kind_of(number) == PERSUADABLE
        for age in (1, 2)
    ]
    Event.objects.bulk_create(visits)
    orders = [
        order(customer, now - age * DAY, f"{now:%y%m%d}-{number}-{age}")
        for number, customer in enumerate(customers)
        for age in ((200, 150, 100) if kind_of(number) == ANNOYED else (250,))
    ]
    Order.objects.bulk_create(orders)


def order(customer: Customer, at: datetime, external_id: str) -> Order:
    return Order(
        external_id=external_id, customer=customer, placed_at=at, total=Decimal(AMOUNT), currency="EUR",
        status=Order.Status.PAID,
    )  # fmt: skip


def plant_campaign(
    customers: list[Customer], started_at: datetime, *, name: str = "Earlier", seed: int = 0,
    has_offers: bool = False,
) -> Campaign:  # fmt: skip
    """A finished campaign with half held out, and what came of it; half of the messages may have an offer."""
    rng = np.random.default_rng(seed)
    campaign = Campaign.objects.create(
        name=name, segment=Segment.objects.get(slug="all"), state=Campaign.State.FINISHED, holdout_share=0.5,
        effect_days=14, started_at=started_at, finished_at=started_at, is_assigned=True,
    )  # fmt: skip
    percents = (None, 10) if has_offers else (None,)
    variants = [
        CampaignVariant.objects.create(
            campaign=campaign, name=name, subject="x", body="{{ voucher }}" if percent else "y",
            offer_percent=percent,
        )
        for name, percent in zip("AB", percents, strict=False)
    ]  # fmt: skip
    arms = np.where(rng.random(len(customers)) < 0.5, rng.integers(1, 1 + len(variants), len(customers)), 0)
    Delivery.objects.bulk_create(
        Delivery(
            campaign=campaign, customer=customer, variant=variants[arm - 1] if arm else None,
            state="sent" if arm else "held_out", sent_at=started_at if arm else None,
        )
        for customer, arm in zip(customers, arms.tolist(), strict=True)
    )  # fmt: skip
    plant_outcomes(campaign, customers, arms, rng)
    return campaign


def plant_outcomes(campaign: Campaign, customers: list[Customer], arms, rng) -> None:
    """Arms are 0 for none, 1 for a message and 2 for one with an offer."""
    chances = np.array(
        [(*BUYS[kind_of(number)], BUYS_OFFERED[kind_of(number)])[int(arm)] for number, arm in enumerate(arms)]
    )
    bought = rng.random(len(customers)) < chances
    Order.objects.bulk_create(
        order(customer, campaign.started_at + DAY, f"{campaign.pk}-{customer.pk}")
        for customer, has_bought in zip(customers, bought.tolist(), strict=True)
        if has_bought
    )


def serve_model(folder) -> ModelVersion:
    """A version that learned from all campaigns of the shop, and serves."""
    parts = parts_to_learn(read_trials(as_of=timezone.now()))
    models = {kind: learn_model(part, "dr_linear", "bought", 0) for kind, part in parts.items()}
    written = write_uplift_models(folder, models)
    stored = store_artifact(written, model_name=UPLIFT, number=1, kind="uplift")
    version = ModelVersion.objects.create(
        model_name=UPLIFT, number=1, kind="uplift", artifact_path=stored.path, artifact_digest=stored.digest,
        artifact_bytes=stored.n_bytes, format_version=stored.format_version,
        metrics={"auuc": 0.5}, baseline_metrics={"auuc": 0.4},
    )  # fmt: skip
    promote_version(version=version)
    return version
