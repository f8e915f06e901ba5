"""Whom a message moves where only the order of what customers did tells: learned, said, served as learned."""

from datetime import timedelta

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ecomai.commerce.models import Event, OrderLine
from ecomai.fusion.models import SessionLink
from ecomai.learning.uplift.chosen import LEARNERS, SEQUENCE_LEARNERS
from ecomai.registry.artifacts import open_artifact
from ecomai.registry.models import Job, ModelVersion, TrainingRun
from ecomai.registry.services import promote_version, request_training
from ecomai.registry.tasks import run_training
from marketing.models import Delivery, Segment
from marketing.scenario import UPLIFT
from marketing.services.campaigns import create_campaign, start_campaign
from marketing.services.sending import assign
from marketing.targeting.features import customer_features
from marketing.targeting.histories import KINDS, LONGEST, read_histories
from marketing.targeting.trials import read_trials
from marketing.training.uplift_artifacts import read_uplift_models
from marketing.training.uplift_encoder import LEAST_HISTORIES, learn_encoder

from .mailing_shop import open_shop
from .sequence_shop import plant_looks, plant_sequence_shop
from .uplift_shop import ANNOYED, DAY, PERSUADABLE, kind_of, plant_campaign, plant_customers

pytestmark = pytest.mark.django_db
N = 1500
Group, State = Delivery.Group, Delivery.State


@pytest.fixture(autouse=True)
def _own_settings(settings, tmp_path) -> None:
    open_shop(settings)
    settings.ECOMAI = settings.ECOMAI | {"REGISTRY": {"FOLDER": str(tmp_path / "registry")}}


@pytest.fixture
def start():
    return timezone.now() - 30 * DAY


def train() -> ModelVersion:
    run = request_training(model_name=UPLIFT, hyperparameters={"outcome": "bought"})
    run_training(run.pk)
    run = TrainingRun.objects.get(pk=run.pk)
    assert run.job.state == Job.State.SUCCEEDED, run.job.error_message
    return run.version


# -- histories ------------------------------------------------------------------------------------


def steps_of(customer, as_of) -> list[tuple[int, str]]:
    found = read_histories([customer.pk], as_of=as_of)
    return [
        (item, KINDS[kind]) for item, kind in zip(found.items.tolist(), found.kinds.tolist(), strict=True)
    ]


def test_a_history_is_what_a_customer_turned_to_in_order(
    make_customer, make_item, make_order, make_event, start
):
    mia, (tea, cup) = make_customer(), [make_item(title=title) for title in ("Tea", "Cup")]
    make_event(mia, "view", start - 5 * DAY, item=tea)
    make_event(mia, "cart", start - 4 * DAY, item=tea)
    make_event(mia, "view", start - 3 * DAY, item=cup)
    bought = make_order(mia, start - 2 * DAY)
    OrderLine.objects.create(order=bought, position=7, item=tea, quantity=1, unit_price=3)
    make_event(mia, "impression", start - 1 * DAY, item=cup)
    found = [step for step in steps_of(mia, start) if step[0] in (tea.pk, cup.pk)]
    assert found == [(tea.pk, "cart"), (cup.pk, "view"), (tea.pk, "purchase")]


def test_nothing_from_the_start_on_is_in_a_history(make_customer, make_item, make_order, make_event, start):
    mia, tea = make_customer(), make_item()
    make_event(mia, "view", start - DAY, item=tea)
    before = steps_of(mia, start)
    make_event(mia, "cart", start, item=make_item())
    OrderLine.objects.create(
        order=make_order(mia, start + DAY), position=7, item=make_item(), quantity=1, unit_price=3
    )
    # Only the answer to the mail tells whose visit this was.
    make_event(mia, "cart", start - 2 * DAY, session_id="s1", item=make_item())
    SessionLink.objects.create(customer=mia, session_id="s1", linked_at=start + DAY)
    assert steps_of(mia, start) == before


def test_of_a_long_history_the_newest_steps_are_read(make_customer, make_item, make_event, start):
    mia, items = make_customer(), [make_item() for _number in range(LONGEST + 5)]
    for age, item in enumerate(reversed(items), 1):
        make_event(mia, "view", start - age * DAY, item=item)
    assert [item for item, _kind in steps_of(mia, start)] == [item.pk for item in items[5:]]


