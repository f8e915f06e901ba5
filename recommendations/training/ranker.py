"""The ranker of candidates: from what visitors made of answers, and what customers did next."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils.translation import gettext as _

from ecomai.exceptions import NotEnoughDataError
from ecomai.learning.callbacks import ReportTo
from ecomai.registry.runs import Candidate, Run
from ecomai.serving.predictors import load_predictor

from .. import selectors
from ..app_settings import app_settings
from ..pipeline.features import FEATURES
from .answer_log import freeze_answers, read_answers
from .next_item import Material, prepare
from .past_sources import PastSources, read_items
from .ranker_answers import AnswerLists, answer_lists
from .ranker_cases import OUTCOME_DAYS, history_lists
from .ranker_lists import K, PastLists

if TYPE_CHECKING:
    from ecomai.learning.rankers.boosted import BoostedRanker
    from ecomai.learning.rankers.lists import CandidateLists

MIN_CASES = 100
#: Every so manieth case of the training says when to stop.
VALID_EVERY = 5
#: How long a ranker may take for the candidates of one answer; the better one of those that do is kept.
BUDGET_MS = 8.0
#: What a ranker may learn from.
HISTORY, ANSWERS, BOTH = "history", "answers", "both"


def train_ranker(run: Run) -> Candidate:
    """Train both rankers, and judge them on what lies after all that they learned from.

    Where enough answers of the log were taken up, a ranker learns from those, alone or beside cases out of
    history, whichever is better on later answers; it is judged on answers later still. With fewer answers all
    of it is done with cases. Sources learn from what lies before each period, so that no feature knows what
    came later.
    """
    material = prepare(run)
    found = _material_of(run, material)
    lessons, trees, tried = _choose_lessons(run, found)
    trained = _train_both(run, lessons, found, trees)
    rows = {name: _judged(one, found.valid, found.test.lists) for name, one in trained.items()}
    fast = {name: row for name, row in rows.items() if row["p95_ms"] <= BUDGET_MS} or rows
    best = max(fast, key=lambda name: fast[name]["valid_ndcg@10"])
    run.report(0.95, _("Judging"))
    peers = {name: _metrics(found.test.lists, scores) for name, scores in found.test.peers.items()}
    live = _live_metrics(run.live_artifact(), found.test.lists)
    return Candidate(
        folder=trained[best].folder,
        kind="candidate_ranker",
        metrics=_metrics(found.test.lists, trained[best].scores(found.test.lists)),
        baseline_metrics=peers[found.baseline],
        live_metrics=live,
        group_metrics={},
        window_start=material.snapshot.window_start,
        window_end=material.snapshot.window_end,
        data_fingerprint=found.fingerprint,
        hyperparameters=run.hyperparameters,
        card={
            "intended_use": _("Putting recommendations in order. Not for decisions about people."),
            "learned_from": found.sentence(lessons),
            "form": best, "rankers": rows, "peers": peers, "budget_ms": BUDGET_MS,
            "features": trained[best].importances or list(FEATURES),
            "event_weights": {type: app_settings.EVENT_WEIGHTS[type] for type in selectors.ranked_types()},
            "lessons": {"chosen": lessons, "valid_ndcg@10": tried},
            "split": found.split(lessons),
            **found.places,
        },
    )  # fmt: skip


# -- what there is to learn from ------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Lessons:
    """What can be learned from, by name, what says when to stop, and what is judged on."""

    train: Mapping[str, "CandidateLists"]
    valid: "CandidateLists"
    test: PastLists
    baseline: str  # one of the other orders of the test
    answers: AnswerLists | None
    n_cases: int
    n_taken: int  # answers in the log that something was taken of
    fingerprint: str

    def sentence(self, chosen: str) -> str:
        """Say what the ranker learned from, and why."""
        if self.answers is None:
            words = _(
                "%(cases)s cases out of history. Of %(answers)s answers visitors took something, too few to "
                "learn from."
            )
            return words % {"cases": self.n_cases, "answers": self.n_taken}
        n_answers = len(self.answers.train)
        if chosen == ANSWERS:
            return _("%(answers)s answers of which visitors took something.") % {"answers": n_answers}
        if chosen == BOTH:
            words = _(
                "%(answers)s answers of which visitors took something, and %(cases)s cases out of history."
            )
            return words % {"answers": n_answers, "cases": self.n_cases}
        words = _("%(cases)s cases out of history, which did better on later answers than other answers did.")
        return words % {"cases": self.n_cases}

    def split(self, chosen: str) -> dict[str, Any]:
        counts = {"n_train_cases": 0 if chosen == ANSWERS else self.n_cases, "outcome_days": OUTCOME_DAYS}
        if self.answers is None:
            own = {"n_valid_cases": len(self.valid), "n_test_cases": len(self.test)}
            return {**counts, **own, "candidates_hold": round(self.test.coverage, 4)}
        return {
            **counts,
            "n_train_answers": 0 if chosen == HISTORY else len(self.answers.train),
            "n_valid_answers": len(self.valid),
            "n_test_answers": len(self.test),
            "conversion_days": app_settings.CONVERSION_DAYS,
        }

    @property
    def places(self) -> dict[str, Any]:
        """For the card: how likely the places of a placement are looked at, beside the first one."""
        return {} if self.answers is None else {"position_propensities": dict(self.answers.propensities)}


def _material_of(run: Run, material: Material) -> Lessons:
    """Ask the sources as they were for cases and for answers. Raises NotEnoughDataError."""
    items, dataset = read_items(material), material.dataset
    path = material.snapshot.folder / "answers.parquet"
    since = material.valid_start.astype("datetime64[us]").item()
    run.report(0.28, _("Reading what was made of answers"))
    fingerprint = freeze_answers(path, since=since.replace(tzinfo=UTC), cutoff=run.cutoff)
    frame = read_answers(path)
    run.report(0.3, _("Asking the sources as they were"))
    early = PastSources(run, material, items, material.valid_start, start=0.3)
    late = PastSources(run, material, items, material.test_start, start=0.4)
    answers = answer_lists(run, material, frame, early, late, start=0.5)
    # The same clicks are in the history: cases of the time of the validation would know its answers.
    stop = material.test_start if answers is None else answers.valid_start
    learn = history_lists(run, dataset, early, stop, start=0.6)
    n_cases = 0 if learn is None else len(learn)
    common: dict[str, Any] = {
        "answers": answers, "n_taken": frame["answer"].nunique(),
        "fingerprint": hashlib.sha256(f"{material.snapshot.fingerprint} {fingerprint}".encode()).hexdigest(),
    }  # fmt: skip
    if answers is not None:
        train = {ANSWERS: answers.train}
        if learn is not None and n_cases >= MIN_CASES:
            from ecomai.learning.rankers.lists import joined

            train |= {HISTORY: learn.lists, BOTH: joined([answers.train, learn.lists])}
        return Lessons(train, answers.valid, answers.test, baseline="logged_order", n_cases=n_cases, **common)
    test = history_lists(run, dataset, late, None, start=0.65)
    if learn is None or n_cases < MIN_CASES or test is None:
        unit = _("customers or sessions that did something after their first days")
        raise NotEnoughDataError(have=n_cases, need=MIN_CASES, unit=unit)
    is_valid = np.arange(n_cases) % VALID_EVERY == 0
    return Lessons(
        {HISTORY: learn.lists.select(np.flatnonzero(~is_valid))},
        learn.lists.select(np.flatnonzero(is_valid)),
        test,
        baseline="popularity",
        n_cases=int(np.count_nonzero(~is_valid)),
        **common,
    )


def _choose_lessons(run: Run, found: Lessons) -> tuple[str, "BoostedRanker", dict[str, float]]:
    """Return from what trees learn best for the validation, these trees, and how well each did."""
    from ecomai.learning.rankers.boosted import BoostedRanker

    run.report(0.7, _("Learning with trees"))
    trees, tried = {}, {}
    for name, lists in found.train.items():
        run.check_cancelled()
        trees[name] = BoostedRanker(random_state=run.random_state).fit(lists, valid=found.valid)
        tried[name] = round(_metrics(found.valid, trees[name].scores(found.valid))[f"ndcg@{K}"], 4)
    best = max(tried, key=tried.__getitem__)
    return best, trees[best], tried


# -- learning and judging -------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Trained:
    """A ranker as its files serve it."""

    folder: Path
    importances: dict[str, float]

    @property
    def predictor(self) -> Any:
        return load_predictor(self.folder)

    def scores(self, lists: "CandidateLists") -> np.ndarray:
        return _scores(self.predictor, lists)


def _scores(predictor: Any, lists: "CandidateLists") -> np.ndarray:
    parts = [lists.X[lists.offsets[row] : lists.offsets[row + 1]] for row in range(len(lists))]
    return np.concatenate([predictor.scores(part) for part in parts])


def _train_both(run: Run, lessons: str, found: Lessons, trees: "BoostedRanker") -> dict[str, Trained]:
    from ecomai.learning.export.rankers import export_ranker
    from ecomai.learning.rankers.listwise import ListwiseRanker

    run.report(0.75, _("Learning with a transformer"))
    transformer = ListwiseRanker(random_state=run.random_state).fit(
        found.train[lessons], valid=found.valid, checkpoint_folder=run.folder / "transformer",
        callbacks=[ReportTo(run, start=0.75, end=0.92, message=_("Learning with a transformer"))],
    )  # fmt: skip
    gains = trees.importances()
    shares = gains / max(gains.sum(), 1e-9)
    order = np.argsort(-shares)
    importances = {FEATURES[at]: round(float(shares[at]), 4) for at in order if shares[at] > 0}
    folders = {name: run.folder / "artifacts" / name for name in ("trees", "transformer")}
    return {
        "trees": Trained(export_ranker(trees, folders["trees"], features=FEATURES), importances),
        "transformer": Trained(export_ranker(transformer, folders["transformer"], features=FEATURES), {}),
    }


def _judged(trained: Trained, valid: "CandidateLists", test: "CandidateLists") -> dict[str, float]:
    found = {f"valid_{name}": value for name, value in _metrics(valid, trained.scores(valid)).items()}
    return found | _metrics(test, trained.scores(test)) | {"p95_ms": _p95_ms(trained.predictor, test)}


def _p95_ms(predictor: Any, lists: "CandidateLists") -> float:
    times = []
    for row in range(min(len(lists), 200)):
        X = lists.X[lists.offsets[row] : lists.offsets[row + 1]]
        started = time.perf_counter()
        predictor.scores(X)
        times.append((time.perf_counter() - started) * 1000)
    return round(float(np.percentile(times, 95)), 2)


def _metrics(lists: "CandidateLists", scores: np.ndarray) -> dict[str, float]:
    from ecomai.learning.rankers.lists import mean_ndcg

    return {f"ndcg@{K}": mean_ndcg(lists, scores, k=K)}


def _live_metrics(folder: Path | None, lists: "CandidateLists") -> dict[str, float]:
    """Return how the live version does; nothing where it reads other features."""
    if folder is None:
        return {}
    predictor: Any = load_predictor(folder)
    if list(predictor.features) != list(FEATURES):
        return {}
    return _metrics(lists, _scores(predictor, lists))
