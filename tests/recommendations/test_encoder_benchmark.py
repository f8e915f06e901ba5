"""`encoder` reads texts from any folder."""

import json

import pytest

from ecomai.exceptions import InvalidInputError
from recommendations.benchmarks.encoder import read_texts


def test_distinct_texts_are_drawn_with_the_seed(tmp_path):
    (tmp_path / "benchmark.json").write_text(json.dumps({"texts": "shop.csv", "text": "name"}))
    (tmp_path / "shop.csv").write_text(
        "name,price\n" + "".join(f"mug {n % 50},1\n" for n in range(99)) + ",2\n"
    )
    drawn = read_texts(tmp_path, n=20, seed=0)
    assert len(set(drawn)) == 20
    assert drawn == read_texts(tmp_path, n=20, seed=0) != read_texts(tmp_path, n=20, seed=1)
    assert len(read_texts(tmp_path, n=1000, seed=0)) == 50


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidInputError, match=r"home_depot_search\.csv\.gz is missing"):
        read_texts(tmp_path, n=1, seed=0)
