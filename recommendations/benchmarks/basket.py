"""`basket`: what each customer's next basket holds, with and without what the customer had before."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecomai.benchmarking import Report
from ecomai.exceptions import InvalidInputError
from ecomai.learning.interactions import Interactions
from ecomai.learning.metrics.ranking import ndcg_at_k, recall_at_k
from ecomai.learning.splits import Split, split_first_basket

if TYPE_CHECKING:
    from ecomai.learning.recommenders.base import Recommender

Metrics = dict[str, float]
Settings = dict[str, Any]

K = 10
CASES_AT_ONCE = 256
FIGURES = (f"ndcg@{K}", f"ndcg@{K}_new")
#: Days before the cut from which first baskets are judged, to choose the settings of peers.
VALIDATION_AGES_DAYS = (56.0, 28.0)
N_RESAMPLES = 2000
LEAST_NDCG = 1e-6  # of a peer that finds nothing
TRANSFORMER: Settings = {"dim": 64, "n_layers": 1, "n_heads": 2, "max_length": 50, "max_epochs": 6}
ONLINE_RETAIL_FILE = "online_retail.csv.gz"
ONLINE_RETAIL = {
    "events": ONLINE_RETAIL_FILE, "basket": "InvoiceNo", "customer": "CustomerID", "item": "StockCode",
    "title": "Description", "at": "InvoiceDate", "cut": "2011-10-14 00:00:00",
}  # fmt: skip
REQUIRED = ("events", "basket", "customer", "item", "at", "cut")


@dataclass(frozen=True)
class Shop:
    """What customers took, aged from the end of the data, and how old the cut is then."""

    X: Interactions
    titles: list[str]
    cut_age_days: float


@dataclass(frozen=True)
class Peer:
    """A baseline, and the values of its settings that are tried."""

    make: "Callable[..., Recommender]"
    fixed: Settings = field(default_factory=dict)
    grid: dict[str, tuple[Any, ...]] = field(default_factory=dict)


def basket(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Rank all products for each customer's first basket after the cut.

    `data` holds lines of orders: Online Retail, or a folder whose `benchmark.json` names file, columns
    and cut. Items are relabelled and customers shuffled with the seed first. Judged are customers with
    baskets on both sides of the cut; `splits` counts those without a past too. The settings of each peer
    are chosen, for each figure by itself, on first baskets of the 8 weeks before the cut.
    """
    from ecomai.learning.recommenders.next_basket import NextBasketRecommender
    from ecomai.learning.recommenders.sequence import SequenceRecommender

    shop = read_shop(data, seed=seed)
    test = split_first_basket(shop.X, age_days=shop.cut_age_days)
    everyone = split_first_basket(shop.X, age_days=shop.cut_age_days, min_history=0)
    judged, chosen = {}, {}
    for place, (name, peer) in enumerate(peers(seed).items()):
        report(0.02 + 0.07 * place, f"settings of {name}")
        chosen[name] = tune(peer, test.train)
        judged[name] = judge_tuned(peer, chosen[name], test)
    report(0.4, "texts")
    vectors = _encode(shop.titles) if any(shop.titles) else None
    report(0.45, "transformer")
    transformer = SequenceRecommender(**TRANSFORMER, device=device, random_state=seed)
    transformer.fit(test.train, vectors)
    report(0.65, "next basket")
    model = NextBasketRecommender(random_state=seed).fit(test.train, vectors)
    report(0.95, "judging")
    ours, cold = judge(model, test), judge(model, everyone)
    return {
        "metrics": ours.metrics,
        "rows": {"transformer": judge(transformer, test).metrics, "ensemble": ours.metrics},
        "splits": {"all_customers": cold.metrics},
        "peers": {name: found.metrics for name, found in judged.items()},
        "settings": {
            "model": model.get_params(),
            "transformer": TRANSFORMER,
            "peers": chosen,
            "gain_over_best_peer": {figure: gain(ours, judged, figure, seed=seed) for figure in FIGURES},
            "n_items": shop.X.n_items,
            "judged_customers": len(test.targets),
            "judged_customers_new": len(ours.gains[FIGURES[1]]),
            "judged_customers_without_history": len(everyone.targets) - len(test.targets),
        },
    }


