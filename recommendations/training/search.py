"""Train search: from the catalogue, and from what earlier searches led to. Runs in a worker."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from django.utils.translation import gettext as _

from ecomai.commerce.snapshots import Snapshot
from ecomai.exceptions import NotEnoughDataError
from ecomai.learning.interactions import Interactions
from ecomai.learning.metrics.ranking import ranking_report
from ecomai.registry.runs import Candidate, Run
from ecomai.serving.predictors import load_predictor
from ecomai.serving.predictors.search import canonical

from .. import datasets
from ..app_settings import app_settings
from ..datasets import Dataset
from ..selectors import interaction_types
from ..services import vectors
from ..texts import search_text
from .judging import MIN_GROUP, Judged
from .led import GOOD, SEARCH, Search, Step, past_queries, searches_of, taken_shares
from .next_item import encoder_cache, fresh, frozen, item_vectors
from .search_order import MOST_CHOOSING, MOST_TAUGHT, FirstList, Learned, learn_order, lists_of
from .search_personal import Fondness, personal_gain
from .text_readers import TextReader, fit_reader

if TYPE_CHECKING:
    from ecomai.learning.export.search import FirstItems
    from ecomai.learning.retrieval.hybrid import HybridSearcher

KS = (10, 100)
MAX_JUDGED = 2000
MIN_JUDGED = 30  # fewer searches that led to something cannot judge a search
N_MADE_UP = 400
BEHAVIOUR_WEIGHTS = (0.0, 0.25, 0.5, 1.0, 2.0)
MOST_PAST_QUERIES = 20_000

#: Scores of all items of the catalogue for one search.
Scorer = Callable[[Search], np.ndarray]


@dataclass(frozen=True, eq=False)
class Material:
    """What search learns from and is judged on. Items are positions in the dataset."""

    snapshot: Snapshot
    dataset: Dataset
    texts: list[str]
    titles: list[str]
    vectors: np.ndarray
    reader: TextReader
    early: list[Search]
    valid: list[Search]
    test: list[Search]
    is_made_up: bool  # there were too few searches: queries are made of the items' own words
    query_vectors: dict[str, np.ndarray]

    @property
    def item_ids(self) -> list[str]:
        return self.dataset.item_keys.astype(str).tolist()


def train_search(run: Run) -> Candidate:
    """Learn from past searches, where there are any; judge the files that will serve on later ones."""
    material = prepare(run)
    run.report(0.4, _("Learning"))
    model = fit(run, material, material.early)
    weight, learned = 0.5 if material.early else 0.0, None
    tried: dict[str, float] = {}
    cases = _drawn([search for search in material.valid if search.taken], run.random_state)
    if len(cases) >= MIN_JUDGED:
        trial: Any = load_predictor(_export(run, material, model, material.early, run.folder / "trial"))
        weight, tried = _weigh_behaviour(trial, material, cases)
        run.report(0.5, _("Learning the order of the first items"))
        learned = _learn_order(run, material, trial, weight)
    run.report(0.75, _("Writing the model's files"))
    folder = _export(
        run, material, model, [*material.early, *material.valid], run.folder / "artifact", weight=weight,
        order=learned.order if learned else None,
    )  # fmt: skip
    run.report(0.85, _("Judging"))
    predictor = load_predictor(folder)
    judged = judge(material, served_scorer(predictor, material))
    baseline = judge(material, _bm25(material))
    live_folder = run.live_artifact()
    live = judge(material, served_scorer(load_predictor(live_folder), material)) if live_folder else None
    vectors.forget_other_encoders(keep=[material.reader.key, *vectors.encoder_keys()])
    return Candidate(
        folder=folder,
        kind="search",
        metrics=judged.metrics,
        baseline_metrics=baseline.metrics,
        live_metrics=live.metrics if live else {},
        group_metrics=judged.group_metrics,
        window_start=material.snapshot.window_start,
        window_end=material.snapshot.window_end,
        data_fingerprint=material.snapshot.fingerprint,
        hyperparameters=dict(run.hyperparameters),
        card={
            **_card(material, model, weight, tried),
            "order": learned.card if learned else None,
            "personal": _personal(material, predictor),
        },
    )


def _card(
    material: Material, model: "HybridSearcher", weight: float, tried: Mapping[str, float]
) -> dict[str, Any]:
    protocol = "words of items' own titles, half of them mistyped" if material.is_made_up else (
        "what a person turned to within half an hour of a search, in the latest period"
    )  # fmt: skip
    return {
        "intended_use": _("Finding this shop's items by what visitors type."),
        **material.reader.card,
        "data": {
            "n_items": len(material.texts),
            "n_searches": 0 if material.is_made_up else len(material.early) + len(material.valid),
        },
        "split": {"n_test_cases": len(material.test), "protocol": protocol},
        "weights": {source: round(value, 3) for source, value in model.weights_.items()},
        "ranker_share": model.ranker_share_,
        "behaviour": {"weight": weight, "valid_ndcg@10_by_weight": dict(tried)},
    }


# -- material -------------------------------------------------------------------------------------


def prepare(run: Run) -> Material:
    """Freeze, read, encode and split. Raises NotEnoughDataError and EncoderMissingError."""
    run.report(0.01, _("Freezing the history"))
    types = [*interaction_types(), SEARCH]
    snapshot = frozen(run.folder / "snapshot", cutoff=run.cutoff, event_types=types)
    dataset = datasets.read_dataset(snapshot.folder, cutoff=run.cutoff)
    n_offered = int(dataset.is_active.sum())
    if n_offered < app_settings.MIN_ITEMS:
        raise NotEnoughDataError(have=n_offered, need=app_settings.MIN_ITEMS, unit=_("items on offer"))
    reader = fit_reader(dataset.texts, name=str(run.hyperparameters.get("encoder", "")))
    found = read_searches(snapshot.folder, dataset)
    early, valid, test = _split(found, run)
    is_made_up = len(test) < MIN_JUDGED
    if is_made_up:
        early, valid, test = found, [], made_up_searches(snapshot.folder, dataset, run.random_state)
    asked = list({search.query for part in (early, valid, test) for search in part if search.taken})
    run.report(0.3, _("Reading what was searched for"))
    return Material(
        snapshot=snapshot,
        dataset=dataset,
        texts=read_texts(snapshot.folder),
        titles=read_titles(snapshot.folder),
        vectors=item_vectors(run, dataset, reader),
        reader=reader,
        early=early,
        valid=valid,
        test=test,
        is_made_up=is_made_up,
        query_vectors=dict(zip(asked, reader.encode(asked) if asked else (), strict=True)),
    )


def read_texts(folder: Path) -> list[str]:
    columns = ["item_key", *datasets.TEXT_COLUMNS]
    items = pq.read_table(folder / "items.parquet", columns=columns).to_pandas().sort_values("item_key")
    rows = items[list(datasets.TEXT_COLUMNS)].to_dict("records")
    return [search_text(**{**row, "attributes": json.loads(row["attributes"] or "{}")}) for row in rows]


def read_titles(folder: Path) -> list[str]:
    items = pq.read_table(folder / "items.parquet", columns=["item_key", "title"]).to_pandas()
    return [str(title) for title in items.sort_values("item_key")["title"]]


def read_searches(folder: Path, dataset: Dataset) -> list[Search]:
    """Return the searches of a snapshot, oldest first, with the positions of the items they led to."""
    columns = ["user_key", "item_key", "type", "occurred_at", "query"]
    events = pq.read_table(folder / "events.parquet", columns=columns).to_pandas()
    events = events[events["user_key"].notna()].sort_values(["user_key", "occurred_at"], kind="stable")
    searchers = events.loc[events["type"] == SEARCH, "user_key"].unique()
    events = events[events["user_key"].isin(searchers)]
    places = {key: place for place, key in enumerate(dataset.item_keys.tolist())}
    rows = zip(*(events[name] for name in columns), strict=True)
    steps = (
        Step(user, type, None if pd.isna(item) else places.get(int(item)), query or "", moment)
        for user, item, type, moment, query in rows
    )
    return sorted(searches_of(steps), key=lambda search: search.moment)


def _split(found: list[Search], run: Run) -> tuple[list[Search], list[Search], list[Search]]:
    """Return early, validation and test searches; only those that led to something judge."""
    shares = [float(run.hyperparameters.get(name, 0.15)) for name in ("valid_share", "test_share")]
    at = [int(len(found) * (1 - sum(shares))), int(len(found) * (1 - shares[1]))]
    early, valid, test = found[: at[0]], found[at[0] : at[1]], found[at[1] :]
    return early, valid, _drawn([search for search in test if search.taken], run.random_state)


def _drawn(searches: list[Search], random_state: int) -> list[Search]:
    if len(searches) <= MAX_JUDGED:
        return searches
    rows = np.random.default_rng(random_state).choice(len(searches), MAX_JUDGED, replace=False)
    return [searches[row] for row in np.sort(rows)]


def made_up_searches(folder: Path, dataset: Dataset, random_state: int) -> list[Search]:
    """Return searches for items by two words of their titles, every second with a letter left out."""
    titles = read_titles(folder)
    rng = np.random.default_rng(random_state)
    rows = np.flatnonzero(dataset.is_active)
    found = []
    for n, row in enumerate(rng.permutation(rows)[:N_MADE_UP]):
        words = titles[row].split()
        query = " ".join(words[place] for place in sorted(rng.permutation(len(words))[:2]))
        if n % 2 and len(query) > 4:
            at = int(rng.integers(1, len(query) - 1))
            query = query[:at] + query[at + 1 :]
        if query.strip():
            found.append(Search(query, n, None, taken={int(row): 1.0}))
    return found


# -- learning -------------------------------------------------------------------------------------


def fit(run: Run, material: Material, searches: Sequence[Search]) -> "HybridSearcher":
    """Index the catalogue; weights and trees learn from searches, where there are enough."""
    from ecomai.learning.retrieval.hybrid import HybridSearcher
    from ecomai.learning.retrieval.judgements import Judgements

    grades: dict[tuple[str, int], float] = {}
    for search in searches:
        for item, grade in search.taken.items():
            grades[search.query, item] = max(grades.get((search.query, item), 0.0), grade)
    queries = sorted({query for query, _item in grades})
    row_of = {query: row for row, query in enumerate(queries)}
    judgements = None
    if grades:
        judgements = Judgements(
            rows=np.array([row_of[query] for query, _item in grades], dtype=np.int64),
            items=np.array([item for _query, item in grades], dtype=np.int64),
            grades=np.array(list(grades.values()), dtype=np.float32),
            good=GOOD,
        )
    model = HybridSearcher(
        language=app_settings.SEARCH_LANGUAGE, n_trees=int(run.hyperparameters.get("n_trees", 100)),
        n_candidates=int(run.hyperparameters.get("n_candidates", 200)), n_threads=1,
        random_state=run.random_state,
    )  # fmt: skip
    known = [material.query_vectors[query] for query in queries]
    return model.fit(
        material.texts,
        material.vectors,
        queries=queries,
        query_vectors=np.stack(known) if known else None,
        judgements=judgements,
    )


def _export(
    run: Run, material: Material, model: "HybridSearcher", searches: Sequence[Search], folder: Path,
    *, weight: float = 0.0, order: "FirstItems | None" = None,
) -> Path:  # fmt: skip
    from ecomai.learning.export import export_search

    return export_search(
        model,
        fresh(folder),
        item_ids=material.item_ids,
        texts=material.texts,
        behaviour=taken_shares(searches, _canonical(searches)),
        behaviour_weight=weight,
        past_queries=[row for row in past_queries(searches) if row[2]][:MOST_PAST_QUERIES],
        text_encoder=material.reader.source,
        encoder_cache=encoder_cache(run, material.reader),
        order=order,
    )


def _canonical(searches: Sequence[Search]) -> dict[str, str]:
    language = app_settings.SEARCH_LANGUAGE
    return {query: canonical(query, language) for query in {search.query for search in searches}}


def _weigh_behaviour(
    trial: Any, material: Material, cases: Sequence[Search]
) -> tuple[float, dict[str, float]]:
    """Return how much counts what others took, and how each weight did on validation searches."""
    found = [_served(trial, material, search.query) for search in cases]
    tried = {}
    for weight in BEHAVIOUR_WEIGHTS:
        scores = iter([one.total + weight * one.taken for one in found])
        judged = _judge(material, cases, lambda _search, scores=scores: next(scores))  # type: ignore[misc]
        tried[f"{weight:g}"] = round(judged.metrics["ndcg@10"], 4)
    return float(max(tried, key=lambda name: tried[name])), tried


def _learn_order(run: Run, material: Material, trial: Any, weight: float) -> Learned | None:
    """Learn from the latest of the early searches what order their first items should have had."""

    def first_lists(searches: Sequence[Search], n: int) -> list[FirstList]:
        def answer(query: str) -> Any:
            return _served(trial, material, query)

        return lists_of(answer, material.dataset.is_active, searches, n=n)

    # Without what others took (the trial's weight is 0): that tells these searches of themselves.
    taught = first_lists(material.early, MOST_TAUGHT)
    trial.behaviour_weight = weight
    choosing = first_lists(material.valid, MOST_CHOOSING)
    return learn_order(run, material.titles, taught, choosing, language=app_settings.SEARCH_LANGUAGE)


# -- judging --------------------------------------------------------------------------------------


def judge(material: Material, scorer: Scorer) -> Judged:
    return _judge(material, material.test, scorer)


def _judge(material: Material, cases: Sequence[Search], scorer: Scorer) -> Judged:
    ranked = np.full((len(cases), max(KS)), -1, dtype=np.int64)
    for row, search in enumerate(cases):
        scores = np.where(material.dataset.is_active, scorer(search), -np.inf)
        best = np.argsort(-scores, kind="stable")[: max(KS)]
        best = best[scores[best] > 0]
        ranked[row, : len(best)] = best
    seen = set(_canonical(material.early).values())
    canonicals = _canonical(cases)
    is_known = np.array([canonicals[search.query] in seen for search in cases], dtype=bool)
    groups = {}
    for name, members in (("known_queries", is_known), ("new_queries", ~is_known)):
        if members.sum() >= MIN_GROUP and not material.is_made_up:
            some = [search for search, is_in in zip(cases, members, strict=True) if is_in]
            groups[name] = _report(ranked[members], some, material) | {"n_cases": float(members.sum())}
    return Judged(_report(ranked, cases, material), groups)


def _personal(material: Material, predictor: Any) -> dict[str, Any] | None:
    """Return what the customer's own order gains on later searches."""

    def judging(cases: Sequence[Search], fondness: Fondness) -> Mapping[str, float]:
        return _judge(material, cases, served_scorer(predictor, material, fondness)).metrics

    searches = [] if material.is_made_up else material.test
    return personal_gain(material.snapshot.folder, predictor, material.dataset.item_keys, searches, judging)


