"""What the benchmark of sentiment says of reviews whose words decide, in any script."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from django.core.management import CommandError, call_command

from ecomai.exceptions import InvalidInputError
from marketing.benchmarks.sentiment import read_reviews, sentiment, split
from marketing.sentiment import join_title

ENGLISH = (("lovely", "perfect", "happy"), ("awful", "broken", "sad"), ("dress", "colour", "today", "sister"))
CHINESE = (("喜欢", "满意", "漂亮"), ("失望", "坏了", "太差"), ("裙子", "颜色", "今天", "姐姐"))
#: No transformer: its part is tested with a tiny one in tests/learning.
PIECES = {"model": "", "held_share": 0.3}


def frame(words: tuple[tuple[str, ...], ...] = ENGLISH, n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    good, bad, others = words
    gap = " " if words is ENGLISH else ""
    recommended = (rng.random(n) > 0.25).astype(int)
    texts = [
        gap.join([*rng.choice(others, 3), rng.choice(good if flag else bad), *rng.choice(others, 2)])
        for flag in recommended
    ]
    return pd.DataFrame(
        {
            "Title": [None, "Hm!"] * (n // 2), "Review Text": texts, "Recommended IND": recommended,
            "Rating": np.where(recommended, rng.integers(4, 6, n), rng.integers(1, 4, n)),
        }
    )  # fmt: skip


@pytest.mark.parametrize("words", [ENGLISH, CHINESE], ids=["english", "chinese"])
def test_the_whole_run_says_what_the_contract_asks(tmp_path: Path, words: tuple) -> None:
    frame(words).to_csv(tmp_path / "reviews.csv", index=False)
    told: list[float] = []
    found = sentiment(
        tmp_path, device="cpu", seed=0, report=lambda share, _text: told.append(share), folds=2,
        hyperparameters=PIECES,
    )  # fmt: skip
    assert found["metrics"]["roc_auc"] > 0.99
    assert found["metrics"]["f1_negative"] > 0.95
    keys = {"accuracy", "roc_auc", "f1_negative", "macro_f1", "folds"}
    for row in (found["metrics"], *found["peers"].values(), *found["rows"].values()):
        assert keys <= set(row)
        assert row["folds"] == 2
    assert set(found["peers"]) == {"tfidf", "constant"}
    assert set(found["rows"]) == {"pieces"}
    assert found["peers"]["constant"]["roc_auc"] == 0.5
    assert found["peers"]["constant"]["f1_negative"] == 0
    assert told == sorted(told)
    assert len(found["settings"]["seconds_of_folds"]) == 2


def test_folds_are_those_of_the_page_and_no_review_is_on_both_sides(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "reviews.csv", index=False)
    reviews = read_reviews(tmp_path)
    folds = list(split(reviews, 5))
    assert sorted(np.concatenate([test for _train, test in folds]).tolist()) == list(range(400))
    for train, test in folds:
        assert not set(train) & set(test)
        assert reviews.y[test].mean() == pytest.approx(reviews.y.mean(), abs=0.01)
    np.testing.assert_array_equal(next(split(reviews, 1))[1], folds[0][1])


def test_reviews_without_text_are_left_out_and_stars_are_no_input(tmp_path: Path) -> None:
    rows = frame(n=10)
    rows.loc[0, "Review Text"] = None
    rows.to_csv(tmp_path / "reviews.csv.gz", index=False)
    reviews = read_reviews(tmp_path)
    assert len(reviews.texts) == 9
    assert reviews.texts[0].startswith("Hm! ")
    np.testing.assert_array_equal(reviews.y, 1 - rows["Recommended IND"][1:])
    assert reviews.grades is not None
    assert (reviews.grades[reviews.y == 1] <= 0.5).all()
    assert join_title("Good", "text") == "Good. text"
    assert join_title("", "text") == "text"


def test_a_folder_may_name_its_columns_and_needs_no_stars(tmp_path: Path) -> None:
    rows = frame().rename(columns={"Review Text": "body", "Recommended IND": "good"}).drop(columns="Rating")
    rows.to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "b.csv").write_text("x\n1\n")
    with pytest.raises(InvalidInputError, match="one file"):
        read_reviews(tmp_path)
    described = {"file": "a.csv", "columns": {"text": "body"}}
    (tmp_path / "benchmark.json").write_text(json.dumps(described))
    with pytest.raises(InvalidInputError, match="Recommended IND"):
        read_reviews(tmp_path)
    described["columns"]["recommended"] = "good"
    (tmp_path / "benchmark.json").write_text(json.dumps(described))
    found = sentiment(
        tmp_path, device="cpu", seed=0, report=lambda _share, _text: None, hyperparameters=PIECES
    )
    assert found["metrics"]["roc_auc"] > 0.99
    assert found["settings"]["has_grades"] is False


def test_the_command_takes_folds_where_a_benchmark_has_them(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="from 1 to 5"):
        call_command("ecomai_benchmark", "sentiment", "--data", str(tmp_path), "--folds", "6")
    with pytest.raises(CommandError, match="has no folds"):
        call_command("ecomai_benchmark", "clv", "--data", str(tmp_path), "--folds", "2")
