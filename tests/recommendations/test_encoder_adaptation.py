"""The ablation of text encoders, on a shop small enough to check."""

import json
from pathlib import Path

import numpy as np
import pytest

from recommendations.benchmarks.encoder_adaptation import encoder_adaptation
from tests.learning.tiny import WORDS, write_tiny_bert

THINGS = WORDS[3:11]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """30 users who stay with one thing, in all colours."""
    titles = [
        f"{colour} {thing} {season}" for thing in THINGS for colour in WORDS[:3] for season in WORDS[13:15]
    ]
    rng = np.random.default_rng(0)
    rows = [6 * (user % len(THINGS)) + rng.permutation(6)[:5] for user in range(30)]
    lines = [" ".join(map(str, [user, *row])) for user, row in enumerate(rows)]
    (tmp_path / "sequences.txt").write_text("\n".join(lines))
    (tmp_path / "items.csv").write_text(
        "\n".join(["item_id,title", *(f"{n},{t}" for n, t in enumerate(titles))])
    )
    model = write_tiny_bert(tmp_path / "model")
    (tmp_path / "benchmark.json").write_text(
        json.dumps(
            {
                "sequences": "sequences.txt",
                "items": "items.csv",
                "encoder_adaptation": {"model": model, "rows": ["published", "masked", "items_head"]},
            }
        )
    )
    return tmp_path


def test_each_way_of_adapting_is_judged_on_the_same_cases(folder: Path) -> None:
    result = encoder_adaptation(folder, device="cpu", seed=0, report=lambda share, what: None)
    assert list(result["rows"]) == ["published", "masked", "items_head"]
    for row in result["rows"].values():
        assert {"recall@10", "ndcg@10", "seconds", "trained_weights", "size_mb"} <= set(row)
    assert result["settings"]["judged_users"] == 30
    assert result["metrics"] == result["rows"][result["settings"]["best"]]
    # The text of the last item says which things come next; popularity does not.
    assert result["rows"]["published"]["recall@10"] > result["peers"]["popularity"]["recall@10"]
