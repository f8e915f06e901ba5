"""`sequential` on a folder in the format of amazon-beauty."""

import gzip
import itertools
import json

import numpy as np
import pytest

from ecomai.exceptions import InvalidInputError
from recommendations.benchmarks import sequential as benchmarks

N_ITEMS, N_USERS = 30, 120


@pytest.fixture
def folder(tmp_path):
    """Whoever takes item i takes item i + 1 next."""
    rng = np.random.default_rng(0)
    with gzip.open(tmp_path / "sequences.txt.gz", "wt") as file:
        for user in range(1, N_USERS + 1):
            start = int(rng.integers(N_ITEMS))
            items = [(start + step) % N_ITEMS + 1 for step in range(int(rng.integers(5, 9)))]
            file.write(" ".join(map(str, [user, *items])) + "\n")
    return tmp_path


@pytest.fixture
def small(monkeypatch):
    settings = {"dim": 16, "n_layers": 1, "n_heads": 1, "max_epochs": 12, "batch_size": 8}
    monkeypatch.setattr(benchmarks, "SETTINGS", settings)


def run(folder, seed=0):
    import torch

    torch.set_num_threads(1)
    return benchmarks.sequential(folder, device="cpu", seed=seed, report=lambda share, text="": None)


def test_the_contract_is_kept_and_what_is_next_is_found(folder, small):
    result = run(folder)
    assert {"metrics", "rows", "splits", "peers", "settings"} <= set(result)
    assert {"recall@5", "ndcg@5", "recall@10", "ndcg@10", "coverage@10"} <= set(result["metrics"])
    assert result["metrics"]["recall@10"] > 2 * result["peers"]["popularity"]["recall@10"]
    assert set(result["peers"]["popularity"]) == set(result["metrics"])
    assert result["settings"]["judged_users"] == N_USERS
    json.dumps(result)


def test_ids_carry_nothing(folder):
    """Items are relabelled and users shuffled with the seed, so that no rule can read the numbering."""
    first, _titles = benchmarks.read_folder(folder, seed=0)
    other, _titles = benchmarks.read_folder(folder, seed=1)
    assert first.items.tolist() != other.items.tolist()
    assert sorted(first.lengths.tolist()) == sorted(other.lengths.tolist())
    same, _titles = benchmarks.read_folder(folder, seed=0)
    assert same.items.tolist() == first.items.tolist()


def test_titles_follow_their_items(folder):
    rows = "".join(f"{item},thing {item}\n" for item in range(1, N_ITEMS + 1))
    with gzip.open(folder / "items.csv.gz", "wt") as file:
        file.write("item_id,title\n" + rows)
    X, titles = benchmarks.read_folder(folder, seed=4)
    steps = [[int(titles[item].split()[1]) for item in row] for row in X]
    assert all((b - a) % N_ITEMS == 1 for row in steps for a, b in itertools.pairwise(row))


def test_a_folder_may_name_its_own_files(folder):
    (folder / "sequences.txt.gz").rename(folder / "clicks.gz")
    (folder / "benchmark.json").write_text(json.dumps({"sequences": "clicks.gz"}))
    assert len(benchmarks.read_folder(folder, seed=0)[0]) == N_USERS


def test_a_missing_or_empty_file_is_named(tmp_path):
    with pytest.raises(InvalidInputError) as caught:
        benchmarks.read_folder(tmp_path, seed=0)
    assert "sequences.txt.gz" in str(caught.value)
    with gzip.open(tmp_path / "sequences.txt.gz", "wt") as file:
        file.write("\n")
    with pytest.raises(InvalidInputError) as caught:
        benchmarks.read_folder(tmp_path, seed=0)
    assert "at least one item" in str(caught.value)
