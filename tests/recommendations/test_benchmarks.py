"""`sequential` on a folder in the format of amazon-beauty."""

import gzip
import itertools
import json

import numpy as np
import pytest

from ecomai.exceptions import InvalidInputError
from ecomai.learning.interactions import Interactions
from ecomai.learning.recommenders.blending import NEIGHBOUR_WEIGHTS
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
    monkeypatch.setattr(benchmarks, "SETTINGS", {"dim": 16, "n_layers": 1, "n_heads": 1, "batch_size": 8})
    monkeypatch.setattr(benchmarks, "MAX_EPOCHS", {"with_text": 3, "without_text": 12})


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
    assert result["metrics"] == result["rows"]["ensemble"]
    assert result["rows"]["transformers"] == result["rows"]["without_text"]
    assert result["settings"]["judged_users"] == N_USERS
    json.dumps(result)


def test_with_titles_both_variants_are_shown_and_share_the_ensemble(folder, small, monkeypatch):
    with gzip.open(folder / "items.csv.gz", "wt") as file:
        file.write("item_id,title\n" + "".join(f"{item},thing {item}\n" for item in range(1, N_ITEMS + 1)))
    vectors = np.eye(N_ITEMS, dtype=np.float32)
    monkeypatch.setattr(benchmarks, "encode_titles", lambda titles: vectors)
    result = run(folder)
    assert set(result["rows"]) == {"with_text", "without_text", "transformers", "ensemble"}
    weights = result["settings"]["weights"]
    assert weights["with_text"] + weights["without_text"] == 1
    assert weights["item_item"] in NEIGHBOUR_WEIGHTS
    assert result["settings"]["n_members"] == benchmarks.N_MEMBERS
    assert result["metrics"] == result["rows"]["ensemble"]


class Fixed:
    """A model that has one score for each item, whoever asks."""

    def __init__(self, *scores):
        self.row = np.array(scores)

    def scores(self, histories):
        return np.tile(self.row, (len(histories), 1))


def test_item_item_is_heard_as_much_as_the_validation_items_say():
    split = benchmarks.leave_last_out(Interactions.from_sequences([[0, 3]] * 8, n_items=4), min_history=1)
    transformer, neighbours = Fixed(0.0, 3.0, 2.0, 0.0), Fixed(0.0, 0.0, 0.0, 1.0)
    models = {"without_text": transformer, "item_item": neighbours}
    assert benchmarks._choose_weights(models, split, seed=0)["item_item"] == 4.0
    models = {"without_text": neighbours, "item_item": transformer}
    assert benchmarks._choose_weights(models, split, seed=0)["item_item"] == 0.0


def test_other_labels_move_metrics_no_more_than_other_seeds_of_the_model(folder, small):
    """A model that read something from the numbers of items or users would stand out."""

    def ndcg(labels, seed):
        X, _titles = benchmarks.read_folder(folder, seed=labels)
        test = benchmarks.leave_last_out(X, min_history=2)
        fit = benchmarks._Fitting(lambda share, text="": None, n_epochs=5, device="cpu", random_state=seed)
        model = fit("", test.train, None, max_epochs=5)
        return benchmarks.judge({"": model}, {"": 1.0}, test, np.bincount(test.train.items))["ndcg@10"]

    by_seed = [ndcg(0, seed) for seed in range(3)]
    by_labels = [by_seed[0], *(ndcg(labels, 0) for labels in (1, 2))]
    # The spread of the seeds is known from three runs only, and one of them is in both means.
    assert abs(np.mean(by_labels) - np.mean(by_seed)) < 4 * max(np.std(by_seed, ddof=1), 0.01)


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


def test_a_folder_of_too_short_histories_is_refused(tmp_path):
    (tmp_path / "sequences.txt").write_text("1 5 6\n2 6 7\n")
    (tmp_path / "benchmark.json").write_text(json.dumps({"sequences": "sequences.txt"}))
    with pytest.raises(InvalidInputError) as caught:
        run(tmp_path)
    assert "3 items" in str(caught.value)
