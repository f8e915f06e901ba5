"""`tastes`: which kinds of things customers with few orders buy next, on Online Retail.

The set has no categories; the last word of a description (“holder”, “bag”, “sign”) is one, as a head noun.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomai.benchmarking import Report
from ecomai.exceptions import InvalidInputError

from ..likeness.smoothing import expected_shares, smoothed_shares
from ..likeness.tastes import unit
from .clv_retail import CUT, FILE

#: An earlier cut, of which what comes after is known before `CUT`: strength (in usual orders) and temperature
#: are chosen there.
EARLIER = CUT - pd.Timedelta(days=92)
AHEAD = pd.Timedelta(days=92)
N_CATEGORIES, MOST_ORDERS, TOP = 150, 3, 5
STRENGTHS, TEMPERATURES = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0), (0.05, 0.1, 0.2, 0.35, 0.5, 1.0)
WORD = re.compile(r"[A-Za-z]{3,}")
Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Cut:
    """Customers with one to three orders before a moment, and whether they took of each kind in the next."""

    counts: Floats
    tastes: Floats
    took: NDArray[np.bool_]
    popularity: Floats
    lines_an_order: float


def tastes(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Rank kinds of things by smoothed tastes, by counts, and by counts smoothed by what all buy.

    `hit_rate@5` is the share of customers whose next order has one of the five, `mrr` the mean of one over
    the first rank that it has, `log_loss` of the kinds that it has, each customer counting once.
    """
    report(0.02, "reading")
    rows, items = _read(data)
    report(0.1, "texts")
    vectors = _encode(items["text"].tolist(), device)
    kinds = items["kind"].to_numpy()
    middles = unit(np.stack([vectors[kinds == kind].mean(axis=0) for kind in range(N_CATEGORIES)]))
    report(0.7, "choosing")
    known, later = (_cut(rows, vectors, kinds, moment) for moment in (EARLIER, CUT))
    strength, temperature = _choose(known, middles)
    best_plain = max(STRENGTHS, key=lambda each: _judge(known, _plain(known, each))["mrr"])
    report(0.9, "judging")
    shares, plain = _smoothed(later, middles, strength, temperature), _plain(later, best_plain)
    smoothed = _judge(later, shares) | _gain(later, shares, plain)
    return {
        "metrics": smoothed, "rows": {"smoothed": smoothed},
        "splits": _by_orders(later, middles, strength, temperature),
        "peers": {
            "counts": _judge(later, _plain(later, 1e-3)),
            "counts_and_popularity": _judge(later, plain),
        },
        "settings": {
            "strength": strength, "temperature": temperature, "strength_of_popularity": best_plain,
            "n_customers": len(later.counts), "n_kinds": N_CATEGORIES, "seed": seed,
        },
    }  # fmt: skip


