"""A red team: how much fraud escapes when amount, time and device may be changed, before and after training.

The attacker sees the score of each of 20 attempts. Both models decline the same share of honest cases, so
that the one after training buys nothing by suspicion of all. Frauds of the test are attacked; those of the
train alone have taught.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .fraud_cards import Metrics

if TYPE_CHECKING:
    from ecomai.learning.classifiers.boosted import BoostedClassifier
    from ecomai.learning.classifiers.red_team import Move

Rows = NDArray[np.float32]
Labels = NDArray[np.int64]
#: Of the honest cases, declined by either model.
DECLINED_SHARE = 0.01
N_QUERIES = 20
N_ROUNDS = 3


class Attacks(ABC):
    """What an attacker may change, of features by their names, and what follows from it."""

    def __init__(self, names: Sequence[str]) -> None:
        self.places = {name: place for place, name in enumerate(names)}

    @abstractmethod
    def moves(self) -> list["Move"]:
        """Return what may be changed, and how far."""

    @abstractmethod
    def recompute(self, before: Rows, after: Rows) -> Rows:
        """Return changed rows with the features that follow from what was changed."""


class CardAttacks(Attacks):
    """A stolen card is used for less, or at another hour of the day; the terminal is what it is."""

    def moves(self) -> list["Move"]:
        from ecomai.learning.classifiers.red_team import Move

        return [
            Move(self.places["amount"], 0.3, 1.0, is_relative=True),
            Move(self.places["hour"], values=tuple(np.arange(0.5, 24))),
        ]

    def recompute(self, before: Rows, after: Rows) -> Rows:
        """The amount's relation to the usual one and means that hold it follow; so does the night."""
        found, at = after.copy(), self.places
        old, new = before[:, at["amount"]], after[:, at["amount"]]
        found[:, at["night"]] = after[:, at["hour"]] < 7
        found[:, at["own_ratio"]] = before[:, at["own_ratio"]] * new / np.maximum(old, 0.01)
        z, mean = before[:, at["own_z"]], before[:, at["own_mean"]]
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = (old - mean) / z
            found[:, at["own_z"]] = np.where(np.abs(z) > 1e-3, (new - mean) / spread, z)
        for days in (1, 7, 30):
            n = np.maximum(before[:, at[f"customer_n_{days}d"]], 1)
            place = at[f"customer_mean_{days}d"]
            found[:, place] = before[:, place] + (new - old) / n
        return found


class SignupAttacks(Attacks):
    """A new account buys for less, waits up to a week, and comes from a device and an address never seen."""

    def moves(self) -> list["Move"]:
        from ecomai.learning.classifiers.red_team import Move

        at = self.places
        return [
            Move(at["purchase_value"], 0.5, 1.0, is_relative=True),
            Move(at["minutes_since_signup"], 0.0, 7 * 24 * 60),
            Move(at["device_id_purchases"], values=(0.0,)),
            Move(at["ip_address_purchases"], values=(0.0,)),
        ]

    def recompute(self, before: Rows, after: Rows) -> Rows:
        """Nobody buys earlier than before; hour and weekday follow, and a new device has no accounts."""
        found, at = after.copy(), self.places
        place = at["minutes_since_signup"]
        found[:, place] = np.maximum(before[:, place], after[:, place])
        hours = before[:, at["purchase_hour"]] + (found[:, place] - before[:, place]) / 60
        found[:, at["purchase_hour"]] = np.floor(hours % 24)
        found[:, at["purchase_weekday"]] = (before[:, at["purchase_weekday"]] + hours // 24) % 7
        for name in ("device_id", "ip_address"):
            is_new = after[:, at[f"{name}_purchases"]] != before[:, at[f"{name}_purchases"]]
            found[is_new, at[f"{name}_signups"]] = 0
        return found


def measure_red_team(
    attacks: Attacks,
    train: tuple[Rows, Labels],
    test: tuple[Rows, Labels],
    trees: Mapping[str, Any],
    *,
    seed: int,
) -> dict[str, Metrics]:
    """Return rows before and after adversarial training.

    `escape_rate` is the share of the test's frauds that is approved, changed or not, `escape_rate_unchanged`
    that which is approved as it was; average precision and ROC AUC are those of cases that nobody changed.
    """
    from ecomai.learning.classifiers.boosted import BoostedClassifier
    from ecomai.learning.classifiers.red_team import harden

    names = list(attacks.places)
    model = BoostedClassifier(**trees, random_state=seed).fit(*train, feature_names=names)
    threshold = threshold_of(model, *test)
    hardened = harden(
        model, *train, attacks.moves(), threshold=threshold, n_rounds=N_ROUNDS, n_queries=N_QUERIES,
        recompute=attacks.recompute,
    )  # fmt: skip
    return {
        "red_team_before": _attacked(model, attacks, *test, seed=seed),
        "red_team_after": _attacked(hardened, attacks, *test, seed=seed),
    }


def threshold_of(model: "BoostedClassifier", X: Rows, y: Labels) -> float:
    """Return from which probability the set share of honest cases is declined."""
    return float(np.quantile(model.predict_proba(X[y == 0])[:, 1], 1 - DECLINED_SHARE))


def _attacked(model: "BoostedClassifier", attacks: Attacks, X: Rows, y: Labels, *, seed: int) -> Metrics:
    from ecomai.learning.classifiers.red_team import attack
    from ecomai.learning.metrics.classification import average_precision, roc_auc

    def judge(rows: Rows) -> NDArray[np.float64]:
        return model.predict_proba(rows)[:, 1]

    threshold, scores, frauds = threshold_of(model, X, y), judge(X), X[y == 1]
    found = attack(
        judge, frauds, attacks.moves(), threshold=threshold, n_queries=N_QUERIES,
        recompute=attacks.recompute, random_state=seed + 100,
    )  # fmt: skip
    return {
        "escape_rate": found.escape_rate,
        "escape_rate_unchanged": float((judge(frauds) < threshold).mean()),
        "n_frauds": float(len(frauds)),
        "average_precision": average_precision(y, scores),
        "roc_auc": roc_auc(y, scores),
    }
