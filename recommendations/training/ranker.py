"""The ranker of candidates: trained on what customers did next with what the sources had named."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
from django.utils.translation import gettext as _
from scipy import sparse

from ecomai.commerce.models import EventType
from ecomai.exceptions import NotEnoughDataError
from ecomai.learning.callbacks import ReportTo
from ecomai.learning.interactions import Interactions
from ecomai.registry.runs import Candidate, Run
from ecomai.serving.predictors import load_predictor

from .. import selectors
from ..app_settings import app_settings
from ..catalogue import top_category
from ..datasets import Dataset, before_rows
from ..models import PipelineSource
from ..pipeline.features import FEATURES, SOURCE_KINDS, Asked, ItemFacts, feature_matrix, group_codes
from ..pipeline.rankers import N_SEEDS as N_SIMILAR_SEEDS
from ..pipeline.ranking import normalised
from ..pipeline.sources import MOST_TOGETHER, N_SEEDS, NEW_DAYS
from .next_item import Material, Quiet, prepare

if TYPE_CHECKING:
    from ecomai.learning.rankers.lists import CandidateLists

#: What a customer does within so many days after a case begins, counts.
OUTCOME_DAYS = 7
MAX_CASES = 4_000
#: What is done after such a pause is another visit; so many of one user, the earliest, are cases.
VISIT_GAP, MOST_VISITS = np.timedelta64(12, "h"), 3
MIN_CASES = 100
#: Every so manieth case of the training says when to stop.
VALID_EVERY = 5
CASES_AT_ONCE = 256
#: How long a ranker may take for the candidates of one answer; the better one of those that do is kept.
BUDGET_MS = 8.0
K = 10
#: How many candidates each source names.
N_NAMED = {"sequence": 100, "similar": 50, "together": 50, "trending": 30, "new": 20, "rebuy": 50}
DAY: Any = np.timedelta64(1, "D")
EPOCH = np.datetime64("1970-01-01T00:00:00", "us")


def train_ranker(run: Run) -> Candidate:
    """Train both rankers on cases of the validation period, and judge them on those of the test period.

    Sources learn from what lies before each period, so that no feature knows what came later.
    """
    material = prepare(run)
    items = read_items(material)
    learn = _lists(run, material, items, material.valid_start, material.test_start, start=0.3)
    if len(learn.lists) < MIN_CASES:
        unit = _("customers or sessions that did something after their first days")
        raise NotEnoughDataError(have=len(learn.lists), need=MIN_CASES, unit=unit)
    test = _lists(run, material, items, material.test_start, None, start=0.5)
    is_valid = np.arange(len(learn.lists)) % VALID_EVERY == 0
    train = learn.lists.select(np.flatnonzero(~is_valid))
    valid = learn.lists.select(np.flatnonzero(is_valid))
    trained = _train_both(run, train, valid)
    rows = {name: _judged(one, valid, test.lists) for name, one in trained.items()}
    fast = {name: row for name, row in rows.items() if row["p95_ms"] <= BUDGET_MS} or rows
    best = max(fast, key=lambda name: fast[name]["valid_ndcg@10"])
    run.report(0.95, _("Judging"))
    peers = {name: _metrics(test.lists, scores) for name, scores in test.peers.items()}
    live = _live_metrics(run.live_artifact(), test.lists)
    return Candidate(
        folder=trained[best].folder,
        kind="candidate_ranker",
        metrics=_metrics(test.lists, trained[best].scores(test.lists)),
        baseline_metrics=peers["popularity"],
        live_metrics=live,
        group_metrics={},
        window_start=material.snapshot.window_start,
        window_end=material.snapshot.window_end,
        data_fingerprint=material.snapshot.fingerprint,
        hyperparameters=run.hyperparameters,
        card={
            "intended_use": _("Putting recommendations in order. Not for decisions about people."),
            "form": best, "rankers": rows, "peers": peers, "budget_ms": BUDGET_MS,
            "features": trained[best].importances or list(FEATURES),
            "event_weights": {type: app_settings.EVENT_WEIGHTS[type] for type in selectors.ranked_types()},
            "split": {
                "n_train_cases": len(train), "n_valid_cases": len(valid), "n_test_cases": len(test.lists),
                "candidates_hold": round(test.coverage, 4), "outcome_days": OUTCOME_DAYS,
            },
        },
    )  # fmt: skip


# -- items ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class PastItems:
    """What is known of the items besides what was done with them."""

    prices: np.ndarray
    categories: np.ndarray
    departments: np.ndarray
    brands: np.ndarray
    listed_days: np.ndarray
    paths: Sequence[str]

    def facts(self, popularity: np.ndarray) -> ItemFacts:
        return ItemFacts(
            popularity=popularity, prices=self.prices, categories=self.categories,
            departments=self.departments, brands=self.brands, listed_days=self.listed_days,
        )  # fmt: skip


def read_items(material: Material) -> PastItems:
    """Read the columns that features need, in the order of the dataset's items."""
    columns = ["item_key", "price", "category_path", "brand", "listed_at"]
    table = pq.read_table(material.snapshot.folder / "items.parquet", columns=columns).to_pandas()
    table = table.sort_values("item_key")
    paths = table["category_path"].fillna("").to_numpy(dtype=object)
    tops = np.array([top_category(path) for path in paths], dtype=object)
    listed = table["listed_at"].dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[us]")
    return PastItems(
        prices=table["price"].to_numpy(np.float64),
        categories=group_codes(paths),
        departments=group_codes(tops),
        brands=group_codes(table["brand"].fillna("").to_numpy(dtype=object)),
        listed_days=(listed - EPOCH) / DAY,
        paths=paths.tolist(),
    )