def _report(ranked: np.ndarray, cases: Sequence[Search], material: Material) -> dict[str, float]:
    lengths = [len(search.taken) for search in cases]
    targets = Interactions(
        items=np.array([item for search in cases for item in search.taken], dtype=np.int32),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        n_items=len(material.texts),
    )
    report = ranking_report(ranked, targets, n_items=len(material.texts), ks=KS)
    return {name: value for name, value in report.items() if not name.startswith("coverage")}


def served_scorer(predictor: Any, material: Material, fondness: Fondness | None = None) -> Scorer:
    """Return how an artifact as it serves scores the dataset's items; those it does not know get nothing.

    With `fondness` that is added, and what was not found gets nothing either.
    """
    places = {item_id: place for place, item_id in enumerate(predictor.item_ids)}
    columns = np.array([places.get(item_id, -1) for item_id in material.item_ids])

    def score(search: Search) -> np.ndarray:
        found = _served(predictor, material, search.query)
        is_in = (columns >= 0) if fondness is None else (columns >= 0) & found.is_found[columns]
        best = max(float(found.total.max(initial=0)), 1e-9)
        total = np.where(is_in, found.total[np.maximum(columns, 0)] / best, -np.inf)
        fond = np.zeros(len(columns)) if fondness is None else fondness(search)
        return _in_order(predictor, material, search.query, found, total, columns, fond)

    return score


