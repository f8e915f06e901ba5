"""Whose ways to ask a question is like, all of them together, and what no article is about."""

import numpy as np
import pytest

from support_bot.benchmarks.questions import read_questions
from support_bot.knowledge.confidence import judge
from support_bot.knowledge.index import Entry, PassageIndex
from support_bot.knowledge.subjects import MOST_TEXTS, NO_ARTICLE, SAME, Subjects, general_questions


def towards(*directions, noise=0.0, seed=0):
    """Return vectors of length 1 near axes of eight."""
    rows = np.eye(8, dtype=np.float32)[list(directions)]
    rows = rows + noise * np.random.default_rng(seed).normal(size=rows.shape).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def subjects():
    known = towards(*([0] * 6 + [1] * 6), noise=0.2)
    return Subjects(known, [11] * 6 + [12] * 6, towards(*[2] * 6, noise=0.2, seed=1))


@pytest.mark.parametrize(("direction", "article"), [(0, 11), (1, 12), (2, NO_ARTICLE)])
def test_a_question_is_of_the_article_whose_ways_to_ask_it_is_like(subjects, direction, article):
    shares = subjects.shares(towards(direction)[0])
    assert max(shares, key=shares.__getitem__) == article
    assert shares[article] > 0.6


def test_the_order_of_texts_changes_nothing():
    known, ids = towards(*([0] * 5 + [1] * 5), noise=0.3), np.array([1] * 5 + [2] * 5)
    order = np.random.default_rng(3).permutation(10)
    nothing = np.empty((0, 8), dtype=np.float32)
    first, second = Subjects(known, ids, nothing), Subjects(known[order], ids[order], nothing)
    asked = towards(0, noise=0.5, seed=5)[0]
    assert first.shares(asked) == pytest.approx(second.shares(asked), abs=1e-4)


def test_a_general_question_that_a_shop_answers_is_a_way_to_ask_there():
    vectors = towards(0)
    assert vectors[0] @ vectors[0] > SAME
    assert NO_ARTICLE not in Subjects(vectors, [1], vectors).shares(vectors[0])


def test_so_many_articles_are_thinned_out_and_all_of_them_kept():
    n = MOST_TEXTS + 500
    ids = np.repeat(np.arange(n // 10), 10)
    known = np.random.default_rng(0).normal(size=(n, 8)).astype(np.float32)
    known /= np.linalg.norm(known, axis=1, keepdims=True)
    shares = Subjects(known, ids, np.empty((0, 8), dtype=np.float32)).shares(known[0])
    assert set(shares) == set(range(n // 10))


def _entry(number, title, asked):
    return Entry(number, number, title, "", f"What we say of {title}.", "en", (title, *asked))


def test_what_is_like_general_questions_is_answered_less_surely():
    """The same likeness to an article counts for less where questions of other shops are as near."""
    entries = [_entry(1, "returns", ["send back a lamp"]), _entry(2, "delivery", ["when is it here"])]
    near = [text for entry in entries for text in entry.texts if entry.article_id == 1]
    far = [text for entry in entries for text in entry.texts if entry.article_id == 2]
    vectors = dict(zip(near, towards(*[0] * len(near)), strict=True))
    vectors |= dict(zip(far, towards(*[1] * len(far)), strict=True))
    asked = (0.8 * towards(0)[0] + 0.6 * towards(2)[0]).astype(np.float32)
    general = dict.fromkeys(general_questions(), towards(2)[0])
    without, with_them = (
        judge(PassageIndex(entries, each).find("send a lamp back", vector=asked), "send a lamp back",
              has_meaning=True)
        for each in (vectors, vectors | general)
    )  # fmt: skip
    assert without is not None
    assert with_them is not None
    assert with_them.hit.elsewhere > 0.3 > without.hit.elsewhere
    assert with_them.confidence < without.confidence


def test_a_shop_whose_language_the_encoder_has_not_learned_has_no_subjects():
    entries = [Entry(1, 1, "退货", "", "三十天内可以退货。", "zh-hans", ("退货", "怎么退货"))]
    vectors = dict.fromkeys([*entries[0].texts, *general_questions()], towards(0)[0])
    (hit,) = PassageIndex(entries, vectors).find("returns", vector=towards(0)[0])
    assert (hit.subject, hit.elsewhere) == (0.0, 0.0)


def test_general_questions_are_none_of_the_benchmarks():
    asked = {each.text.casefold().rstrip("?？ ") for each in read_questions()}
    assert len(general_questions()) > 500
    assert not {text.casefold() for text in general_questions()} & asked
