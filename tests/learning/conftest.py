"""A tiny encoder, and a shop whose right answers are known."""

import numpy as np
import pytest
import torch

from ecomai.learning.interactions import Interactions

from .tiny import write_tiny_bert

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_tiny_bert(tmp_path_factory.mktemp("tiny-bert"))


@pytest.fixture(scope="session")
def kinds() -> np.ndarray:
    """The kind, from 0 to 3, of each of 24 items."""
    return np.repeat(np.arange(4), 6)


@pytest.fixture(scope="session")
def item_vectors(kinds: np.ndarray) -> np.ndarray:
    """Texts that give an item's kind away: near for items of one kind, far for others."""
    noise = np.random.default_rng(0).normal(scale=0.08, size=(len(kinds), 8))
    vectors = np.eye(8)[kinds] + noise
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="session")
def loyal_users(kinds: np.ndarray) -> Interactions:
    """120 users who stay with one kind of item, and never touch each kind's last item."""
    rng = np.random.default_rng(1)
    rows = [rng.choice(np.flatnonzero(kinds == user % 4)[:-1], size=8) for user in range(120)]
    return Interactions.from_sequences(rows, n_items=len(kinds))