def peers(seed: int) -> dict[str, Peer]:
    """Return the baselines and their grids."""
    from ecomai.learning.recommenders.item_item import ItemItemRecommender
    from ecomai.learning.recommenders.matrix_factorization import MatrixFactorizationRecommender
    from ecomai.learning.recommenders.own_frequency import OwnFrequencyRecommender
    from ecomai.learning.recommenders.popularity import PopularityRecommender
    from ecomai.learning.recommenders.sequential_rules import SequentialRulesRecommender

    half_lives = (None, 120.0, 60.0, 30.0)
    return {
        "popularity_4_weeks": Peer(
            PopularityRecommender, {"window_days": 28.0}, {"half_life_days": (None, 28.0, 14.0, 7.0)}
        ),
        "own_frequency": Peer(
            OwnFrequencyRecommender,
            {},
            {
                "half_life_days": (240.0, *half_lives),
                "basket_decay": (1.0, 0.95, 0.9, 0.8),
                "popularity_half_life_days": (14.0, 7.0, 28.0, None),
            },
        ),
        "item_item": Peer(
            ItemItemRecommender,
            {"step_decay": 1.0, "backward_weight": 1.0},
            {
                "history_decay": (0.99, 0.95, 1.0),
                "own_weight": (0.0, 0.3, 1.0, 3.0),
                "half_life_days": half_lives[:3],
                "window": (30, 100),
                "shrinkage": (20.0, 5.0, 80.0),
                "n_neighbours": (100, 300),
            },
        ),
        "sequential_rules": Peer(
            SequentialRulesRecommender,
            {},
            {"basket_decay": (0.8, 0.5, 0.95), "window": (3, 1, 6), "half_life_days": half_lives[:3],
             "shrinkage": (20.0, 5.0)},
        ),
        "matrix_factorization": Peer(
            MatrixFactorizationRecommender,
            {"random_state": seed, "n_threads": 2},
            {
                "n_factors": (128, 64, 192),
                "alpha": (2.0, 1.0, 4.0),
                "regularization": (10.0, 3.0, 30.0),
                "half_life_days": (60.0, None, 120.0),
            },
        ),
    }  # fmt: skip


def tune(peer: Peer, X: Interactions) -> dict[str, Settings]:
    """Return, for each figure, the settings that are best on the validation baskets.

    One setting after the other is tried over its grid while the others stay, starting from the first
    values, until a whole round changes nothing.
    """
    validation = [split_first_basket(X, age_days=days) for days in VALIDATION_AGES_DAYS]
    known: dict[str, Metrics] = {}

    def metrics(settings: Settings) -> Metrics:
        key = json.dumps(settings)
        if key not in known:
            found = [judge(peer.make(**settings).fit(split.train), split).metrics for split in validation]
            known[key] = {figure: float(np.mean([one[figure] for one in found])) for figure in FIGURES}
        return known[key]

    def climb(figure: str) -> Settings:
        return _climb(peer, lambda settings: metrics(settings)[figure])

    return {figure: climb(figure) for figure in FIGURES}


def _climb(peer: Peer, value: Callable[[Settings], float]) -> Settings:
    best = peer.fixed | {name: values[0] for name, values in peer.grid.items()}
    while True:
        before = best
        for name, values in peer.grid.items():
            best = max([best, *({**best, name: one} for one in values)], key=value)
        if best == before:
            return best


@dataclass(frozen=True)
class Judged:
    """Metrics, and the gain of each case by figure; among the new only cases with a new target have one."""

    metrics: Metrics
    gains: dict[str, np.ndarray]


def judge(model: "Recommender", split: Split) -> Judged:
    """Judge over all products, and over those that each customer never took before."""
    n_targets = split.targets.n_items
    taken = np.unique(split.histories.users * n_targets + split.histories.items)
    is_new = ~np.isin(split.targets.users * n_targets + split.targets.items, taken)
    new_targets = split.targets.where(is_new)
    cases = np.flatnonzero(new_targets.lengths)
    ranked, ranked_new = _ranked(model, split)
    found, found_new = (ranked, split.targets), (ranked_new[cases], new_targets.select(cases))
    return Judged(
        metrics={
            f"{metric}@{K}{suffix}": function(*pair, k=K)
            for suffix, pair in (("", found), ("_new", found_new))
            for metric, function in (("ndcg", ndcg_at_k), ("recall", recall_at_k))
        },
        gains={figure: _gains(*pair) for figure, pair in zip(FIGURES, (found, found_new), strict=True)},
    )


def judge_tuned(peer: Peer, chosen: dict[str, Settings], test: Split) -> Judged:
    """Judge a peer with the settings of each figure: recall goes with the NDCG of its kind."""
    every, new = (judge(peer.make(**chosen[figure]).fit(test.train), test) for figure in FIGURES)
    metrics = {name: (new if name.endswith("_new") else every).metrics[name] for name in every.metrics}
    return Judged(metrics, {FIGURES[0]: every.gains[FIGURES[0]], FIGURES[1]: new.gains[FIGURES[1]]})


