"""What the benchmark of uplift says of an experiment whose effects were planted, and of the real one."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ecomai.exceptions import InvalidInputError
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.metrics.uplift import qini_score
from marketing.benchmarks import uplift_peers
from marketing.benchmarks.uplift import FILE, MENS, NO_EMAIL, WOMENS, make_campaign, read_campaign, uplift

HILLSTROM = (
    Path(os.environ.get("ECOMAI_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
    / "hillstrom"
)


def experiment(n: int = 3000) -> pd.DataFrame:
    """The women's e-mail moves only those who bought women's things; the men's moves all a little."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "recency": rng.integers(1, 13, n), "history": rng.gamma(2, 100, n), "mens": rng.integers(0, 2, n),
            "womens": rng.integers(0, 2, n), "newbie": rng.integers(0, 2, n),
            "zip_code": rng.choice(["Rural", "Urban"], n), "channel": rng.choice(["Web", "Phone"], n),
            "segment": rng.choice([NO_EMAIL, MENS, WOMENS], n),
        }
    )  # fmt: skip
    moved = 0.5 * (frame["segment"] == WOMENS) * frame["womens"] + 0.1 * (frame["segment"] == MENS)
    frame["visit"] = (rng.random(n) < 0.1 + moved).astype(int)
    frame["conversion"] = frame["visit"] * rng.integers(0, 2, n)
    return frame


def test_the_whole_run_says_what_the_contract_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uplift_peers, "_econml", lambda _seed: {})
    experiment().to_csv(tmp_path / FILE, index=False)
    told: list[float] = []
    found = uplift(tmp_path, device="cpu", seed=0, report=lambda share, _text: told.append(share), n_splits=2)
    for name in ("qini", "auuc", "policy_value"):
        assert found["metrics"][f"{name}_low"] <= found["metrics"][name] <= found["metrics"][f"{name}_high"]
    assert {"chosen", "average", "dr_linear", "t_trees"} <= set(found["rows"])
    assert set(found["peers"]) == {"class_transformation"}
    assert set(found["splits"]) == {"mens_visit", "womens_conversion", "three_arms_conversion"}
    assert sum(found["settings"]["chosen"].values()) == 2
    assert told == sorted(told)
    assert found["rows"]["average"]["qini"] == pytest.approx(0, abs=1e-9)
    # Half of the customers bring 0.5 and the others nothing, at a cost of 0.25.
    assert found["metrics"]["gain_over_all"] == pytest.approx(0.125, abs=0.04)
    assert found["metrics"]["gain_over_none_low"] > 0
    assert found["splits"]["three_arms_conversion"]["gain_over_mens_low"] > 0


def test_the_same_seed_splits_alike_and_no_customer_is_on_both_sides() -> None:
    campaign = make_campaign(experiment(), [WOMENS], "visit")
    first, second = (list(campaign.splits(2, seed=3)) for _time in range(2))
    for (train, test), (again, _test) in zip(first, second, strict=True):
        np.testing.assert_array_equal(train, again)
        assert not set(train) & set(test)
        assert len(test) == pytest.approx(0.4 * len(campaign.trial), abs=1)
        shares = [campaign.trial.treatment[rows].mean() for rows in (train, test)]
        assert shares[0] == pytest.approx(shares[1], abs=0.002)


def test_what_came_of_the_campaign_is_no_column() -> None:
    frame = experiment()
    changed = frame.assign(visit=1 - frame["visit"], conversion=1 - frame["conversion"], spend=5.0)
    np.testing.assert_array_equal(
        make_campaign(frame, [WOMENS], "visit").X, make_campaign(changed, [WOMENS], "visit").X
    )


def test_a_file_without_a_column_or_without_a_control_is_refused(tmp_path: Path) -> None:
    frame = experiment()
    frame.drop(columns="recency").to_csv(tmp_path / FILE, index=False)
    with pytest.raises(InvalidInputError, match="recency"):
        read_campaign(tmp_path)
    with pytest.raises(InvalidDataError, match="without a control group"):
        make_campaign(frame[frame["segment"] != NO_EMAIL], [WOMENS], "visit")


def test_the_class_transformation_ranks_whom_the_mail_moves_above_the_others() -> None:
    campaign = make_campaign(experiment(6000), [WOMENS], "visit")
    (train, test), *_more = campaign.splits(1, seed=0)
    trial = campaign.trial.select(test)
    effects = uplift_peers._class_transformation(
        campaign.X[train], campaign.trial.select(train), campaign.X[test], 0
    )
    assert qini_score(trial.y, effects, trial.treatment) > 0.1


@pytest.mark.slow
def test_peers_of_econml_rank_whom_the_mail_moves_above_the_others() -> None:
    pytest.importorskip("econml", reason="econml is not installed: pip install 'ecomai[dev]'")
    campaign = make_campaign(experiment(), [WOMENS], "visit")
    (train, test), *_more = campaign.splits(1, seed=0)
    trial = campaign.trial.select(test)
    found = uplift_peers.predict_peers(campaign.X[train], campaign.trial.select(train), campaign.X[test], 0)
    assert len(found) == 4
    for name, effects in found.items():
        assert qini_score(trial.y, effects, trial.treatment) > 0.1, name


@pytest.mark.data
@pytest.mark.skipif(
    not (HILLSTROM / FILE).is_file(), reason=f"no data set in {HILLSTROM}; set ECOMAI_DATA to its parent"
)
def test_the_real_experiment_has_the_effects_that_were_published() -> None:
    campaign = make_campaign(read_campaign(HILLSTROM), [MENS, WOMENS], "visit")
    means = [campaign.trial.y[campaign.trial.treatment == arm].mean() for arm in range(3)]
    assert len(campaign.trial) == 64_000
    np.testing.assert_allclose(means, [0.1062, 0.1828, 0.1514], atol=0.0001)
