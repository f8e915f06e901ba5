"""`basket` on a shop where the right answer is known."""

import json

import numpy as np
import pandas as pd
import pytest

from ecomai.exceptions import InvalidInputError
from ecomai.learning.interactions import Interactions
from ecomai.learning.recommenders.base import Recommender
from ecomai.learning.splits import Split
from recommendations.benchmarks import basket as benchmarks

N_CUSTOMERS, N_WEEKS = 40, 14
KEYS = {"ndcg@10", "recall@10", "ndcg@10_new", "recall@10_new"}
DESCRIPTION = {
    "events": "orders.csv", "basket": "order", "customer": "who", "item": "sku", "at": "day",
    "title": "name", "cut": "2026-04-01",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """Each customer takes two staples of their own every week, and something that changes."""
    rng = np.random.default_rng(0)
    rows = []
    for customer in range(N_CUSTOMERS):
        staples = rng.choice(15, 2, replace=False)
        for week in range(N_WEEKS):
            day = pd.Timestamp("2026-01-01") + pd.Timedelta(days=7 * week + int(rng.integers(6)))
            for item in (*staples, 15 + (week * 2 + int(rng.integers(2))) % 25):
                rows.append((f"{customer}-{week}", f"c{customer}", f"s{item}", day, f"thing {item}"))
    table = pd.DataFrame(rows, columns=["order", "who", "sku", "day", "name"])
    late = pd.DataFrame(
        [("late", "newcomer", "s1", pd.Timestamp("2026-04-03"), "thing 1")], columns=table.columns
    )
    pd.concat([table, late]).to_csv(tmp_path / "orders.csv", index=False)
    (tmp_path / "benchmark.json").write_text(json.dumps(DESCRIPTION))
    return tmp_path


@pytest.fixture
def quick(monkeypatch):
    """One value for each setting but one, and a small transformer."""
    found = benchmarks.peers(0)
    short = {
        name: benchmarks.Peer(
            peer.make,
            peer.fixed | {key: values[0] for key, values in peer.grid.items() if key != "half_life_days"},
            {"half_life_days": peer.grid["half_life_days"][:2]},
        )
        for name, peer in found.items()
    }
    monkeypatch.setattr(benchmarks, "peers", lambda seed: short)
    monkeypatch.setattr(benchmarks, "TRANSFORMER", {"dim": 8, "n_layers": 1, "n_heads": 1, "max_epochs": 1})


def test_the_contract_is_kept_and_staples_are_found(folder, quick):
    result = benchmarks.basket(folder, device="cpu", seed=0, report=lambda share, text="": None)
    assert {"metrics", "rows", "splits", "peers", "settings"} == set(result)
    for row in (result["metrics"], *result["rows"].values(), *result["splits"].values()):
        assert set(row) == KEYS
    assert set(result["peers"]) == {
        "popularity_4_weeks", "own_frequency", "item_item", "sequential_rules", "matrix_factorization"
    }  # fmt: skip
    assert all(set(row) == KEYS for row in result["peers"].values())
    assert result["metrics"]["recall@10"] > 0.65  # two of three
    assert result["metrics"]["ndcg@10"] > 1.5 * result["peers"]["popularity_4_weeks"]["ndcg@10"]
    gain = result["settings"]["gain_over_best_peer"]["ndcg@10"]
    assert gain["low"] <= gain["gain"] <= gain["high"]
    assert result["settings"]["judged_customers"] == N_CUSTOMERS
    assert result["settings"]["judged_customers_without_history"] == 1
    json.dumps(result)


class Fixed(Recommender):
    """Ranks items by their number, the first one first."""

    def fit(self, X, item_vectors=None, *, valid=None, callbacks=()):
        self.n_items_ = X.n_items
        return self

    def _scores(self, histories):
        return np.tile(-np.arange(self.n_items_, dtype=np.float32), (len(histories), 1))


def test_among_new_products_only_those_that_the_customer_never_took_are_targets_and_ranked():
    histories = Interactions.from_sequences([[0], [0, 1]], n_items=20)
    targets = Interactions.from_sequences([[0, 1], [0]], n_items=20)
    judged = benchmarks.judge(Fixed().fit(histories), Split(histories, histories, targets))
    assert judged.metrics["ndcg@10"] == 1
    assert judged.metrics["ndcg@10_new"] == 1  # without item 0, item 1 comes first
    assert len(judged.gains["ndcg@10"]) == 2
    assert len(judged.gains["ndcg@10_new"]) == 1  # the second customer took nothing new


def test_settings_are_chosen_without_looking_behind_the_cut(folder):
    shop = benchmarks.read_shop(folder, seed=0)
    test = benchmarks.split_first_basket(shop.X, age_days=shop.cut_age_days)
    assert test.train.ages_days.min() >= 0
    assert test.targets.ages_days.max() < shop.cut_age_days
    n_before = (pd.read_csv(folder / "orders.csv", parse_dates=["day"]).day < "2026-04-01").sum()
    assert test.train.n_events == n_before


def test_the_better_setting_is_chosen_for_each_figure(folder):
    shop = benchmarks.read_shop(folder, seed=0)
    test = benchmarks.split_first_basket(shop.X, age_days=shop.cut_age_days)
    own = benchmarks.peers(0)["own_frequency"]
    peer = benchmarks.Peer(own.make, {}, {"popularity_weight": (1000.0, 1e-3)})
    assert benchmarks.tune(peer, test.train)["ndcg@10"] == {"popularity_weight": 1e-3}


def test_ids_carry_nothing(folder):
    one, same, other = (benchmarks.read_shop(folder, seed=seed) for seed in (0, 0, 1))
    assert one.X.items.tolist() == same.X.items.tolist() != other.X.items.tolist()
    assert one.titles != other.titles
    assert sorted(np.bincount(one.X.items)) == sorted(np.bincount(other.X.items))


def test_what_is_no_product_or_sale_is_left_out(tmp_path):
    rows = [
        ("536365", "85123A", "heart", "6", "2011-10-01 10:00:00", "2.5", "17850"),
        ("536365", "85123A", "heart", "6", "2011-10-01 10:00:00", "2.5", "17850"),
        ("536365", "POST", "postage", "1", "2011-10-01 10:00:00", "18", "17850"),
        ("C36366", "85123A", "heart", "-6", "2011-10-02 10:00:00", "2.5", "17850"),
        ("536367", "22423", "stand", "1", "2011-10-02 10:00:00", "0", "17850"),
        ("536368", "22423", "stand", "1", "2011-10-02 10:00:00", "9", ""),
        ("536369", "71053", "lantern", "1", "2011-10-20 10:00:00", "9", "17850"),
    ]
    names = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"]
    pd.DataFrame(rows, columns=names).to_csv(tmp_path / "online_retail.csv.gz", index=False)
    shop = benchmarks.read_shop(tmp_path, seed=0)
    assert shop.X.n_events == 2
    assert sorted(shop.titles) == ["heart", "lantern"]


@pytest.mark.parametrize(
    ("change", "said"),
    [({"events": "none.csv"}, "none.csv is missing"), ({"item": "ean"}, "no column ean"),
     ({"cut": "2030-01-01"}, "before and after")],
)  # fmt: skip
def test_what_is_wrong_with_a_folder_is_named(folder, change, said):
    (folder / "benchmark.json").write_text(json.dumps({**DESCRIPTION, **change}))
    with pytest.raises(InvalidInputError, match=said):
        benchmarks.read_shop(folder, seed=0)


def test_a_description_that_leaves_something_out_is_refused(folder):
    (folder / "benchmark.json").write_text(json.dumps({"events": "orders.csv"}))
    with pytest.raises(InvalidInputError, match="must name basket"):
        benchmarks.read_shop(folder, seed=0)
