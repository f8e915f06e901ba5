"""What the benchmark of fraud knows at each transaction's time, and whom it judges."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ecomai.exceptions import InvalidInputError
from risk.benchmarks import fraud as fraud_module
from risk.benchmarks import fraud_peers
from risk.benchmarks.fraud_attacks import CardAttacks, SignupAttacks
from risk.benchmarks.fraud_cards import make_fold, read_cards
from risk.benchmarks.fraud_features import (
    DAY,
    DELAY_DAYS,
    Transactions,
    all_features,
    as_matrix,
    published_features,
)
from risk.benchmarks.fraud_signups import make_features

N_DAYS = 60


def transactions(n: int = 3000, seed: int = 0) -> Transactions:
    rng = np.random.default_rng(seed)
    return Transactions(
        np.sort(rng.integers(0, N_DAYS * DAY, n)),
        rng.integers(0, 40, n),
        rng.integers(0, 30, n),
        rng.gamma(2, 30, n).round(2),
        (rng.random(n) < 0.15).astype(np.int64),
        first_weekday=6,
    )


def test_published_features_are_the_sums_one_would_count_by_hand() -> None:
    rows = transactions(600)
    found = published_features(rows)
    for place in (0, 5, 300, 599):
        now, customer, terminal = rows.seconds[place], rows.customers[place], rows.terminals[place]
        past = np.arange(600) <= place
        own = past & (rows.customers == customer) & (rows.seconds > now - 7 * DAY)
        assert found["customer_n_7d"][place] == own.sum()
        assert found["customer_mean_7d"][place] == pytest.approx(rows.amounts[own].mean())
        known = (rows.terminals == terminal) & (rows.seconds <= now - DELAY_DAYS * DAY)
        window = known & (rows.seconds > now - (DELAY_DAYS + 30) * DAY)
        assert found["terminal_n_30d"][place] == window.sum()
        assert found["terminal_risk_30d"][place] == pytest.approx(
            rows.labels[window].mean() if window.any() else 0
        )


def test_nothing_after_a_transaction_enters_its_features() -> None:
    rows = transactions()
    whole, cut = all_features(rows), all_features(rows.head(2000))
    for name, values in cut.items():
        np.testing.assert_allclose(values, whole[name][:2000], rtol=1e-6, atol=1e-6, err_msg=name)


def test_a_label_is_known_seven_days_late_and_not_before() -> None:
    rows = transactions()
    place = 1500
    changed = rows.labels.copy()
    changed[place] = 1 - changed[place]
    other = Transactions(rows.seconds, rows.customers, rows.terminals, rows.amounts, changed, 6)
    before, after = all_features(rows), all_features(other)
    differs = np.zeros(len(rows), dtype=bool)
    for name in before:
        differs |= ~np.isclose(before[name], after[name], equal_nan=True)
    assert differs.any()
    assert (rows.seconds[differs] >= rows.seconds[place] + DELAY_DAYS * DAY).all()
    assert (rows.terminals[differs] == rows.terminals[place]).all()


def test_cards_that_are_known_to_be_defrauded_are_not_judged() -> None:
    rows = transactions()
    fold = make_fold(rows, 30)
    assert set(rows.days[fold.train]) == set(range(16, 23))
    assert set(rows.days[fold.test]) <= set(range(30, 37))
    is_fraud = rows.labels == 1
    for day in range(30, 37):
        known = set(rows.customers[is_fraud & (rows.days >= 16) & (rows.days <= day - 8)])
        on_day = (rows.days == day).nonzero()[0]
        expected = on_day[~np.isin(rows.customers[on_day], list(known))]
        np.testing.assert_array_equal(fold.test[rows.days[fold.test] == day], expected)


def test_a_shop_names_its_own_columns_and_weeks(tmp_path: Path) -> None:
    rows = transactions()
    frame = pd.DataFrame(
        {
            "at": pd.Timestamp("2024-01-01") + pd.to_timedelta(rows.seconds, unit="s"),
            "who": rows.customers, "where": rows.terminals, "total": rows.amounts, "bad": rows.labels,
        }
    )  # fmt: skip
    frame.to_parquet(tmp_path / "orders.parquet")
    names = {"time": "at", "customer": "who", "terminal": "where", "amount": "total", "label": "bad"}
    described = {
        "transactions": "orders.parquet", "columns": names, "choosing": ["2024-01-29"],
        "reported": ["2024-02-12"],
    }  # fmt: skip
    (tmp_path / "benchmark.json").write_text(json.dumps(described))
    cards = read_cards(tmp_path)
    assert cards.transactions.days[cards.choosing[0].test].min() == 28
    assert cards.history.max() < cards.choosing[0].train.min()


def test_the_whole_run_says_what_the_contract_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    n = 4000
    amounts = rng.gamma(2, 30, n)
    seconds = np.sort(rng.integers(0, N_DAYS * DAY, n))
    frame = pd.DataFrame(
        {
            "TX_DATETIME": pd.Timestamp("2024-01-01") + pd.to_timedelta(seconds, unit="s"),
            "CUSTOMER_ID": rng.integers(0, 900, n), "TERMINAL_ID": rng.integers(0, 200, n),
            "TX_AMOUNT": amounts, "TX_FRAUD": (amounts > 150).astype(np.int8),
        }
    )  # fmt: skip
    frame.to_parquet(tmp_path / "transactions.parquet")
    weeks = {"choosing": ["2024-01-29"], "reported": ["2024-02-12"]}
    (tmp_path / "benchmark.json").write_text(json.dumps(weeks))
    monkeypatch.setattr(fraud_peers, "GRIDS", {"logistic_regression": {"C": (0.1, 1.0)}})
    small = {"lengths": (2, 2), "dim": 8, "n_edges": 4, "max_epochs": 2, "batch_size": 32}
    monkeypatch.setattr(fraud_module, "NETWORK", small)
    result = fraud_module.fraud(tmp_path, device="cpu", seed=0, report=lambda progress, message="": None)
    attacked = {"red_team_before", "red_team_after"}
    assert set(result["rows"]) == {"prior", "trees", "transformer", "ensemble", "anomaly", *attacked}
    assert set(result["peers"]) == {"logistic_regression", "logistic_regression_tuned"}
    names = {"average_precision", "roc_auc", "card_precision@100", "expected_calibration_error"}
    rows = [
        result["metrics"],
        result["splits"]["choosing"],
        *(row for name, row in result["rows"].items() if name not in attacked),
        *result["peers"].values(),
    ]
    assert all(set(row) == names for row in rows)
    # Who may lower the amount escapes what finds fraud by it.
    before = result["rows"]["red_team_before"]
    assert before["escape_rate"] > before["escape_rate_unchanged"] + 0.3
    assert result["rows"]["red_team_after"]["escape_rate"] <= 1
    # Fraud is what is expensive: that is found without any trouble.
    assert result["rows"]["trees"]["average_precision"] > 0.9
    assert result["rows"]["prior"]["roc_auc"] == 0.5
    json.dumps(result, default=float)


def test_what_follows_from_a_lower_amount_is_what_its_features_would_have_been() -> None:
    rows = transactions()
    lower = rows.amounts.copy()
    lower[-1] *= 0.4
    less = Transactions(rows.seconds, rows.customers, rows.terminals, lower, rows.labels, 6)
    names = list(all_features(rows))
    before, wanted = (as_matrix(all_features(each))[-1:] for each in (rows, less))
    after = before.copy()
    after[:, names.index("amount")] = lower[-1]
    found = CardAttacks(names).recompute(before, after)
    # The average of all customers, of which little is taken, holds the amount too.
    np.testing.assert_allclose(found, wanted, rtol=0.02, atol=1e-3)
    assert not np.allclose(before, wanted, rtol=0.02)


def test_a_signup_waits_and_changes_its_device_but_never_buys_earlier() -> None:
    names = [
        "purchase_value", "minutes_since_signup", "purchase_hour", "purchase_weekday",
        "device_id_purchases", "device_id_signups", "ip_address_purchases", "ip_address_signups",
    ]  # fmt: skip
    before = np.float32([[50, 10, 22, 6, 3, 4, 1, 2], [50, 600, 22, 6, 3, 4, 1, 2]])
    after = np.float32([[50, 250, 22, 6, 0, 4, 1, 2], [50, 250, 22, 6, 3, 4, 0, 2]])
    found = SignupAttacks(names).recompute(before, after)
    assert found.tolist() == [[50, 250, 2, 0, 0, 0, 1, 2], [50, 600, 22, 6, 3, 4, 0, 0]]


def test_a_folder_without_transactions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError):
        read_cards(tmp_path)


def signups() -> pd.DataFrame:
    rows = [
        ("2015-01-01 10:00", "2015-01-05 10:00", "D1", 100.0),
        ("2015-01-04 10:00", "2015-01-06 10:00", "D1", 300.0),
        ("2015-01-06 09:00", "2015-01-07 10:00", "D2", np.nan),
    ]
    frame = pd.DataFrame(rows, columns=["signup_time", "purchase_time", "device_id", "ip_address"])
    for name in ("signup_time", "purchase_time"):
        frame[name] = pd.to_datetime(frame[name])
    return frame.assign(
        purchase_value=20, source="SEO", browser="IE", sex="F", age=30, **{"class": [0, 1, 0]}
    )


def test_a_purchase_knows_earlier_rows_of_its_device_alone() -> None:
    found = make_features(signups(), None)
    assert found["device_id_purchases"].tolist() == [0, 1, 0]
    # The second had signed up on that device by the time of the first's purchase, and the other way round.
    assert found["device_id_signups"].tolist() == [1, 1, 0]
    assert found["ip_address_purchases"].isna().tolist() == [False, False, True]
    first = make_features(signups().iloc[:1], None)
    assert first["device_id_purchases"].tolist() == [0]