# -- cases ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class PastCases:
    """Moments at which a user was there, what was known then, and what was done after: items with gains."""

    histories: Interactions
    targets: Sequence[dict[int, float]]
    moments: np.ndarray  # (n_cases,) datetime64[us]

    def __len__(self) -> int:
        return len(self.targets)


def cases_in(
    dataset: Dataset, start: np.datetime64, stop: np.datetime64 | None, *, n_max: int, random_state: int
) -> PastCases:
    """Return cases: the visits, in a period, of users who were known before."""
    X, times = dataset.interactions, dataset.times
    stop = times.max() + np.timedelta64(1, "us") if stop is None else stop
    firsts = []
    for user in range(len(X)):
        begin, end = int(X.offsets[user]), int(X.offsets[user + 1])
        low = max(begin + int(np.searchsorted(times[begin:end], start)), begin + 1)
        rows_in = np.arange(low, begin + int(np.searchsorted(times[begin:end], stop)))
        is_visit = times[rows_in] - times[rows_in - 1] > VISIT_GAP
        is_visit[:1] = True
        firsts += rows_in[is_visit][:MOST_VISITS].tolist()
    rows = np.array(firsts, dtype=np.int64)
    if len(rows) > n_max:
        rows = np.sort(np.random.default_rng(random_state).choice(rows, n_max, replace=False))
    targets = []
    for row in rows.tolist():
        end = int(X.offsets[X.users[row] + 1])
        until = min(stop, times[row] + OUTCOME_DAYS * DAY)
        gains: dict[int, float] = {}
        for at in range(row, row + int(np.searchsorted(times[row:end], until))):
            item, gain = int(X.items[at]), float(X.event_weights[at])
            gains[item] = max(gains.get(item, 0.0), gain)
        targets.append(gains)
    return PastCases(before_rows(X, rows), targets, times[rows])


# -- sources as they were -------------------------------------------------------------------------