def gain(ours: Judged, judged: dict[str, Judged], figure: str, *, seed: int) -> dict[str, Any]:
    """Return how much better than the best peer, with a 95 % interval over customers drawn again."""
    name = max(judged, key=lambda one: judged[one].metrics[figure])
    mine, best = ours.gains[figure], judged[name].gains[figure]
    drawn = np.random.default_rng(seed).integers(len(mine), size=(N_RESAMPLES, len(mine)))
    gains = mine[drawn].mean(axis=1) / np.maximum(best[drawn].mean(axis=1), LEAST_NDCG) - 1
    low, high = np.percentile(gains, [2.5, 97.5])
    value = mine.mean() / max(best.mean(), LEAST_NDCG) - 1
    return {"peer": name, "gain": round(value, 4), "low": round(low, 4), "high": round(high, 4)}


def _ranked(model: "Recommender", split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Return the best items of each case, and the best that are new to the customer: (n_cases, K)."""
    from ecomai.learning.recommenders.base import top_n

    lists, new_lists = [], []
    for histories in _parts(split.histories):
        scores = model.scores(histories)
        lists.append(top_n(scores, K))
        scores[histories.users, histories.items] = -np.inf
        new_lists.append(top_n(scores, K))
    return np.concatenate(lists), np.concatenate(new_lists)


def _parts(histories: Interactions) -> Iterator[Interactions]:
    for start in range(0, len(histories), CASES_AT_ONCE):
        yield histories.select(np.arange(start, min(start + CASES_AT_ONCE, len(histories))))


def _gains(ranked: np.ndarray, targets: Interactions) -> np.ndarray:
    cases = range(len(targets))
    return np.array([ndcg_at_k(ranked[[case]], [targets[case]], k=K) for case in cases])


def read_shop(data: Path, *, seed: int) -> Shop:
    """Return the shop's baskets, relabelled and shuffled with the seed."""
    lines, cut = _read_lines(data)
    lines["at"] = lines.groupby("basket")["at"].transform("min")  # a basket has one time
    lines = lines.drop_duplicates(["customer", "at", "item"])
    end = max(lines["at"].max(), cut) + np.timedelta64(1, "D")
    rng = np.random.default_rng(seed)
    items, n_items = _relabel(lines["item"], rng)
    customers, n_customers = _relabel(lines["customer"], rng)
    titles = pd.Series(lines["title"].to_numpy(), index=items).groupby(level=0).agg(_most_common)
    X = Interactions.from_columns(
        customers,
        items,
        n_items=n_items,
        n_users=n_customers,
        ages_days=((end - lines["at"]) / np.timedelta64(1, "D")).to_numpy(),
    )
    return Shop(X, titles.tolist(), float((end - cut) / np.timedelta64(1, "D")))


def _read_lines(data: Path) -> tuple[pd.DataFrame, pd.Timestamp]:
    names = _description(data)
    path = data / names["events"]
    if not path.is_file():
        raise InvalidInputError(reason=f"{path.name} is missing in {data.name}.")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    columns = [name for name in ("basket", "customer", "item", "at", "title") if name in names]
    missing = [names[name] for name in columns if names[name] not in table]
    if missing:
        raise InvalidInputError(reason=f"{path.name} has no column {', '.join(missing)}.")
    if path.name == ONLINE_RETAIL_FILE:
        table = table[_is_clean(table)]
    lines = table[[names[name] for name in columns]].set_axis(columns, axis=1)
    lines = lines[(lines["customer"] != "") & (lines["item"] != "")]
    cut = pd.Timestamp(names["cut"])
    at = pd.to_datetime(lines["at"])
    if not ((at < cut).any() and (at >= cut).any()):
        raise InvalidInputError(reason=f"{path.name} needs baskets before and after {cut}.")
    return lines.assign(at=at, title=lines.get("title", "")), cut


def _description(data: Path) -> dict[str, str]:
    path = data / "benchmark.json"
    names = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else ONLINE_RETAIL
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise InvalidInputError(reason=f"{path.name} must name {', '.join(missing)}.")
    return names


def _is_clean(table: pd.DataFrame) -> pd.Series:
    """Return which lines of Online Retail are sales of products to known customers.

    A product's code begins with five digits; POST, M, DOT, BANK CHARGES and the like do not.
    """
    return (
        ~table["InvoiceNo"].str.startswith("C")
        & (pd.to_numeric(table["Quantity"]) > 0)
        & (pd.to_numeric(table["UnitPrice"]) > 0)
        & table["StockCode"].str.match(r"\d{5}")
    )


def _relabel(ids: pd.Series, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    known, places = np.unique(ids.to_numpy(dtype=str), return_inverse=True)
    return rng.permutation(len(known))[places], len(known)


def _most_common(titles: pd.Series) -> str:
    return str(titles.value_counts().sort_index().idxmax())


def _encode(titles: list[str]) -> np.ndarray:
    from ecomai.learning.encoders.char_ngram import CharNgramTextEncoder

    return CharNgramTextEncoder(dim=128).fit(titles).encode(titles)
