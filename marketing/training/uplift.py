"""Whom a message moves: learners of treatment effects, the best by folds, judged on later campaigns."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.utils import timezone
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from ecomai.exceptions import NotEnoughDataError
from ecomai.learning.exceptions import FormatVersionError
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
from ecomai.learning.uplift.base import Rows, UpliftLearner, with_vectors
from ecomai.learning.uplift.chosen import SEQUENCE_LEARNERS, ChosenUplift, make_learner
from ecomai.learning.uplift.regressors import learn_line
from ecomai.registry.runs import Candidate, Run

from ..models import Campaign
from ..readiness import LEAST_BOUGHT, LEAST_HELD_OUT, LEAST_TREATED
from ..services.effects import window_end
from ..targeting.trials import KINDS, CampaignTrials, read_trials
from .uplift_artifacts import BOUGHT, KIND, UpliftModel, read_uplift_models, write_uplift_models
from .uplift_encoder import HistoryEncoder, learn_encoder

#: Of all customers of campaigns, so many are judged on.
TEST_SHARE = 0.3
BASELINE = "average"
N_BINS = 10
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lesson:
    """What is learned from or judged on: trials, the outcome asked for, and what an encoder says of each.

    `vectors` are of shape (n_rows, dim); `dim` is 0 where too little is known to learn an encoder.
    """

    trials: CampaignTrials
    outcome: str
    seed: int
    vectors: NDArray[np.float32]

    @property
    def y(self) -> Floats:
        return self.trials.bought if self.outcome == BOUGHT else self.trials.spent

    @property
    def n_vectors(self) -> int:
        return self.vectors.shape[1]

    @property
    def all_columns(self) -> Rows:
        return with_vectors(self.trials.X, self.vectors) if self.n_vectors else self.trials.X

    def columns_of(self, name: str) -> Rows:
        """Return what a learner sees."""
        return self.all_columns if name in SEQUENCE_LEARNERS else self.trials.X

    def teach(self, learner: UpliftLearner, columns: Rows) -> UpliftLearner:
        trials = self.trials
        return learner.fit(columns, trials.treatment, self.y, propensity=trials.propensity)

    def learn(self, name: str) -> UpliftLearner:
        return self.teach(make_learner(name, n_threads=1, random_state=self.seed), self.columns_of(name))


@dataclass(frozen=True, eq=False)
class Learned:
    """What one kind of message changes: the model, and how it and others did on what was left out."""

    model: UpliftModel
    rows: Mapping[str, Mapping[str, float]]
    live: Mapping[str, float]
    card: Mapping[str, Any]

    @property
    def metrics(self) -> Mapping[str, float]:
        return self.rows[self.model.name]


def train_uplift(run: Run) -> Candidate:
    """Choose a learner on older campaigns, judge it on newer ones, and learn it from all.

    Messages with an offer are learned by themselves beside those without, where there is enough of both. The
    kind with more customers comes first, and its figures are the version's own.
    """
    run.report(0.02, _("Reading campaigns"))
    trials = read_trials(as_of=run.cutoff or timezone.now())
    parts = parts_to_learn(trials)
    learned = {
        kind: learn_kind(run, part, kind, start=place / len(parts), span=1 / len(parts))
        for place, (kind, part) in enumerate(parts.items())
    }
    folder = write_uplift_models(run.folder / "artifact", {kind: one.model for kind, one in learned.items()})
    campaigns = list(Campaign.objects.filter(pk__in=np.unique(trials.campaigns).tolist()))
    (first, main), *others = learned.items()
    return Candidate(
        folder=folder, kind=KIND,
        metrics=_together(main.metrics, {kind: one.metrics for kind, one in others}),
        baseline_metrics=_together(main.rows[BASELINE], {kind: one.rows[BASELINE] for kind, one in others}),
        live_metrics=_together(main.live, {kind: one.live for kind, one in others}),
        window_start=min(filter(None, (campaign.started_at for campaign in campaigns))),
        window_end=max(window_end(campaign) for campaign in campaigns),
        data_fingerprint=trials.fingerprint, hyperparameters=run.hyperparameters,
        card={
            "intended_use": _("Choosing who gets a message of a campaign: who buys because of it."),
            "outcome": str(run.hyperparameters["outcome"]), "n_left_out": trials.n_refused,
            "kind_of_message": first, **main.card,
            "other_kinds": {kind: dict(one.card) for kind, one in others},
            "limits": _(
                "Who refused marketing since is in no training set, also where a message was the reason."
            ),
            "refitted": _("Chosen and judged on a part, and then learned from all campaigns."),
        },
    )  # fmt: skip


def _together(first: Mapping[str, float], others: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return figures of all kinds of messages, those of others with their kind before the name."""
    return {**first, **{f"{kind}_{name}": value for kind, of in others.items() for name, value in of.items()}}