def test_histories_keep_the_order_of_customers_and_ask_as_often_for_many(
    make_customer, make_item, make_event, start
):
    customers = [make_customer() for _number in range(6)]
    for number, customer in enumerate(customers):
        for age in range(number):
            make_event(customer, "view", start - (1 + age) * DAY, item=make_item())
    pks, counts = [customer.pk for customer in customers], []
    assert read_histories(pks[::-1], as_of=start).lengths.tolist() == [5, 4, 3, 2, 1, 0]
    chosen = read_histories(pks, as_of=start).select(np.array([5, 0, 2]))
    assert chosen.lengths.tolist() == [5, 0, 2]
    assert chosen.items[5:].tolist() == read_histories([pks[2]], as_of=start).items.tolist()
    for some in (pks[:2], pks):
        with CaptureQueriesContext(connection) as asked:
            read_histories(some, as_of=start)
        counts.append(len(asked))
    assert counts == [2, 2]


def test_the_encoder_learns_of_nobody_what_came_after_their_first_campaign(start):
    customers, _first = plant_sequence_shop(60, start)
    later = start + 16 * DAY
    plant_looks(customers, later, seed=1)
    plant_campaign(customers, later, name="Later", seed=1)
    trials = read_trials(as_of=timezone.now())
    assert len(trials) == 120
    assert (
        trials.first_histories.lengths.sum()
        == read_histories([customer.pk for customer in customers], as_of=start).lengths.sum()
    )
    assert trials.first_histories.days.max() < start.timestamp() / 86_400


def test_too_few_histories_teach_no_order(start, tmp_path):
    plant_sequence_shop(LEAST_HISTORIES, start)
    assert learn_encoder(read_trials(as_of=timezone.now()).histories, tmp_path, random_state=0) is None


# -- the model ------------------------------------------------------------------------------------


def test_where_the_order_tells_a_sequence_learner_is_chosen_said_and_served(start):
    customers, _campaign = plant_sequence_shop(N, start)
    version = train()
    card = version.card
    assert card["estimator"] in SEQUENCE_LEARNERS
    best_plain = max(card["gains"][name] for name in LEARNERS)
    assert card["gains"][card["estimator"]] > best_plain, "counts cannot tell them apart"
    assert "order of what customers did tells more" in card["chosen_because"]
    assert card["n_with_history"] == 2 * N / 3
    assert version.metrics["qini_low"] > 0
    assert version.metrics["policy_gain_low"] > 0
    assert card["sleeping_dogs"]["effect_high"] < 0
    pks = [customer.pk for customer in customers]
    model = read_uplift_models(open_artifact(version))["plain"]
    histories = read_histories(pks, as_of=start)
    effects, _without = model.predict(customer_features(pks, as_of=start), histories)
    by_kind = [effects[[kind_of(n) == kind for n in range(N)]].mean() for kind in range(3)]
    assert by_kind[PERSUADABLE] == pytest.approx(0.45 * 50, abs=6)
    assert by_kind[ANNOYED] == pytest.approx(-0.35 * 50, abs=6)

    # A campaign of today reads what they do now: who ended in the garden then ends outdoors now.
    Event.objects.all().delete()
    swapped = [customers[n + 1 if kind_of(n) == PERSUADABLE else n - 1] for n in range(N) if kind_of(n) < 2]
    plant_looks(_numbered(swapped, customers), timezone.now() - timedelta(minutes=1), seed=4)
    promote_version(version=version)
    campaign = create_campaign(
        name="Now", segment=Segment.objects.get(slug="all"), is_targeted=True, cost_per_message=2,
        margin_share=0.3, variants=[{"name": "A", "subject": "Hello", "body": "New things."}],
    )  # fmt: skip
    start_campaign(campaign)
    assign(campaign)
    groups = dict(Delivery.objects.filter(campaign=campaign).values_list("customer_id", "group"))
    was_annoyed = [groups[pks[n]] for n in range(N) if kind_of(n) == ANNOYED]
    was_moved = [groups[pks[n]] for n in range(N) if kind_of(n) == PERSUADABLE]
    assert was_annoyed.count(Group.PERSUADABLE) > 0.9 * len(was_annoyed)
    assert was_moved.count(Group.SLEEPING_DOG) > 0.9 * len(was_moved)


def _numbered(swapped: list, customers: list) -> list:
    """The customers in the places by which `kind_of` tells what they do."""
    moving = iter(swapped)
    return [next(moving) if kind_of(n) < 2 else customers[n] for n in range(len(customers))]


def test_where_the_order_tells_nothing_counts_are_read(start):
    """Who visits lately is moved, in whatever order: the vectors are more numbers, and help nobody."""
    customers = plant_customers(N, start)
    plant_campaign(customers, start)
    by_chance = np.random.default_rng(9).permutation(N)
    plant_looks([customers[number] for number in by_chance], start - 100 * DAY)
    card = train().card
    assert card["n_with_history"] > LEAST_HISTORIES
    ordered = max(card["gains"][name] for name in SEQUENCE_LEARNERS)
    assert ordered < 1.1 * max(card["gains"][name] for name in LEARNERS)
    assert "on customers left out" in card["chosen_because"]
