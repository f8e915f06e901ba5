"""A campaign that goes only where it pays: who is left out, who is not all the same, what that brought."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ecomai.registry.jobs import execute_job
from ecomai.registry.models import Job
from marketing.exceptions import CampaignNotReadyError
from marketing.models import Campaign, Delivery, Segment
from marketing.services.campaigns import create_campaign, start_campaign
from marketing.services.effects import report_of, spent_within
from marketing.services.sending import assign
from marketing.services.targeting import Targeting, groups_of, margin_after
from marketing.targeting.report import targeting_report
from marketing.targeting.trials import read_trials

from .mailing_shop import Server, open_shop
from .uplift_shop import (
    ANNOYED,
    DAY,
    OTHER,
    PERSUADABLE,
    kind_of,
    plant_campaign,
    plant_customers,
    plant_habits,
    plant_outcomes,
    serve_model,
)

pytestmark = pytest.mark.django_db
N = 900
Group, State = Delivery.Group, Delivery.State
TEXT = {"name": "A", "subject": "Hello", "body": "New things."}
PAYING = {"is_targeted": True, "cost_per_message": 2, "margin_share": 0.3}


@pytest.fixture(autouse=True)
def _own_settings(settings, tmp_path) -> None:
    open_shop(settings)
    settings.ECOMAI = settings.ECOMAI | {"REGISTRY": {"FOLDER": str(tmp_path / "registry")}}


@pytest.fixture
def shop(db, tmp_path):
    """Customers, an earlier campaign and a model that learned from it."""
    start = timezone.now() - 30 * DAY
    customers = plant_customers(N, start)
    plant_campaign(customers, start)
    serve_model(tmp_path / "model")
    plant_habits(customers, timezone.now())
    return customers


def draft(**values) -> Campaign:
    known = {"name": "Now", "segment": Segment.objects.get(slug="all"), "variants": [TEXT]}
    return create_campaign(**known | PAYING | values)


def begin(campaign: Campaign) -> Campaign:
    start_campaign(campaign)
    assign(campaign)
    return campaign


def rows_of(campaign: Campaign) -> list[Delivery]:
    return list(Delivery.objects.filter(campaign=campaign).order_by("customer_id"))


# -- who gets it ----------------------------------------------------------------------------------


def test_only_those_whom_it_moves_get_it_and_a_few_others_by_chance(shop):
    rows = rows_of(begin(draft(holdout_share=0.1, explored_share=0.1)))
    assert len(rows) == N
    for number, row in enumerate(rows):
        if kind_of(number) == PERSUADABLE:
            assert (row.group, row.expected_gain > 0) == (Group.PERSUADABLE, True)
            assert row.state in (State.WAITING, State.HELD_OUT)
            assert row.treat_probability == pytest.approx(0.9)
        else:
            assert row.group != Group.PERSUADABLE
            assert row.treat_probability == pytest.approx(0.09)
        if kind_of(number) == ANNOYED:
            assert row.group == Group.SLEEPING_DOG
    others = [row for row in rows if row.group != Group.PERSUADABLE]
    left_out = [row for row in others if row.state == State.NOT_WORTH]
    explored = [row for row in others if row.state == State.WAITING]
    assert {row.reason for row in left_out} == {"was expected to bring less than it costs"}
    assert 0.05 < len(explored) / (len(explored) + len(left_out)) < 0.16
    assert 0.05 < sum(row.state == State.HELD_OUT for row in others) / len(others) < 0.16


OFFERS = {"name": "B", "subject": "10 %", "body": "Code {{ voucher }}", "offer_percent": 10}


def voucher_shop(settings) -> None:
    commerce = settings.ECOMAI["COMMERCE"] | {"ADAPTER": "tests.marketing.mailing_shop.VoucherShop"}
    settings.ECOMAI = settings.ECOMAI | {"COMMERCE": commerce}


def test_each_gets_the_kind_of_message_that_moves_them(db, tmp_path, settings):
    """Visitors buy for a message alone; others for an offer; who buys anyway is given nothing away."""
    voucher_shop(settings)
    start = timezone.now() - 30 * DAY
    customers = plant_customers(3 * N, start)
    plant_campaign(customers, start, has_offers=True)
    serve_model(tmp_path / "model")
    plant_habits(customers, timezone.now())
    rows = rows_of(begin(draft(variants=[TEXT, OFFERS], holdout_share=0.1, explored_share=0.1)))
    names = {PERSUADABLE: "A", OTHER: "B"}
    moved = [(names[kind_of(n)], row) for n, row in enumerate(rows)
             if row.group == Group.PERSUADABLE and kind_of(n) in names]  # fmt: skip
    assert len(moved) > 0.8 * 2 * N
    annoyed = [row for n, row in enumerate(rows) if kind_of(n) == ANNOYED]
    assert not any(row.group == Group.PERSUADABLE for row in annoyed)
    assert all(row.offer_probability == pytest.approx(0.9 * 0.1 * 0.5) for row in annoyed)
    assert all(row.treat_probability == pytest.approx(0.9) for _best, row in moved)
    fits = [
        (row.offer_probability == pytest.approx(0.9 * (0.95 if best == "B" else 0.05))) for best, row in moved
    ]
    assert sum(fits) > 0.95 * len(fits)
    sent = [best == row.variant.name for best, row in moved if row.state == State.WAITING]
    assert 0.9 < sum(sent) / len(sent) < 0.98, "a few are explored"


def test_a_kind_that_was_never_learned_is_drawn_by_weight_so_that_it_can_be(shop, settings):
    voucher_shop(settings)
    campaign = begin(draft(variants=[TEXT, OFFERS], holdout_share=0.1, explored_share=0.0))
    rows = rows_of(campaign)
    moved = [row for n, row in enumerate(rows) if kind_of(n) == PERSUADABLE and row.state == State.WAITING]
    assert 0.4 < sum(row.variant.has_offer for row in moved) / len(moved) < 0.6
    assert {row.offer_probability for row in moved} == {0.45}
    Campaign.objects.filter(pk=campaign.pk).update(
        state=Campaign.State.FINISHED, started_at=timezone.now() - timedelta(days=15)
    )
    trials = read_trials(as_of=timezone.now() + timedelta(seconds=1))
    ours = trials.select(trials.campaigns == campaign.pk)
    assert set(map(tuple, ours.propensity.round(6).tolist())) == {(0.1, 0.45, 0.45)}, (
        "who had no chance teaches nothing"
    )


def test_a_discount_costs_of_what_would_have_been_bought_anyway():
    assert margin_after(0.3, 0.1) == pytest.approx(1 - 0.7 / 0.9)
    assert margin_after(0.3, 0.3) == pytest.approx(0.0)
    assert margin_after(0.3, 0.5) < 0
    assert margin_after(0.3, 0.0) == 0.3


def test_what_an_offer_leaves_is_the_same_told_by_purchases_and_by_money(shop, settings):
    """Of 100 at the full price a tenth is taken off; 0.2 buy without it, and 0.6 with it."""
    voucher_shop(settings)
    campaign = begin(draft(variants=[OFFERS]))
    targeting = Targeting(campaign, list(campaign.variants.all()))
    model = targeting.models["plain"]
    by_purchases = replace(model, outcome="bought")
    by_money = replace(model, outcome="spent")
    spent_without = np.array([20.0])
    expected = 0.6 * (90 - 70) - 0.2 * (100 - 70) - 2
    bought = targeting._gains("offered", by_purchases, np.array([40.0]), spent_without)
    paid = targeting._gains("offered", by_money, np.array([0.6 * 90 - 20]), spent_without)
    assert [float(bought[0]), float(paid[0])] == [pytest.approx(expected), pytest.approx(expected)]


def test_to_ask_again_changes_nothing(shop):
    campaign = begin(draft())
    first = Delivery.objects.filter(campaign=campaign).order_by("pk").values_list()
    first = list(first)
    half = [row[0] for row in first[::2]]
    Delivery.objects.filter(pk__in=half).delete()
    assign(campaign)
    assert Delivery.objects.filter(campaign=campaign).count() == N
    states = {row.customer_id: (row.state, row.group, row.expected_gain) for row in rows_of(campaign)}
    names = [field.attname for field in Delivery._meta.concrete_fields]
    for row in first:
        known = dict(zip(names, row, strict=True))
        assert states[known["customer_id"]] == (known["state"], known["group"], known["expected_gain"])


def test_who_is_left_out_gets_no_mail_and_the_campaign_ends(shop):
    campaign = draft(holdout_share=0.2, explored_share=0.0)
    job = start_campaign(campaign)
    execute_job(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED, job.error_message
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.FINISHED
    sent = [row for row in rows_of(campaign) if row.state == State.SENT]
    assert {row.group for row in sent} == {Group.PERSUADABLE}
    assert len(Server.taken) == len(sent) > 200


def test_a_campaign_that_goes_to_everybody_asks_no_model(shop):
    campaign = begin(draft(is_targeted=False))
    assert campaign.uplift_version is None
    assert {(row.group, row.expected_gain) for row in rows_of(campaign)} == {("", None)}
    assert targeting_report(campaign, {}) is None


def test_the_dearer_a_message_the_fewer_are_worth_it(shop):
    cheap, dear, unpayable = (
        sum(row.group == Group.PERSUADABLE for row in rows_of(begin(draft(name=str(n), cost_per_message=n))))
        for n in (0, 2, 50)
    )
    assert cheap >= dear >= N / 3
    assert unpayable == 0


def test_without_a_model_it_does_not_start(db):
    plant_customers(3, timezone.now())
    campaign = draft()
    with pytest.raises(CampaignNotReadyError) as caught:
        start_campaign(campaign)
    assert "Effect of messages" in str(caught.value)
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.DRAFT


def test_the_version_is_that_of_the_start(shop):
    campaign = draft()
    start_campaign(campaign)
    fixed = campaign.uplift_version
    assert fixed is not None
    Campaign.objects.filter(pk=campaign.pk).update(state=Campaign.State.PAUSED, uplift_version=fixed)
    start_campaign(campaign)
    assert campaign.uplift_version == fixed


def test_groups_are_told_by_effect_cost_and_what_happens_anyway():
    effects, without = np.array([3.0, 0.5, -0.5, -2.0]), np.array([0.1, 0.4, 0.1, 0.4])
    assert groups_of(effects, 1.0, without, usual=0.2) == [
        "persuadable", "sure_thing", "lost_cause", "sleeping_dog"
    ]  # fmt: skip


# -- what it brought ------------------------------------------------------------------------------


@pytest.fixture
def finished(shop) -> Campaign:
    """A campaign that chose, with a window that is over and what came of it."""
    # So many are explored that chance does not hide whom a message harms.
    campaign = begin(draft(holdout_share=0.3, explored_share=0.5))
    rows = rows_of(campaign)
    treated = np.array([row.state == State.WAITING for row in rows])
    plant_outcomes(campaign, shop, treated, np.random.default_rng(3))
    Delivery.objects.filter(campaign=campaign, state=State.WAITING).update(state=State.SENT)
    Campaign.objects.filter(pk=campaign.pk).update(state=Campaign.State.FINISHED, effect_days=3)
    campaign.refresh_from_db()
    return campaign


def report(campaign: Campaign):
    return targeting_report(campaign, spent_within(campaign)[0])


def test_each_group_is_measured_beside_what_was_expected(finished):
    found = {one.group: one for one in report(finished).groups}
    moved, dogs = found[Group.PERSUADABLE], found[Group.SLEEPING_DOG]
    assert moved.buyers.low < 0.45 < moved.buyers.high
    assert moved.buyers.low > 0
    assert moved.spent.low < 0.45 * 50 < moved.spent.high
    assert dogs.buyers.low < -0.35 < dogs.buyers.high
    assert dogs.harms
    assert not moved.harms
    assert dogs.predicted < 0 < moved.predicted
    assert sum(one.n for one in found.values()) == N


def test_what_choosing_saved_is_told_with_what_is_not_sure(finished):
    found = report(finished)
    n_left_out = Delivery.objects.filter(campaign=finished, state=State.NOT_WORTH).count()
    assert (found.n_left_out, found.saved) == (n_left_out, 2 * n_left_out)
    # Of 900 a third each: the annoyed would have spent 0.35 * 50 less, 0.3 of it margin, and each message 2.
    truth = 0.7 * (300 * (0.35 * 50 * 0.3 + 2) + 300 * 2)
    assert found.gained.low < truth < found.gained.high
    assert found.gained.low > 0


def test_where_nobody_was_explored_nothing_is_claimed(shop):
    campaign = begin(draft(holdout_share=0.3, explored_share=0.0))
    found = report(campaign)
    assert found.gained is None
    dogs = next(one for one in found.groups if one.group == Group.SLEEPING_DOG)
    assert (dogs.buyers, dogs.spent, dogs.harms) == (None, None, False)


def test_the_lift_is_that_of_those_for_whom_it_was_meant(finished):
    found = report_of(finished)
    n_meant = Delivery.objects.filter(campaign=finished, group=Group.PERSUADABLE).count()
    assert found.treated.n + found.held_out.n == n_meant
    assert found.buyers.low > 0


def test_the_next_model_learns_from_it_without_bias(finished):
    Campaign.objects.filter(pk=finished.pk).update(started_at=timezone.now() - timedelta(days=3))
    trials = read_trials(as_of=timezone.now() + timedelta(seconds=1))
    rows = trials.campaigns == finished.pk
    assert rows.sum() == N
    ours = trials.select(rows).of_kind("plain")
    trial = ours.trial(ours.bought)
    everybody = trial.robust_outcomes().mean(axis=0)
    assert everybody[1] - everybody[0] == pytest.approx((0.45 - 0.35 + 0) / 3, abs=0.12)


# -- pages ----------------------------------------------------------------------------------------


@pytest.fixture
def marketer(client) -> User:
    user = User.objects.create_user("marketer", is_staff=True)
    names = ("view_campaign", "add_campaign", "change_campaign", "send_campaign")
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    return user


def page_of(campaign: Campaign) -> str:
    return reverse("admin:ecomai_marketing_campaign_change", args=[campaign.pk])


def test_the_page_shows_groups_and_sleeping_dogs(client, marketer, finished):
    text = client.get(page_of(finished)).content.decode()
    for expected in (
        "Only where it pays", "Persuadables", "Sleeping dogs", "Chosen by version 1 of the model.",
        "those who got a message did buy less", "Against a message to everybody, it left",
        "was expected to bring less than it costs",
    ):  # fmt: skip
        assert expected in text, expected


def test_the_page_asks_as_often_for_many_customers_as_for_few(client, marketer, finished):
    counts = []
    for _each in range(2):
        client.get(page_of(finished))
        with CaptureQueriesContext(connection) as asked:
            client.get(page_of(finished))
        counts.append(len(asked))
        most = Delivery.objects.filter(campaign=finished).order_by("-pk")[: N // 2]
        Delivery.objects.filter(pk__in=list(most.values_list("pk", flat=True))).delete()
    assert counts[0] == counts[1]


def test_the_switch_is_in_the_form_and_the_start_says_what_it_does(client, marketer, shop):
    sent = {
        "name": "Spring", "segment": Segment.objects.get(slug="all").pk, "storefront": "",
        "holdout_share": "0.1", "effect_days": "14", "is_targeted": "on", "cost_per_message": "0.5",
        "margin_share": "0.4", "explored_share": "0",
        "fixed_cost": "0", "channel": "email", "most_views": "5",
        "variants-TOTAL_FORMS": "1", "variants-INITIAL_FORMS": "0", "variants-MIN_NUM_FORMS": "1",
        "variants-0-name": "A", "variants-0-subject": "Hello", "variants-0-body": "New things.",
        "variants-0-weight": "1", "variants-0-offer_days": "14",
    }  # fmt: skip
    bad = client.post(reverse("admin:ecomai_marketing_campaign_add"), sent | {"margin_share": "3"})
    assert bad.status_code == 200
    assert not Campaign.objects.filter(name="Spring").exists()
    client.post(reverse("admin:ecomai_marketing_campaign_add"), sent)
    campaign = Campaign.objects.get(name="Spring")
    assert campaign.is_targeted
    start = reverse("admin:ecomai_marketing_campaign_action", args=[campaign.pk, "start"])
    text = client.get(start).content.decode()
    assert "Who is expected to bring less than a message costs gets none." in text
    assert "nothing will tell whether that was right" in text