def parts_to_learn(trials: CampaignTrials) -> dict[str, CampaignTrials]:
    """Return the customers of each kind of message that enough is known of, the best known first.

    Raises NotEnoughDataError where there is none.
    """
    parts = {str(kind): trials.of_kind(kind) for kind in KINDS}
    first, *others = sorted(parts, key=lambda kind: -int(parts[kind].treatment.sum()))
    check_enough(parts[first])
    return {first: parts[first]} | {kind: parts[kind] for kind in others if not _too_few(parts[kind])}


def learn_kind(run: Run, trials: CampaignTrials, kind: str, *, start: float, span: float) -> Learned:
    """Learn what one kind of message changes; its progress is `span` of the run's, from `start` on."""

    def report(share: float, what: str) -> None:
        run.report(start + span * share, what)

    outcome, seed, folder = str(run.hyperparameters["outcome"]), run.random_state, run.folder / kind
    is_test, is_by_time = split_trials(trials, seed)
    report(0.1, _("Learning in which order customers do things"))
    older = trials.select(~is_test)
    encoder = learn_encoder(older.first_histories, folder / "encoder-older", random_state=seed)
    known, later = (lesson_of(part, outcome, seed, encoder) for part in (older, trials.select(is_test)))
    report(0.3, _("Learning"))
    chosen = ChosenUplift(n_vectors=known.n_vectors, random_state=seed, n_threads=1)
    known.teach(chosen, known.all_columns)
    report(0.7, _("Judging"))
    effects = {
        name: predict_later(name, known, later) for name in {chosen.name_: None, BASELINE: None}
    }  # fmt: skip
    rows = {name: judge(found, known, later) for name, found in effects.items()}
    live = _live_metrics(run.live_artifact(), kind, known, later)
    report(0.9, _("Learning from all campaigns"))
    if chosen.name_ in SEQUENCE_LEARNERS:
        encoder = learn_encoder(trials.first_histories, folder / "encoder", random_state=seed)
    return Learned(
        learn_model(trials, chosen.name_, outcome, seed, encoder), rows, live,
        {
            "estimator": chosen.name_, "chosen_because": reason_of(chosen), "gains": chosen.gains_,
            "n_campaigns": trials.n_campaigns, "n_customers": len(trials),
            "n_held_out": int((trials.treatment == 0).sum()),
            "n_with_history": int((trials.histories.lengths > 0).sum()),
            "is_judged_by_time": is_by_time, "rows": rows, **_described(effects[chosen.name_], later),
        },
    )  # fmt: skip


def lesson_of(trials: CampaignTrials, outcome: str, seed: int, encoder: HistoryEncoder | None) -> Lesson:
    vectors = encoder.vectors(trials.histories) if encoder else np.empty((len(trials), 0), np.float32)
    return Lesson(trials, outcome, seed, vectors)


def reason_of(chosen: ChosenUplift) -> str:
    """Say why a learner was taken, by what it gained on customers left out."""
    if chosen.name_ == BASELINE:
        return _(
            "No learner told customers apart for sure on those left out, so all have the average effect."
        )
    words = {"name": chosen.name_, "gain": f"{chosen.gains_[chosen.name_]:.3g}"}
    if not chosen.n_vectors:
        return _(
            "%(name)s lost least on customers left out (%(gain)s below the average effect); too few "
            "histories are known to read the order of what customers did."
        ) % words  # fmt: skip
    is_ordered = chosen.name_ in SEQUENCE_LEARNERS
    others = [name for name in chosen.gains_ if (name in SEQUENCE_LEARNERS) != is_ordered]
    other = max(others, key=chosen.gains_.__getitem__)
    words |= {"other": other, "other_gain": f"{chosen.gains_[other]:.3g}"}
    if is_ordered:
        return _(
            "The order of what customers did tells more than counts: %(name)s lost least on customers left "
            "out (%(gain)s below the average effect), the best without it, %(other)s, %(other_gain)s."
        ) % words  # fmt: skip
    return _(
        "%(name)s lost least on customers left out (%(gain)s below the average effect); the best that reads "
        "the order of what customers did, %(other)s, %(other_gain)s."
    ) % words  # fmt: skip


def check_enough(trials: CampaignTrials) -> None:
    """Raise NotEnoughDataError where an arm is too small, or hardly anybody bought."""
    for have, need, unit in _too_few(trials):
        raise NotEnoughDataError(have=have, need=need, unit=unit)


