"""`uplift`: whom an e-mail moves, learned from an experiment with a control group, and what that is worth."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomai.benchmarking import Report
from ecomai.exceptions import InvalidInputError

if TYPE_CHECKING:
    from ecomai.learning.trials import Trial

Floats = NDArray[np.float64]
Metrics = dict[str, float]
Split = tuple[NDArray[np.int64], NDArray[np.int64]]  # rows to learn from, and to judge on

FILE = "hillstrom.csv.gz"
NUMBERS = ("recency", "history", "mens", "womens", "newbie")
NAMES = ("zip_code", "channel")
OUTCOMES = ("visit", "conversion")
NO_EMAIL, MENS, WOMENS = "No E-Mail", "Mens E-Mail", "Womens E-Mail"
TEST_SHARE = 0.4
N_SPLITS, N_OTHER_SPLITS = 20, 5
N_THREADS = 1  # rows are few; more threads wait for each other
CHOSEN = "chosen"


@dataclass(frozen=True)
class Campaign:
    """Columns known before the e-mails, and the trial."""

    X: NDArray[np.float32]
    trial: "Trial"

    def splits(self, n_splits: int, seed: int) -> Iterator[Split]:
        """Yield random splits, in each of which arms and outcomes have the shares they have in all."""
        from sklearn.model_selection import StratifiedShuffleSplit

        strata = 2 * self.trial.treatment + (self.trial.y > 0)
        found = StratifiedShuffleSplit(n_splits, test_size=TEST_SHARE, random_state=seed)
        yield from found.split(self.X, strata)


@dataclass
class Judged:
    """What one model reached on each split, and what its policy earned of each customer in tests."""

    n_samples: int
    qini: list[float] = field(default_factory=list)
    auuc: list[float] = field(default_factory=list)
    harmed_share: list[float] = field(default_factory=list)
    harmed_effect: list[float] = field(default_factory=list)
    earned: dict[str, Floats] = field(default_factory=dict)

    def add(self, name: str, rows: NDArray[np.int64], values: Floats) -> None:
        self.earned.setdefault(name, np.zeros(self.n_samples))[rows] += values


def uplift(data: Path, *, device: str, seed: int, report: Report, n_splits: int = N_SPLITS) -> dict[str, Any]:
    """Measure learners of the effect of the women's e-mail on visits, over paired splits of the customers.

    In each split, the learner is chosen on folds of the 60 % that is learned from. `metrics` is what was
    chosen; a row of a learner also says by how much the chosen one's Qini exceeds its own, with the paired
    interval over splits. A contact costs as much as it brings on average, so that it is worth the same to
    mail all or none: what a policy earns comes from choosing.
    """
    frame = read_campaign(data)
    n_other = min(N_OTHER_SPLITS, n_splits)
    visits = make_campaign(frame, [WOMENS], "visit")
    judged, names = measure(visits, n_splits, seed, report, has_peers=True, end=0.7)
    rows = {
        name: summarise(found, n_splits) | compare(judged[CHOSEN], found) for name, found in judged.items()
    }
    others = {}
    for number, (arm, outcome) in enumerate(((MENS, "visit"), (WOMENS, "conversion"))):
        start = 0.7 + 0.1 * number
        campaign = make_campaign(frame, [arm], outcome)
        found, _names = measure(campaign, n_other, seed, report, start=start, end=start + 0.1)
        others[f"{arm.split()[0].lower()}_{outcome}"] = summarise(found[CHOSEN], n_other)
    report(0.9, "three arms")
    others["three_arms_conversion"] = measure_arms(
        make_campaign(frame, [MENS, WOMENS], "conversion"), n_other, seed
    )
    return {
        "metrics": summarise(judged[CHOSEN], n_splits),
        "rows": {name: row for name, row in rows.items() if not name.startswith("peer_")},
        "splits": others,
        "peers": {
            name.removeprefix("peer_"): row for name, row in rows.items() if name.startswith("peer_")
        },
        "settings": {
            "chosen": {name: names.count(name) for name in sorted(set(names))},
            "n_splits": n_splits, "n_other_splits": n_other, "test_share": TEST_SHARE,
            "cost_per_contact": average_effect(visits.trial), "seed": seed,
        },
    }  # fmt: skip


def read_campaign(data: Path) -> pd.DataFrame:
    """Return the customers of the experiment."""
    frame = pd.read_csv(data / FILE)
    if missing := {*NUMBERS, *NAMES, *OUTCOMES, "segment"} - set(frame.columns):
        raise InvalidInputError(reason=f"{FILE} lacks {', '.join(sorted(missing))}.")
    return frame


def make_campaign(frame: pd.DataFrame, arms: list[str], outcome: str) -> Campaign:
    """Return the customers of some arms and the control, with their columns as numbers."""
    from ecomai.learning.trials import make_trial

    known = frame[frame["segment"].isin([NO_EMAIL, *arms])]
    columns = known[list(NUMBERS)].assign(log_history=np.log1p(known["history"]))
    columns = columns.join(pd.get_dummies(known[list(NAMES)]))
    treatment = known["segment"].map({NO_EMAIL: 0, **{arm: 1 + place for place, arm in enumerate(arms)}})
    trial = make_trial(treatment.to_numpy(), known[outcome].to_numpy(), n_arms=1 + len(arms))
    return Campaign(columns.to_numpy(np.float32), trial)


def average_effect(trial: "Trial") -> float:
    """Return the difference of mean outcomes of the first treatment and the control."""
    return float(trial.y[trial.treatment == 1].mean() - trial.y[trial.treatment == 0].mean())


def measure(
    campaign: Campaign,
    n_splits: int,
    seed: int,
    report: Report,
    *,
    has_peers: bool = False,
    start: float = 0.0,
    end: float = 1.0,
) -> tuple[dict[str, Judged], list[str]]:
    """Return what learners and peers reached on each split, and the names of those that were chosen."""
    from .uplift_peers import predict_peers

    judged: dict[str, Judged] = {}
    names = []
    cost = average_effect(campaign.trial)
    for number, split in enumerate(campaign.splits(n_splits, seed)):
        report(start + (end - start) * number / n_splits, f"split {number + 1}")
        train, test = split
        found, name = _predict_learners(campaign, split, seed + number)
        names.append(name)
        if has_peers:
            peers = predict_peers(campaign.X[train], campaign.trial.select(train), campaign.X[test], seed)
            found |= {f"peer_{peer}": effects for peer, effects in peers.items()}
        expected = _expected(campaign, split)
        for model, effects in found.items():
            one = judged.setdefault(model, Judged(len(campaign.trial)))
            _judge(one, campaign.trial.select(test), test, effects, cost, expected)
    return judged, names


def _predict_learners(campaign: Campaign, split: Split, seed: int) -> tuple[dict[str, Floats], str]:
    """Return effects of the test rows by each learner and by the chosen one, and which one that is."""
    from ecomai.learning.uplift.chosen import LEARNERS, ChosenUplift

    train, test = split
    trial = campaign.trial.select(train)

    def learn(model: Any) -> Any:
        return model.fit(campaign.X[train], trial.treatment, trial.y, propensity=trial.propensity)

    settings: dict[str, Any] = {"n_threads": N_THREADS, "random_state": seed}
    chosen = learn(ChosenUplift(**settings))
    models = {CHOSEN: chosen, **{name: learn(make(**settings)) for name, make in LEARNERS.items()}}
    return {name: model.predict(campaign.X[test])[:, 0] for name, model in models.items()}, chosen.name_


def _expected(campaign: Campaign, split: Split) -> Floats:
    """Return the outcome of each test row in each arm, by models of the training rows."""
    from ecomai.learning.uplift.regressors import learn_line

    train, test = split
    X, trial = campaign.X[train], campaign.trial.select(train)
    arms = [trial.treatment == arm for arm in range(trial.n_arms)]
    lines = [learn_line(X[is_in], trial.y[is_in]) for is_in in arms]
    return np.column_stack([line.predict(campaign.X[test]) for line in lines])


def _judge(
    judged: Judged, trial: "Trial", rows: NDArray[np.int64], effects: Floats, cost: float, expected: Floats
) -> None:
    from ecomai.learning.metrics.uplift import auuc_score, find_sleeping_dogs, qini_score
    from ecomai.learning.metrics.uplift_policies import choose_arms, policy_gains

    known = {"y": trial.y, "uplift": effects, "treatment": trial.treatment}
    judged.qini.append(qini_score(**known))
    judged.auuc.append(auuc_score(**known))
    dogs = find_sleeping_dogs(**known)
    judged.harmed_share.append(dogs.share.value)
    judged.harmed_effect.append(dogs.effect.value)
    arms = choose_arms(effects[:, None], [cost])
    nobody, everybody = np.zeros_like(arms), np.ones_like(arms)
    net = trial.robust_outcomes(expected) - [0.0, cost]
    judged.add("policy_value", rows, net[np.arange(len(arms)), arms])
    for name, other in (("gain_over_none", nobody), ("gain_over_all", everybody)):
        gains = policy_gains(trial, arms, other, costs=[cost], expected=expected)
        judged.add(name, rows, gains)
    judged.add("value_of_none", rows, net[:, 0])
    judged.add("value_of_all", rows, net[:, 1])
    judged.add("n_tests", rows, np.ones(len(rows)))


def measure_arms(campaign: Campaign, n_splits: int, seed: int) -> Metrics:
    """Return what choosing among three arms is worth, beside one of the e-mails or none for all."""
    from ecomai.learning.metrics.uplift_policies import choose_arms, policy_gains
    from ecomai.learning.uplift.chosen import ChosenUplift

    judged = Judged(len(campaign.trial))
    costs = np.zeros(campaign.trial.n_arms - 1)
    for number, split in enumerate(campaign.splits(n_splits, seed)):
        train, test = split
        known, trial = campaign.trial.select(train), campaign.trial.select(test)
        model = ChosenUplift(n_threads=N_THREADS, random_state=seed + number)
        model.fit(campaign.X[train], known.treatment, known.y, propensity=known.propensity)
        arms = choose_arms(model.predict(campaign.X[test]), costs)
        expected = _expected(campaign, split)
        outcomes = trial.robust_outcomes(expected)
        judged.add("policy_value", test, outcomes[np.arange(len(test)), arms])
        for arm, name in enumerate(("none", "mens", "womens")):
            judged.add(f"value_of_{name}", test, outcomes[:, arm])
            gains = policy_gains(trial, arms, np.full_like(arms, arm), costs=costs, expected=expected)
            judged.add(f"gain_over_{name}", test, gains)
        judged.add("n_tests", test, np.ones(len(test)))
    return _earned(judged)


# -- intervals ----------------------------------------------------------------------------------


def summarise(judged: Judged, n_splits: int) -> Metrics:
    """Return means with 95 % intervals.

    Scores: over splits, widened because the splits share customers. Policies: over customers, each with the
    mean of its tests.
    """
    overlap = n_splits * TEST_SHARE / (1 - TEST_SHARE)
    return {
        **_interval("qini", judged.qini, overlap),
        **_interval("auuc", judged.auuc, overlap),
        **_earned(judged),
        "sleeping_dogs_share": float(np.mean(judged.harmed_share)),
        **(
            {"sleeping_dogs_effect": float(np.nanmean(judged.harmed_effect))}
            if np.isfinite(judged.harmed_effect).any()
            else {}
        ),
    }


def compare(chosen: Judged, other: Judged) -> Metrics:
    """Return by how much the chosen model's Qini exceeds another's, with the paired interval over splits.

    It is not widened: what is claimed is that the chosen one is not below, and a narrow interval says
    sooner that it is.
    """
    return _interval("chosen_ahead", np.subtract(chosen.qini, other.qini), 0.0)


def _interval(name: str, values: Any, overlap: float) -> Metrics:
    """Return a mean and its interval by Student's t, of Nadeau and Bengio (2003) where splits overlap."""
    from scipy.stats import t

    found = np.asarray(values, dtype=np.float64)
    mean = float(found.mean())
    if len(found) < 2:
        return {name: mean}
    error = float(found.std(ddof=1) * np.sqrt((1 + overlap) / len(found)) * t.ppf(0.975, len(found) - 1))
    return {name: mean, f"{name}_low": mean - error, f"{name}_high": mean + error}


def _earned(judged: Judged) -> Metrics:
    from ecomai.learning.metrics.uplift_policies import mean_interval

    n_tests = judged.earned["n_tests"]
    is_tested = n_tests > 0
    found: Metrics = {}
    for name, totals in judged.earned.items():
        if name != "n_tests":
            interval = mean_interval(totals[is_tested] / n_tests[is_tested])
            found |= {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
    return found