def _in_order(
    predictor: Any, material: Material, query: str, found: Any, total: np.ndarray, columns: np.ndarray,
    fond: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Return scores with the first items in the order that serving gives them, with time to read them all."""
    order = predictor.first_order
    liked = total + fond
    shown = np.where(material.dataset.is_active, liked, -np.inf)
    first = np.argsort(-shown, kind="stable")[: order.n_first if order else 0]
    first = first[shown[first] > 0]
    if len(first) < 2 or found.is_by_meaning:
        return liked
    titles = [material.titles[item] for item in first]
    scores = order.scores(
        found.query, titles, total[first], typed=query, cosines=found.cosines[columns[first]]
    )
    liked[first] = liked.max() + 1 + scores + fond[first]
    return liked


def _served(predictor: Any, material: Material, query: str) -> Any:
    corrected = predictor.correct(query)
    if corrected == query and predictor.n_features == material.reader.n_features:
        vector = material.query_vectors[query]
    else:
        vector = predictor.text_encoder.encode([corrected])[0]
    return predictor.search(query, corrected=corrected, vector=vector)


def _bm25(material: Material) -> Scorer:
    from ecomai.learning.retrieval.bm25 import BM25Index

    index = BM25Index("words", k1=1.2, b=0.75).fit(material.texts)
    return lambda search: index.scores([search.query])[0]
