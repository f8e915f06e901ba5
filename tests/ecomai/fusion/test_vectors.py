import numpy as np
import pytest

from ecomai.exceptions import InvalidInputError
from ecomai.fusion.models import EntityVector
from ecomai.fusion.vectors import delete_vectors, load_vectors, store_vectors, stored_digests

pytestmark = pytest.mark.django_db


def test_vectors_come_back_as_they_were_stored():
    vectors = {"a": np.array([1.0, 0.5], dtype=np.float32), "b": np.array([0.0, -1.0], dtype=np.float32)}
    store_vectors(entity="item", encoder="mini@1", vectors=vectors, text_digests={"a": "x"})
    loaded = load_vectors("mini@1")
    assert loaded.entity_ids == ["a", "b"]
    np.testing.assert_array_equal(loaded.matrix, [[1.0, 0.5], [0.0, -1.0]])
    assert stored_digests("mini@1") == {"a": "x", "b": ""}


def test_storing_again_replaces_and_only_the_changed_are_loaded_since():
    store_vectors(entity="item", encoder="mini@1", vectors={"a": np.zeros(2), "b": np.zeros(2)})
    since = load_vectors("mini@1").newest
    store_vectors(entity="item", encoder="mini@1", vectors={"b": np.ones(2)})
    EntityVector.objects.filter(entity_id="a").update(updated_at=since.replace(year=2000))
    changed = load_vectors("mini@1", since=since)
    assert changed.entity_ids == ["b"]
    np.testing.assert_array_equal(changed.matrix, [[1.0, 1.0]])
    assert EntityVector.objects.count() == 2


def test_encoders_and_entities_are_separate():
    store_vectors(entity="item", encoder="mini@1", vectors={"a": np.zeros(2)})
    store_vectors(entity="customer", encoder="mini@1", vectors={"a": np.zeros(2)})
    store_vectors(entity="item", encoder="chars@1", vectors={"a": np.zeros(3)})
    assert load_vectors("chars@1").matrix.shape == (1, 3)
    assert delete_vectors(entity="item", entity_ids=["a"]) == 2
    assert load_vectors("mini@1", entity="customer").entity_ids == ["a"]


def test_nothing_stored_is_an_empty_matrix():
    assert load_vectors("mini@1").matrix.shape == (0, 0)


def test_vectors_of_unlike_lengths_are_refused():
    with pytest.raises(InvalidInputError):
        store_vectors(entity="item", encoder="mini@1", vectors={"a": np.zeros(2), "b": np.zeros(3)})
    assert not EntityVector.objects.exists()
