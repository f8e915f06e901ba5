"""`long_tail` on a folder in the format of amazon-beauty."""

import gzip
import json

import numpy as np
import pytest

from ecomai.exceptions import InvalidInputError
from recommendations.benchmarks import long_tail as benchmarks

N_ITEMS, N_USERS = 40, 200


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Most take well-known items; after each of these may come a rare one of its own."""
    folder, rng = tmp_path_factory.mktemp("beauty"), np.random.default_rng(0)
    with gzip.open(folder / "sequences.txt.gz", "wt") as file:
        for user in range(1, N_USERS + 1):
            known = rng.choice(N_ITEMS // 2, size=6, replace=False)
            items = [int(item) + 1 for item in known]
            items.insert(int(rng.integers(2, 7)), int(known[1]) + N_ITEMS // 2 + 1)
            file.write(" ".join(map(str, [user, *items])) + "\n")
    return folder


@pytest.fixture(scope="module")
def result(folder):
    import torch

    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmarks, "SETTINGS", {"dim": 16, "n_layers": 1, "n_heads": 1, "batch_size": 32})
        patch.setattr(benchmarks, "MAX_EPOCHS", {"with_text": 2, "without_text": 2})
        return benchmarks.long_tail(folder, device="cpu", seed=0, report=lambda share, text="": None)


def test_the_target_is_reached_above_the_unconstrained_lists(result):
    before, after = result["rows"]["unconstrained"], result["metrics"]
    assert after == result["rows"]["re_ranked"]
    assert after["tail_share"] >= before["tail_share"] + 0.15 - 1e-9
    assert after["coverage@10"] >= before["coverage@10"]
    assert {"ndcg@10", "recall@10_tail", "gini", "novelty"} <= set(after)
    assert result["rows"]["one_at_a_time"]["tail_share"] >= result["settings"]["target_share"] - 1e-3
    for peer in result["peers"].values():
        assert peer["tail_share"] >= result["settings"]["target_share"] - 1e-3
    json.dumps(result)


def test_the_curve_has_five_rising_shares(result):
    shares = [point["tail_share"] for point in result["curve"]]
    assert len(shares) == 5
    assert shares == sorted(shares)
    assert shares[2] == pytest.approx(result["metrics"]["tail_share"], abs=0.02)


def test_the_tail_is_half_of_the_items_by_what_was_learned_from(result):
    assert result["settings"]["tail_items"] == N_ITEMS // 2
    assert 0 < result["settings"]["tail_target_share"] < 0.5


def test_a_folder_without_a_user_to_judge_is_refused(tmp_path):
    with gzip.open(tmp_path / "sequences.txt.gz", "wt") as file:
        file.write("1 1\n2 2\n")
    with pytest.raises(InvalidInputError, match="3 items"):
        benchmarks.long_tail(tmp_path, device="cpu", seed=0, report=lambda share, text="": None)