class PastSources:
    """The sources of pipelines as they would have been at a moment; each names (n_cases, n_items) scores."""

    def __init__(
        self, run: Run, material: Material, items: PastItems, moment: np.datetime64, *, start: float
    ) -> None:
        from ecomai.learning.recommenders.item_item import ItemItemRecommender
        from ecomai.learning.recommenders.sequence import SequenceRecommender

        X = material.dataset.before(moment)
        epochs, dim = run.hyperparameters.get("sequence_epochs", 5), run.hyperparameters.get("dim", 64)
        self.sequence = SequenceRecommender(dim=dim, max_epochs=epochs, random_state=run.random_state)
        self.sequence.fit(
            X, material.vectors, callbacks=[ReportTo(Quiet(run, "source"), start=start, end=start + 0.1)]
        )
        self.similar = ItemItemRecommender().fit(X, material.vectors)
        self.popularity = _popularity(X)
        self.purchase = _type_number(material.dataset)
        self.together = _pairs(material.dataset, moment, self.purchase)
        self.facts = items.facts(self.popularity)
        self.paths = items.paths
        ages = np.maximum((moment - EPOCH) / DAY - items.listed_days, 0.0)
        self.newness = np.where(items.listed_days <= (moment - EPOCH) / DAY, np.exp(-ages / NEW_DAYS), 0.0)
        self.is_offered = material.is_offered

    def named(self, histories: Interactions) -> list[tuple[np.ndarray, np.ndarray, Asked]]:
        """Return, for each history, the candidates, what each source says of them, and who asks."""
        sequence = self.sequence.scores(histories)
        similar = self.similar.scores(histories.newest(N_SIMILAR_SEEDS))
        found = []
        for row, history in enumerate(histories):
            types = None if histories.types is None else _row(histories, histories.types, row)
            bought = np.unique(history[types == self.purchase]) if types is not None else history[:0]
            scores = self._scores(history, bought, sequence[row], similar[row])
            found.append((*self._candidates(scores, bought), Asked(history.astype(np.int64), bought)))
        return found

    def _scores(
        self, history: np.ndarray, bought: np.ndarray, sequence: np.ndarray, similar: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Return scores by source; what was looked at is no news to models, and minus infinity is unnamed."""
        seen = np.setdiff1d(history, bought)
        sequence, similar = sequence.astype(np.float64), similar.astype(np.float64)
        similar = np.where(similar > 0, similar, -np.inf)
        sequence[seen] = similar[seen] = -np.inf
        seeds = list(dict.fromkeys(history[::-1].tolist()))[:N_SEEDS]
        together = np.asarray(self.together[seeds].sum(axis=0)).ravel()
        counts = np.zeros(len(sequence))
        is_bought = np.isin(history, bought)
        np.add.at(counts, history[is_bought], (np.flatnonzero(is_bought) + 1) / max(len(history), 1))
        everything = {
            "sequence": sequence, "similar": similar, "together": _positive(together),
            "trending": _positive(np.log1p(np.maximum(self.popularity, 0.0))),
            "new": _positive(self.newness), "rebuy": _positive(counts),
        }  # fmt: skip
        return everything

    def _candidates(
        self, scores: Mapping[str, np.ndarray], bought: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        may_show = self.is_offered.copy()
        excluded = selectors.not_again({int(place): self.paths[place] for place in bought})
        may_show[list(excluded)] = False
        named = {}
        for kind in SOURCE_KINDS:
            values = np.where(may_show, scores[kind], -np.inf)
            n = min(N_NAMED[kind], len(values))
            best = np.argpartition(values, len(values) - n)[-n:]
            named[kind] = best[np.isfinite(values[best])]
        places = np.unique(np.concatenate(list(named.values())))
        said = np.zeros((len(places), len(SOURCE_KINDS)))
        for column, kind in enumerate(SOURCE_KINDS):
            said[np.searchsorted(places, named[kind]), column] = normalised(scores[kind][named[kind]])
        return places, said


def _positive(scores: np.ndarray) -> np.ndarray:
    return np.where(scores > 0, scores, -np.inf)


def _popularity(X: Interactions) -> np.ndarray:
    ages = np.zeros(X.n_events) if X.ages_days is None else X.ages_days
    kept = (ages <= app_settings.POPULARITY_DAYS) * 0.5 ** (ages / app_settings.POPULARITY_HALF_LIFE_DAYS)
    return np.bincount(X.items, weights=X.event_weights * kept, minlength=X.n_items)


def _type_number(dataset: Dataset) -> int:
    purchase = EventType.PURCHASE.value
    return dataset.event_types.index(purchase) if purchase in dataset.event_types else -1


def _pairs(dataset: Dataset, moment: np.datetime64, purchase: int) -> sparse.csr_array:
    """Return by item the roots of how often others were bought at the same moment by the same customer."""
    X, times = dataset.interactions, dataset.times
    kept = (times < moment) & (X.types == purchase if X.types is not None else True)
    users, items = X.users[kept].astype(np.int64), X.items[kept]
    moments = times[kept].astype("datetime64[s]").astype(np.int64)
    _found, baskets = np.unique(np.stack([users, moments]), axis=1, return_inverse=True)
    n_baskets = int(baskets.max(initial=-1)) + 1
    member = sparse.csr_array((np.ones(len(items)), (baskets.ravel(), items)), shape=(n_baskets, X.n_items))
    member.data[:] = 1.0
    pairs = sparse.csr_array(member.T @ member)
    pairs.setdiag(0)
    return _strongest(pairs)


def _strongest(pairs: sparse.csr_array) -> sparse.csr_array:
    for row in range(pairs.shape[0]):
        part = slice(pairs.indptr[row], pairs.indptr[row + 1])
        values = pairs.data[part]
        if len(values) > MOST_TOGETHER:
            values[np.argsort(-values, kind="stable")[MOST_TOGETHER:]] = 0.0
    pairs.eliminate_zeros()
    pairs.data = np.sqrt(pairs.data)
    return pairs


def _row(X: Interactions, values: np.ndarray, row: int) -> np.ndarray:
    return values[X.offsets[row] : X.offsets[row + 1]]


# -- lists ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class PastLists:
    """Lists of candidates with features and gains, and other orders of the same lists."""

    lists: "CandidateLists"
    peers: Mapping[str, np.ndarray]
    coverage: float  # which part of what was gained after is among the candidates


def _lists(
    run: Run, material: Material, items: PastItems, start_at: np.datetime64, stop: np.datetime64 | None,
    *, start: float,
) -> PastLists:  # fmt: skip
    from ecomai.learning.rankers.lists import CandidateLists, discounted_gain

    run.report(start, _("Asking the sources as they were"))
    cases = cases_in(material.dataset, start_at, stop, n_max=MAX_CASES, random_state=run.random_state)
    sources = PastSources(run, material, items, start_at, start=start)
    parts, gains, saids, ideals, all_places = [], [], [], [], []
    total = held = 0.0
    for first in range(0, len(cases), CASES_AT_ONCE):
        run.check_cancelled()
        rows = np.arange(first, min(first + CASES_AT_ONCE, len(cases)))
        named = sources.named(cases.histories.select(rows))
        for row, (places, said, asked) in zip(rows.tolist(), named, strict=True):
            now = float((cases.moments[row] - EPOCH) / DAY)
            wanted = {
                place: gain for place, gain in cases.targets[row].items()
                if sources.is_offered[place] and place not in asked.bought
            }  # fmt: skip
            own = np.array([wanted.get(place, 0.0) for place in places.tolist()], dtype=np.float32)
            if not len(places) or not wanted:
                continue
            total, held = total + sum(wanted.values()), held + float(own.sum())
            asked_then = Asked(asked.history, asked.bought, now_days=now)
            parts.append(feature_matrix(sources.facts, asked_then, places, said))
            gains.append(own)
            saids.append(said)
            all_places.append(places)
            ideals.append(discounted_gain(np.sort(list(wanted.values()))[::-1], K))
        run.report(start + 0.1 + 0.1 * rows[-1] / len(cases), _("Asking the sources as they were"))
    if not parts:
        raise NotEnoughDataError(have=0, need=MIN_CASES, unit=_("customers who came back"))
    lists = CandidateLists(
        np.concatenate(parts), np.concatenate(gains),
        np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64), np.array(ideals),
    )  # fmt: skip
    said = np.concatenate(saids)
    weights = np.array([PipelineSource.WEIGHTS[kind] for kind in SOURCE_KINDS])
    peers = {
        "popularity": sources.popularity[np.concatenate(all_places)],
        "blend": said @ weights,
        **{kind: said[:, column] for column, kind in enumerate(SOURCE_KINDS[:3])},
    }
    return PastLists(lists, peers, held / total if total else 0.0)


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


def _train_both(run: Run, train: "CandidateLists", valid: "CandidateLists") -> dict[str, Trained]:
    from ecomai.learning.export.rankers import export_ranker
    from ecomai.learning.rankers.boosted import BoostedRanker
    from ecomai.learning.rankers.listwise import ListwiseRanker

    run.report(0.7, _("Learning with trees"))
    trees = BoostedRanker(random_state=run.random_state).fit(train, valid=valid)
    run.report(0.75, _("Learning with a transformer"))
    transformer = ListwiseRanker(random_state=run.random_state).fit(
        train, valid=valid, checkpoint_folder=run.folder / "transformer",
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
