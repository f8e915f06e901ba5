"""A small transformer over a list of candidates: each is seen beside all others before it gets its score."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ecomai.learning.base import Estimator
from ecomai.learning.callbacks import Callback
from ecomai.learning.devices import detached_state, find_device, seeded
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.trainer import TrainingPlan, train

from .lists import CandidateLists, column_scale, mean_ndcg, scaled

NETWORK_FILE = "network.safetensors"
LISTS_AT_ONCE = 64


class ListNetwork(nn.Module):
    """Scores of all candidates of a list at once. `C` candidates, `F` features, `D` width."""

    def __init__(self, n_features: int, dim: int, n_heads: int, n_layers: int, dropout: float) -> None:
        super().__init__()
        self.read = nn.Sequential(nn.Linear(n_features, dim), nn.GELU(), nn.Linear(dim, dim))
        layer = nn.TransformerEncoderLayer(
            dim, n_heads, 2 * dim, dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.beside = nn.TransformerEncoder(layer, n_layers, enable_nested_tensor=False)
        self.score = nn.Linear(dim, 1)

    def forward(self, X: Tensor, is_there: Tensor) -> Tensor:  # (B, C, F), (B, C) bool -> (B, C)
        """Score C candidates beside each other: features (B, C, F), and which are there (B, C), to (B, C)."""
        seen = self.beside(self.read(X), src_key_padding_mask=~is_there)  # (B, C, D)
        scores: Tensor = self.score(seen).squeeze(-1)
        return scores


class ListTask(nn.Module):
    """Cross entropy between what was gained in a list and what the scores expect (ListNet's first place)."""

    def __init__(self, network: ListNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, X: Tensor, gains: Tensor, is_there: Tensor, weights: Tensor) -> dict[str, Tensor]:
        """Return the mean cross entropy, in nats, of scores to candidates' shares of their list's gain.

        Shapes: `X` (B, C, F), `gains` (B, C), at least 0, `is_there` (B, C), `weights` (B,). A list without
        gain does not count.
        """
        scores = self.network(X, is_there).masked_fill(~is_there, -1e9)
        shares = gains / gains.sum(dim=1, keepdim=True).clamp_min(1e-9)
        loss = -(shares * torch.log_softmax(scores, dim=1)).sum(dim=1)
        weights = weights * (gains.sum(dim=1) > 0)
        return {"loss": (loss * weights).sum() / weights.sum().clamp_min(1e-9)}


class ListRows:
    """Lists as the trainer reads them, padded on the right."""

    def __init__(self, lists: CandidateLists, X: NDArray[np.float32]) -> None:
        self.lists = lists
        self.X = X
        self.lengths = lists.lengths

    def __len__(self) -> int:
        return len(self.lists)

    def __getitem__(self, row: int) -> Mapping[str, Tensor]:
        return self.__getitems__([row])

    def __getitems__(self, rows: list[int]) -> Mapping[str, Tensor]:
        most = int(self.lengths[rows].max())
        X = np.zeros((len(rows), most, self.X.shape[1]), dtype=np.float32)
        gains, is_there = (
            np.zeros((len(rows), most), dtype=np.float32),
            np.zeros((len(rows), most), dtype=bool),
        )
        for at, row in enumerate(rows):
            part = slice(self.lists.offsets[row], self.lists.offsets[row + 1])
            n = int(self.lengths[row])
            X[at, :n], gains[at, :n], is_there[at, :n] = self.X[part], self.lists.gains[part], True
        weights = self.lists.list_weights[rows].astype(np.float32)
        arrays = {"X": X, "gains": gains, "is_there": is_there, "weights": weights}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}