def _too_few(trials: CampaignTrials) -> list[tuple[int, int, str]]:
    """Return what there is too little of: how much there is, how much is needed, and of what."""
    counts = (
        (int((trials.treatment == 0).sum()), LEAST_HELD_OUT, _("customers held out of finished campaigns")),
        (int((trials.treatment == 1).sum()), LEAST_TREATED, _("customers who were to get a message")),
        (int(trials.bought.sum()), LEAST_BOUGHT, _("customers of campaigns who bought within its days")),
    )
    return [(have, need, unit) for have, need, unit in counts if have < need]


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


def learn_model(
    trials: CampaignTrials, name: str, outcome: str, seed: int, encoder: HistoryEncoder | None = None
) -> UpliftModel:
    """Learn a learner from all rows, beside it who buys without a message."""
    held_out = trials.treatment == 0
    bought = trials.bought.astype(bool)
    buyers = held_out & bought if (held_out & bought).any() else bought
    worth = float(trials.spent[buyers].mean())
    return UpliftModel(
        lesson_of(trials, outcome, seed, encoder).learn(name), name,
        learn_line(trials.X[held_out], trials.bought[held_out]), outcome, worth,
        float(trials.bought[held_out].mean()), encoder if name in SEQUENCE_LEARNERS else None,
    )  # fmt: skip


def predict_later(name: str, known: Lesson, later: Lesson) -> Floats:
    """Return what a learner of the older part expects a message to change in the later one."""
    return known.learn(name).predict(later.columns_of(name))[:, 0]


def judge(effects: Floats, known: Lesson, later: Lesson) -> dict[str, float]:
    """Return how well effects order customers, and what choosing by them is worth, with 95 % intervals.

    A policy is judged at a price at which a message to everybody brings as much as it costs, by what the
    older part says: whatever it earns comes from choosing.
    """
    y, trials = later.y, later.trials
    scored = {
        "y": y, "uplift": effects, "treatment": trials.treatment, "propensity": trials.propensity,
    }  # fmt: skip
    found: dict[str, float] = {}
    for name, score in (("qini", qini_score), ("auuc", auuc_score)):
        draws = bootstrap_scores(
            y, [effects], trials.treatment, propensity=trials.propensity, score=score
        )[:, 0]  # fmt: skip
        found |= _named(name, interval_of(draws, score(**scored)))
    return {
        name: value for name, value in (found | _policy(effects, known, later)).items()
        if np.isfinite(value)
    }  # fmt: skip


def _policy(effects: Floats, known: Lesson, later: Lesson) -> dict[str, float]:
    older, newer = known.trials, later.trials
    average = AverageEffect().fit(older.X, older.treatment, known.y, propensity=older.propensity)
    cost = max(float(average.effects_[0]), 0.0)
    arms = [older.treatment == arm for arm in (0, 1)]
    lines = [learn_line(older.X[arm], known.y[arm]) for arm in arms]
    expected = np.column_stack([line.predict(newer.X) for line in lines])
    trial = newer.trial(later.y)
    chosen = choose_arms(effects[:, None], [cost])
    value = policy_value(trial, chosen, costs=[cost], expected=expected)
    gains = policy_gains(trial, chosen, np.ones_like(chosen), costs=[cost], expected=expected)
    return {
        **_named("policy_value", Interval(value.value, value.low, value.high)),
        **_named("policy_gain", mean_interval(gains)),
    }


def _described(effects: Floats, later: Lesson) -> dict[str, Any]:
    """Return for the card: tenths by predicted effect, and whether a message does harm to some."""
    trials = later.trials
    known = {"treatment": trials.treatment, "propensity": trials.propensity}
    bins = uplift_by_bin(later.y, effects, n_bins=min(N_BINS, len(trials)), **known)
    dogs = find_sleeping_dogs(later.y, effects, **known)
    return {
        "tenths": [
            {"n": one.n_samples, "predicted": one.predicted, **_finite(_named("effect", one.effect))}
            for one in bins
        ],
        "sleeping_dogs": _finite(_named("share", dogs.share) | _named("effect", dogs.effect)),
    }


def _live_metrics(folder: Path | None, kind: str, known: Lesson, later: Lesson) -> dict[str, float]:
    """Judge what serves as it would be without the newer campaigns: it may have learned from them since."""
    try:
        serving = read_uplift_models(folder).get(kind) if folder is not None else None
    except FormatVersionError:  # of an earlier release: it is to be replaced
        return {}
    if serving is None:
        return {}
    name = serving.name
    if name in SEQUENCE_LEARNERS and not known.n_vectors:
        return {}
    return judge(predict_later(name, known, later), known, later)


def _named(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if np.isfinite(value)}
