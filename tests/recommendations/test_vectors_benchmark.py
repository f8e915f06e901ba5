"""`vectors`: its million vectors are the same each time, and what it measures is held against the truth."""

import struct

import numpy as np
import pytest

from ecomai.exceptions import InvalidInputError
from recommendations.benchmarks import vectors as benchmarks

N_TITLES, N_DIMENSIONS = 50, 16


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmarks, "N_VECTORS", 2000)
    monkeypatch.setattr(benchmarks, "AT_ONCE", 300)
    monkeypatch.setattr(benchmarks, "N_CHOOSING", 5)
    monkeypatch.setattr(benchmarks, "N_QUERIES", 10)
    rng = np.random.default_rng(0)
    for name, n in (("titles", N_TITLES), ("searches", 40)):
        found = rng.normal(size=(n, N_DIMENSIONS))
        np.save(tmp_path / f"{name}.npy", (found / np.linalg.norm(found, axis=1, keepdims=True)).astype("f2"))
    return benchmarks._Source(tmp_path, 7)


@pytest.fixture
def saved(source):
    queries = source.queries()
    exact = benchmarks._exact(source, queries, lambda share, text: None)
    for name in queries:
        np.save(source.work / f"queries_{name}.npy", queries[name])
        np.save(source.work / f"exact_{name}.npy", exact[name])
    return queries, exact


def whole(source):
    return np.concatenate([block for _start, block in source.blocks()])


def test_vectors_are_titles_with_noise_and_the_same_each_time(source):
    found = whole(source)
    np.testing.assert_array_equal(found, whole(source))
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    titles = source.titles[np.arange(2000) % N_TITLES].astype(np.float32)
    # Noise of length 0.3 at about a right angle.
    assert np.mean((found * titles).sum(axis=1)) == pytest.approx(1 / np.sqrt(1.09), abs=0.01)
    assert not np.allclose(found[0], found[N_TITLES])


def test_exact_neighbours_are_those_of_all_vectors(source, saved):
    queries, exact = saved
    for name, asked in queries.items():
        best = np.argsort(-(asked @ whole(source).T), axis=1, kind="stable")[:, :10]
        np.testing.assert_array_equal(np.sort(exact[name]), np.sort(best))


def test_the_narrowest_search_with_the_wanted_recall_is_taken(saved):
    queries, exact = saved
    truth = {
        tuple(query): found
        for name in queries
        for query, found in zip(queries[name], exact[name], strict=True)
    }

    def ask(query, width):
        return truth[tuple(query)] if width >= 16 else np.full(10, -1)

    found = benchmarks._measure(ask, queries, exact)
    assert (found["width"], found["recall@10"]) == (16, 1.0)
    assert found["noisy_titles"]["recall@10"] == 1.0
    assert 0 < found["p50_ms"] <= found["p95_ms"]


def test_the_best_index_is_the_fastest_of_those_that_find_enough():
    rows = {
        "absent": {"absent": "not installed"},
        "large": {"recall@10": 0.99, "p95_ms": 1.0, "resident_mb": 5000.0},
        "poor": {"recall@10": 0.5, "p95_ms": 1.0, "resident_mb": 100.0},
        "good": {"recall@10": 0.96, "p95_ms": 9.0, "resident_mb": 900.0},
    }
    assert benchmarks._best(rows) == "good"
    assert benchmarks._best({name: rows[name] for name in ("absent", "poor")}) == "poor"


def test_faiss_finds_what_is_near(source, saved, monkeypatch):
    pytest.importorskip("faiss")
    monkeypatch.setattr(benchmarks, "FAISS", {"ivf": "IVF8,SQ8", "hnsw": "HNSW16,SQ8"})
    for name in ("ivf", "hnsw"):
        found = benchmarks.build_faiss({"work": str(source.work), "seed": 7, "name": name})
        assert found["recall@10"] > 0.85
        assert found["build_seconds"] >= 0
        assert found["resident_mb"] > 0


def test_rows_of_halves_are_in_postgresqls_binary_form():
    row = benchmarks._copy_rows(5, np.array([[1.0, -2.0]]), np.array([2, 0], dtype=">u2").tobytes())
    assert row == struct.pack(">hiiiHH", 2, 4, 5, 8, 2, 0) + np.array([1, -2], dtype=">f2").tobytes()


@pytest.mark.django_db
def test_a_database_without_the_extension_is_said_to_be_one(source, saved):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'")
        is_there = cursor.fetchone() is not None
    found = benchmarks._pgvector("pgvector_ivf_halfvec", source, *saved)
    assert ("recall@10" if is_there else "absent") in found


def test_a_folder_without_searches_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="is missing"):
        benchmarks.read_texts(tmp_path)