class ListwiseRanker(Estimator):
    """A transformer over lists of candidates, trained on what was gained in them.

    Parameters
    ----------
    dim : int, default 32
    n_heads : int, default 2
    n_layers : int, default 1
    dropout : float in [0, 1), default 0.1
    max_epochs : int, default 30
    batch_size : int, default 32
        Lists in a step.
    learning_rate : float, default 2e-3
    patience : int, default 3
    random_state : int, default 0
    device : str, default "auto"

    References
    ----------
    Pobrotyn et al., "Context-Aware Learning to Rank with Self-Attention", 2020; Cao et al., "Learning to
    Rank: From Pairwise Approach to Listwise Approach", 2007.
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("means_", "scales_")
    learned_values: ClassVar[tuple[str, ...]] = ("n_features_",)

    def __init__(
        self,
        *,
        dim: int = 32,
        n_heads: int = 2,
        n_layers: int = 1,
        dropout: float = 0.1,
        max_epochs: int = 30,
        batch_size: int = 32,
        learning_rate: float = 2e-3,
        patience: int = 3,
        random_state: int = 0,
        device: str = "auto",
    ) -> None:
        self.dim = dim
        self.n_heads = n_heads
        self.n_layers = n_layers
        self.dropout = dropout
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.random_state = random_state
        self.device = device

    def fit(
        self,
        X: CandidateLists,
        *,
        valid: CandidateLists | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint_folder: str | Path | None = None,
    ) -> Self:
        """Learn the order of lists; as `BoostedRanker.fit`."""
        if not X.gains.any():
            raise InvalidDataError("Nothing was done with any candidate, so there is no order to learn.")
        if valid is not None and valid.n_features != X.n_features:
            raise InvalidDataError("The validation must have the features of the training.")
        self.n_features_ = X.n_features
        self.means_, self.scales_ = column_scale(X.X)
        with seeded(self.random_state):
            self.network = self._new_network()
            train(
                ListTask(self.network),
                ListRows(X, self.prepared(X.X)),
                TrainingPlan(
                    max_epochs=self.max_epochs, batch_size=self.batch_size, learning_rate=self.learning_rate,
                    patience=self.patience, random_state=self.random_state, device=self.device,
                ),
                judge=None if valid is None else lambda _task: self._judged(valid),
                metric="ndcg@10",
                checkpoint_folder=checkpoint_folder,
                fingerprint={
                    "hyperparameters": self.get_params(),
                    "input": [len(X.X), float(X.gains.sum()), float(X.list_weights.sum())],
                },
                callbacks=callbacks,
            )  # fmt: skip
        self.network = self.network.to("cpu").eval()
        return self

    @property
    def is_fitted(self) -> bool:
        return super().is_fitted and hasattr(self, "network")

    def prepared(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return features of mean 0 and deviation 1, bounded; what is missing is as usual."""
        return scaled(X, self.means_, self.scales_)

    def scores(self, X: CandidateLists) -> NDArray[np.float64]:
        """Return scores of shape (n_rows,); greater is better, comparable within a list."""
        self.check_is_fitted()
        rows = ListRows(X, self.prepared(X.X))
        device = next(self.network.parameters()).device
        was_training = self.network.training
        self.network.eval()
        found = np.empty(len(X.X))
        with torch.no_grad():
            for start in range(0, len(X), LISTS_AT_ONCE):
                part = list(range(start, min(start + LISTS_AT_ONCE, len(X))))
                batch = rows.__getitems__(part)
                is_there = batch["is_there"]
                scores = self.network(batch["X"].to(device), is_there.to(device)).cpu()
                found[X.offsets[part[0]] : X.offsets[part[-1] + 1]] = scores[is_there].numpy()
        self.network.train(was_training)
        return found

    def _judged(self, valid: CandidateLists) -> dict[str, float]:
        return {"ndcg@10": mean_ndcg(valid, self.scores(valid))}

    def _new_network(self) -> ListNetwork:
        return ListNetwork(self.n_features_, self.dim, self.n_heads, self.n_layers, self.dropout)

    def _save_parts(self, folder: Path) -> None:
        save_file(detached_state(self.network), folder / NETWORK_FILE)

    def _load_parts(self, folder: Path) -> None:
        self.network = self._new_network()
        self.network.load_state_dict(load_file(folder / NETWORK_FILE))
        self.network = self.network.to(find_device(self.device)).eval()