def _read(data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return lines of orders with the place of their item, and items with text and kind."""
    if not (data / FILE).is_file():
        raise InvalidInputError(reason=f"{data.name} does not hold {FILE}.")
    columns = ["InvoiceNo", "Description", "Quantity", "InvoiceDate", "CustomerID"]
    rows = pd.read_csv(
        data / FILE, usecols=columns, dtype={"InvoiceNo": str, "Description": str},
        parse_dates=["InvoiceDate"],
    )  # fmt: skip
    is_kept = ~rows["InvoiceNo"].str.startswith("C") & (rows["Quantity"] > 0) & rows["CustomerID"].notna()
    rows = rows[is_kept & rows["Description"].notna()]
    words = rows["Description"].map(lambda text: (WORD.findall(text.lower()) or [""])[-1])
    names = words[rows["InvoiceDate"] < EARLIER].value_counts().drop("", errors="ignore").index[:N_CATEGORIES]
    rows = rows.assign(kind=pd.Categorical(words, categories=names).codes)
    rows = rows[rows["kind"] >= 0]
    codes, texts = pd.factorize(rows["Description"])
    first = rows.groupby(codes)["kind"].first()
    return rows.assign(item=codes), pd.DataFrame({"text": texts, "kind": first.to_numpy()})


def _encode(texts: list[str], device: str) -> Floats:
    from ..training.ad_response import fit_encoder

    encoder = fit_encoder([text.lower() for text in texts], name="auto")
    return unit(encoder.encode([text.lower() for text in texts])).astype(np.float64)


def _cut(rows: pd.DataFrame, vectors: Floats, kinds: NDArray[Any], moment: pd.Timestamp) -> Cut:
    before = rows[rows["InvoiceDate"] < moment]
    after = rows[(rows["InvoiceDate"] >= moment) & (rows["InvoiceDate"] < moment + AHEAD)]
    n_orders = before.groupby("CustomerID")["InvoiceNo"].nunique()
    few = n_orders.index[n_orders <= MOST_ORDERS]
    first = after.sort_values("InvoiceDate").groupby("CustomerID")["InvoiceNo"].first()
    customers = first.index.intersection(few)
    place = pd.Series(np.arange(len(customers)), index=customers)
    known = before[before["CustomerID"].isin(customers)].drop_duplicates(["InvoiceNo", "item"])
    who, item = place[known["CustomerID"]].to_numpy(), known["item"].to_numpy()
    counts, taken = np.zeros((len(customers), N_CATEGORIES)), np.zeros((len(customers), vectors.shape[1]))
    np.add.at(counts, (who, kinds[item]), 1.0)
    np.add.at(taken, who, vectors[item])
    next_lines = after[after["InvoiceNo"].isin(first[customers])]
    next_lines = next_lines[next_lines["CustomerID"].isin(customers)]
    took = np.zeros(counts.shape, dtype=bool)
    took[place[next_lines["CustomerID"]].to_numpy(), kinds[next_lines["item"].to_numpy()]] = True
    popularity = np.bincount(kinds[before["item"].to_numpy()], minlength=N_CATEGORIES) + 1.0
    lines_an_order = len(before) / before["InvoiceNo"].nunique()
    return Cut(counts, unit(taken.astype(np.float32)), took, popularity / popularity.sum(), lines_an_order)


def _smoothed(cut: Cut, middles: Floats, strength: float, temperature: float) -> Floats:
    expected = expected_shares(cut.tastes, middles, cut.popularity, temperature=temperature)
    return smoothed_shares(cut.counts, expected, strength=strength * cut.lines_an_order)


def _plain(cut: Cut, strength: float) -> Floats:
    expected = np.broadcast_to(cut.popularity, cut.counts.shape)
    return smoothed_shares(cut.counts, expected, strength=strength * cut.lines_an_order)


def _choose(cut: Cut, middles: Floats) -> tuple[float, float]:
    """By the rank of what is taken next, as it is a ranking that people see."""
    return max(
        ((strength, temperature) for strength in STRENGTHS for temperature in TEMPERATURES),
        key=lambda pair: _judge(cut, _smoothed(cut, middles, *pair))["mrr"],
    )


def _judge(cut: Cut, shares: Floats) -> dict[str, float]:
    order = np.argsort(-shares, axis=1, kind="stable")
    hits = np.take_along_axis(cut.took, order, axis=1)
    n_taken = cut.took.sum(axis=1)
    return {
        f"hit_rate@{TOP}": float(hits[:, :TOP].any(axis=1).mean()),
        f"recall@{TOP}": float((hits[:, :TOP].sum(axis=1) / np.minimum(n_taken, TOP)).mean()),
        "mrr": float(_first_ranks(cut, shares).mean()),
        "log_loss": float(-((np.log(shares) * cut.took).sum(axis=1) / n_taken).mean()),
    }


def _first_ranks(cut: Cut, shares: Floats) -> Floats:
    order = np.argsort(-shares, axis=1, kind="stable")
    return np.asarray(1 / (1 + np.take_along_axis(cut.took, order, axis=1).argmax(axis=1)))


def _gain(cut: Cut, shares: Floats, others: Floats) -> dict[str, float]:
    """By how much the mean reciprocal rank exceeds that of others, with the paired 95 % interval."""
    gains = _first_ranks(cut, shares) - _first_ranks(cut, others)
    mean, half = float(gains.mean()), float(1.96 * gains.std(ddof=1) / np.sqrt(len(gains)))
    return {"mrr_gain": mean, "mrr_gain_low": mean - half, "mrr_gain_high": mean + half}


def _by_orders(cut: Cut, middles: Floats, strength: float, temperature: float) -> dict[str, dict[str, float]]:
    """Of those who had bought fewest and most lines before."""
    lines = cut.counts.sum(axis=1)
    return {
        name: _judge(part, _smoothed(part, middles, strength, temperature))
        | {f"counts_{key}": value for key, value in _judge(part, _plain(part, 1e-3)).items()}
        for name, part in _halves(cut, lines <= np.median(lines))
    }


def _halves(cut: Cut, is_few: NDArray[np.bool_]) -> Iterator[tuple[str, Cut]]:
    for name, rows in (("few_lines", is_few), ("many_lines", ~is_few)):
        if not rows.any():
            continue
        yield name, replace(cut, counts=cut.counts[rows], tastes=cut.tastes[rows], took=cut.took[rows])
