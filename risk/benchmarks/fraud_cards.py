"""Card transactions in the order of time: who is learned from, who is judged, and how."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomai.exceptions import InvalidInputError

from .fraud_features import DAY, DELAY_DAYS, Ints, Transactions

Metrics = dict[str, float]

FILE = "transactions.parquet"
COLUMNS = {
    "time": "TX_DATETIME", "customer": "CUSTOMER_ID", "terminal": "TERMINAL_ID", "amount": "TX_AMOUNT",
    "label": "TX_FRAUD",
}  # fmt: skip
#: First days of the weeks on which everything is chosen, and of those that are reported.
CHOOSING = ("2018-06-06", "2018-06-13", "2018-06-20", "2018-06-27")
REPORTED = ("2018-07-18", "2018-07-25", "2018-08-01", "2018-08-08")
WEEK = 7
# A day's test leaves out cards whose fraud was known the evening before, seven days late.
KNOWN_DAYS = DELAY_DAYS + 1


@dataclass(frozen=True)
class Fold:
    """Seven days of labels, seven of delay, seven of test: positions of transactions."""

    train: Ints
    test: Ints


@dataclass(frozen=True)
class Cards:
    """Transactions, and the weeks on which is chosen and reported."""

    transactions: Transactions
    choosing: list[Fold]
    reported: list[Fold]

    @property
    def history(self) -> Ints:
        """Transactions before any fold."""
        return np.arange(min(int(fold.train[0]) for fold in (*self.choosing, *self.reported)))


def read_cards(data: Path) -> Cards:
    """Read the folder; `benchmark.json` may name file, columns and weeks."""
    described = _description(data)
    columns = COLUMNS | described.get("columns", {})
    path = data / described.get("transactions", FILE)
    if not path.is_file():
        raise InvalidInputError(reason=f"{path.name} is missing in {data.name}.")
    rows = pd.read_parquet(path, columns=list(columns.values())).sort_values(columns["time"], kind="stable")
    first = rows[columns["time"]].iloc[0].normalize()
    transactions = Transactions(
        ((rows[columns["time"]] - first) // pd.Timedelta(seconds=1)).to_numpy(np.int64),
        pd.factorize(rows[columns["customer"]], sort=True)[0],
        pd.factorize(rows[columns["terminal"]], sort=True)[0],
        rows[columns["amount"]].to_numpy(np.float64),
        rows[columns["label"]].to_numpy(np.int64),
        first.weekday(),
    )
    weeks = {name: described.get(name, days) for name, days in _WEEKS.items()}
    folds = {
        name: [make_fold(transactions, (date.fromisoformat(day) - first.date()).days) for day in days]
        for name, days in weeks.items()
    }
    return Cards(transactions, folds["choosing"], folds["reported"])


_WEEKS = {"choosing": CHOOSING, "reported": REPORTED}


def _description(data: Path) -> dict[str, Any]:
    path = data / "benchmark.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def make_fold(transactions: Transactions, test_day: int) -> Fold:
    """Return the fold whose test week starts on a day; cards known to be defrauded are not judged."""
    starts = np.searchsorted(transactions.seconds, DAY * (test_day + np.arange(-2 * WEEK, WEEK + 1)))
    train = np.arange(starts[0], starts[WEEK])
    is_known = np.zeros(int(transactions.customers.max()) + 1, dtype=bool)
    _note(is_known, transactions, train)
    tests = []
    for day in range(WEEK):
        noted = 2 * WEEK + day - KNOWN_DAYS
        _note(is_known, transactions, np.arange(starts[noted], starts[noted + 1]))
        rows = np.arange(starts[2 * WEEK + day], starts[2 * WEEK + day + 1])
        tests.append(rows[~is_known[transactions.customers[rows]]])
    test = np.concatenate(tests)
    if not transactions.labels[train].any() or not transactions.labels[test].any():
        raise InvalidInputError(reason=f"there is no fraud in the weeks before and after day {test_day}.")
    return Fold(train, test)


def _note(is_known: NDArray[np.bool_], transactions: Transactions, rows: Ints) -> None:
    is_known[transactions.customers[rows[transactions.labels[rows] == 1]]] = True


def judge(transactions: Transactions, rows: Ints, scores: NDArray[np.float64]) -> Metrics:
    """Return the metrics of probabilities of transactions."""
    from ecomai.learning.metrics.classification import classification_report

    return classification_report(
        transactions.labels[rows],
        scores,
        cards=transactions.customers[rows],
        days=transactions.days[rows],
    )


def mean_of(found: list[Metrics]) -> Metrics:
    return {name: float(np.mean([metrics[name] for metrics in found])) for name in found[0]}
