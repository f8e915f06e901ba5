"""Whom a message moves: learners of treatment effects, the best by folds, judged on later campaigns."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from django.utils import timezone
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from ecomai.exceptions import NotEnoughDataError
from ecomai.learning.metrics.uplift import (
    Interval,
    auuc_score,
    bootstrap_scores,
    find_sleeping_dogs,
    interval_of,
    qini_score,
    uplift_by_bin,
)
from ecomai.learning.metrics.uplift_policies import choose_arms, mean_interval, policy_gains, policy_value
from ecomai.learning.uplift.average_effect import AverageEffect
from ecomai.learning.uplift.base import UpliftLearner
from ecomai.learning.uplift.chosen import LEARNERS, ChosenUplift
from ecomai.learning.uplift.regressors import learn_line
from ecomai.registry.runs import Candidate, Run

from ..models import Campaign
from ..readiness import LEAST_BOUGHT, LEAST_HELD_OUT, LEAST_TREATED
from ..services.effects import window_end
from ..targeting.trials import CampaignTrials, read_trials
from .uplift_artifacts import BOUGHT, KIND, UpliftModel, read_uplift_model, write_uplift_model

#: Of all customers of campaigns, so many are judged on.
TEST_SHARE = 0.3
BASELINE = "average"
N_BINS = 10
Floats = NDArray[np.float64]


def train_uplift(run: Run) -> Candidate:
    """Choose a learner on older campaigns, judge it on newer ones, and learn it from all."""
    run.report(0.02, _("Reading campaigns"))
    trials = read_trials(as_of=run.cutoff or timezone.now())
    check_enough(trials)
    outcome = str(run.hyperparameters["outcome"])
    is_test, is_by_time = split_trials(trials, run.random_state)
    known, later = trials.select(~is_test), trials.select(is_test)
    run.report(0.1, _("Learning"))
    chosen = ChosenUplift(random_state=run.random_state, n_threads=1)
    _fit(chosen, known, outcome)
    run.report(0.7, _("Judging"))
    rows = {
        name: judge(_fit(_new(name, run.random_state), known, outcome), known, later, outcome)
        for name in {chosen.name_: None, BASELINE: None}
    }
    live = _live_metrics(run.live_artifact(), known, later, outcome, run.random_state)
    run.report(0.9, _("Learning from all campaigns"))
    model = learn_model(trials, chosen.name_, outcome, run.random_state)
    folder = write_uplift_model(run.folder / "artifact", model)
    campaigns = list(Campaign.objects.filter(pk__in=np.unique(trials.campaigns).tolist()))
    return Candidate(
        folder=folder, kind=KIND, metrics=rows[chosen.name_], baseline_metrics=rows[BASELINE],
        live_metrics=live, window_start=min(filter(None, (campaign.started_at for campaign in campaigns))),
        window_end=max(window_end(campaign) for campaign in campaigns),
        data_fingerprint=trials.fingerprint, hyperparameters=run.hyperparameters,
        card={
            "intended_use": _("Choosing who gets a message of a campaign: who buys because of it."),
            "estimator": chosen.name_, "outcome": outcome, "gains": chosen.gains_,
            "n_campaigns": trials.n_campaigns, "n_customers": len(trials),
            "n_held_out": int((trials.treatment == 0).sum()), "n_left_out": trials.n_refused,
            "is_judged_by_time": is_by_time, "rows": rows,
            **_described(_fit(_new(chosen.name_, run.random_state), known, outcome), later, outcome),
            "limits": _(
                "Who refused marketing since is in no training set, also where a message was the reason."
            ),
            "refitted": _("Chosen and judged on a part, and then learned from all campaigns."),
        },
    )  # fmt: skip


def check_enough(trials: CampaignTrials) -> None:
    """Raise NotEnoughDataError where an arm is too small, or hardly anybody bought."""
    for have, need, unit in (
        (int((trials.treatment == 0).sum()), LEAST_HELD_OUT, _("customers held out of finished campaigns")),
        (int((trials.treatment == 1).sum()), LEAST_TREATED, _("customers who were to get a message")),
        (int(trials.bought.sum()), LEAST_BOUGHT, _("customers of campaigns who bought within its days")),
    ):
        if have < need:
            raise NotEnoughDataError(have=have, need=need, unit=unit)


def split_trials(trials: CampaignTrials, seed: int) -> tuple[NDArray[np.bool_], bool]:
    """Return which rows are judged on, and whether they are later ones.

    The newest campaigns, where the older ones are enough to learn from; else customers by chance, each arm
    and outcome with the share it has in all.
    """
    order = list(dict.fromkeys(trials.campaigns.tolist()))
    for first in range(len(order) - 1, 0, -1):
        is_test = np.isin(trials.campaigns, order[first:])
        if is_test.mean() >= TEST_SHARE / 2 and _is_enough(trials, is_test) and _is_enough(trials, ~is_test):
            return is_test, True
    drawn = np.random.default_rng(seed).random(len(trials))
    ranks = np.lexsort([drawn, trials.bought, trials.treatment])
    is_test = np.zeros(len(trials), dtype=bool)
    is_test[ranks[:: round(1 / TEST_SHARE)]] = True
    return is_test, False


def _is_enough(trials: CampaignTrials, rows: NDArray[np.bool_]) -> bool:
    part = trials.select(rows)
    n_held_out, n_treated = ((part.treatment == arm).sum() for arm in (0, 1))
    return bool(
        n_held_out >= LEAST_HELD_OUT / 2 and n_treated >= LEAST_TREATED / 2
        and part.bought[part.treatment == 0].any() and part.bought[part.treatment == 1].any()
    )  # fmt: skip


def learn_model(trials: CampaignTrials, name: str, outcome: str, seed: int) -> UpliftModel:
    """Learn a learner from all rows, beside it who buys without a message."""
    held_out = trials.treatment == 0
    bought = trials.bought.astype(bool)
    worth = float(trials.spent[bought].mean()) if outcome == BOUGHT else 1.0
    return UpliftModel(
        _fit(_new(name, seed), trials, outcome), name,
        learn_line(trials.X[held_out], trials.bought[held_out]), outcome, worth,
        float(trials.bought[held_out].mean()),
    )  # fmt: skip


def judge(
    learner: UpliftLearner, known: CampaignTrials, later: CampaignTrials, outcome: str
) -> dict[str, float]:
    """Return how well a learner orders customers, and what choosing by it is worth, with 95 % intervals.

    A policy is judged at a price at which a message to everybody brings as much as it costs, by what the
    older part says: whatever it earns comes from choosing.
    """
    y = _outcome(later, outcome)
    effects = learner.predict(later.X)[:, 0]
    scored = {
        "y": y, "uplift": effects, "treatment": later.treatment, "propensity": later.propensity,
    }  # fmt: skip
    found: dict[str, float] = {}
    for name, score in (("qini", qini_score), ("auuc", auuc_score)):
        draws = bootstrap_scores(
            y, [effects], later.treatment, propensity=later.propensity, score=score
        )[:, 0]  # fmt: skip
        found |= _named(name, interval_of(draws, score(**scored)))
    return {
        name: value for name, value in (found | _policy(effects, known, later, outcome)).items()
        if np.isfinite(value)
    }  # fmt: skip


def _policy(effects: Floats, known: CampaignTrials, later: CampaignTrials, outcome: str) -> dict[str, float]:
    average = AverageEffect().fit(
        known.X, known.treatment, _outcome(known, outcome), propensity=known.propensity
    )
    cost = max(float(average.effects_[0]), 0.0)
    trial = later.trial(_outcome(later, outcome))
    arms = [known.treatment == arm for arm in (0, 1)]
    lines = [learn_line(known.X[arm], _outcome(known, outcome)[arm]) for arm in arms]
    expected = np.column_stack([line.predict(later.X) for line in lines])
    chosen = choose_arms(effects[:, None], [cost])
    value = policy_value(trial, chosen, costs=[cost], expected=expected)
    gains = policy_gains(trial, chosen, np.ones_like(chosen), costs=[cost], expected=expected)
    return {
        **_named("policy_value", Interval(value.value, value.low, value.high)),
        **_named("policy_gain", mean_interval(gains)),
    }


def _described(learner: UpliftLearner, later: CampaignTrials, outcome: str) -> dict[str, Any]:
    """Return for the card: tenths by predicted effect, and whether a message does harm to some."""
    y, effects = _outcome(later, outcome), learner.predict(later.X)[:, 0]
    known = {"treatment": later.treatment, "propensity": later.propensity}
    bins = uplift_by_bin(y, effects, n_bins=min(N_BINS, len(later)), **known)
    dogs = find_sleeping_dogs(y, effects, **known)
    return {
        "tenths": [
            {"n": one.n_samples, "predicted": one.predicted, **_finite(_named("effect", one.effect))}
            for one in bins
        ],
        "sleeping_dogs": _finite(_named("share", dogs.share) | _named("effect", dogs.effect)),
    }


def _live_metrics(
    folder: Path | None, known: CampaignTrials, later: CampaignTrials, outcome: str, seed: int
) -> dict[str, float]:
    """Judge what serves as it would be without the newer campaigns: it may have learned from them since."""
    if folder is None:
        return {}
    live = read_uplift_model(folder)
    return judge(_fit(_new(live.name, seed), known, outcome), known, later, outcome)


def _new(name: str, seed: int) -> UpliftLearner:
    return LEARNERS[name](n_threads=1, random_state=seed)


def _fit(learner: UpliftLearner, trials: CampaignTrials, outcome: str) -> UpliftLearner:
    return learner.fit(trials.X, trials.treatment, _outcome(trials, outcome), propensity=trials.propensity)


def _outcome(trials: CampaignTrials, outcome: str) -> Floats:
    return trials.bought if outcome == BOUGHT else trials.spent


def _named(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if np.isfinite(value)}
