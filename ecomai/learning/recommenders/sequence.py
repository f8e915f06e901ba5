"""What comes next: a transformer over a user's items that also ranks items it never saw."""

import hashlib
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from safetensors.torch import load_file, save_file

from ecomai.learning.callbacks import Callback
from ecomai.learning.devices import detached_state, find_device, seeded, threads
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.interactions import Interactions, as_interactions
from ecomai.learning.metrics.ranking import ndcg_at_k, recall_at_k
from ecomai.learning.splits import Split
from ecomai.learning.trainer import TrainingPlan, train

from .base import USERS_AT_ONCE, Recommender, check_training_data, top_n
from .sequence_network import SequenceConfig, SequenceNetwork
from .sequence_windows import SequenceWindows, context_of, pad, pad_rows

NETWORK_FILE = "network.safetensors"
UPDATE_EPOCHS = 3
UPDATE_SHARE = 0.5  # of the learning rate, in an update
JUDGED_CASES = 10_000
JUDGED_METRICS = {"ndcg@10": ndcg_at_k, "recall@10": recall_at_k}
# A step's logits over the whole catalogue: beyond, a step of 64 numbers takes half a second on two cores.
MAX_LOGITS = 50_000_000
DEFAULT_NEGATIVES = 2048
# Multiplications of a step's forward pass; below, two threads on two busy cores are slower than one.
LEAST_FOR_THREADS = 500_000_000


class SequenceRecommender(Recommender):
    """Recommend what users of such a history took next.

    An item is the projection of its text vector plus, where it has training events, a vector of its
    own; so an item that is new to the shop ranks by its text. The loss is a softmax over the whole
    catalogue, sampled where the catalogue is too large for that.

    Parameters
    ----------
    dim : int, default 64
        Width of item and user vectors.
    n_layers, n_heads : int, default 2 and 2
        `n_heads` must divide `dim`.
    max_length : int, default 50
        How many of a user's newest items are looked at.
    dropout : float in [0, 1), default 0.2
    id_dropout : float in [0, 1), default 0.2
        How often an item must do with its text in a training step.
    n_negatives : int or None, default None
        Sampled items per step; 0 for the full softmax. None decides by the size of the catalogue.
    n_members : int, default 1
        Networks that learn side by side and whose scores are added. Better, for as many times the work;
        vectors are as many times as wide.
    has_context : bool, default False
        Whether kinds of events and the time between them are inputs, as far as `X` knows them.
    max_epochs : int, default 12
    batch_size : int, default 128
        Sequences per step.
    learning_rate : float, default 2e-3
    weight_decay : float, default 0.01
    patience : int, default 3
        Epochs without a better NDCG@10 on the validation cases after which training stops.
    device : str, default "auto"
    random_state : int, default 0

    Attributes
    ----------
    item_vectors_ : float32 array of shape (n_items, dim)
        Items as the network sees them.
    n_items_, n_features_ : int
        Size of the catalogue and of a text vector (0 without texts).
    n_negatives_ : int
        Sampled items per step; 0 means the full softmax.
    n_types_ : int
        Kinds of events that the network tells apart; 0 where they are no input.
    best_epoch_ : int or None
        Whose weights were kept; None without validation cases.
    network : SequenceNetwork
        The trained module, for export.

    References
    ----------
    Kang and McAuley, "Self-attentive sequential recommendation", 2018; Yuan et al., "Where to go next
    for recommender systems? ID- vs. modality-based recommender models revisited", 2023; Bengio and
    Senécal, "Adaptive importance sampling to accelerate training of a neural probabilistic language
    model", 2008, for the sampled softmax.

    Examples
    --------
    >>> model = SequenceRecommender(dim=8, n_layers=1, max_epochs=40, device="cpu")
    >>> model = model.fit([[0, 1, 2]] * 32)
    >>> int(model.recommend([[0, 1]], n=1)[0][0, 0])
    2
    """

    format_version: ClassVar[int] = 2  # members
    learned_arrays: ClassVar[tuple[str, ...]] = ("item_vectors_",)
    learned_values: ClassVar[tuple[str, ...]] = (
        "n_items_",
        "n_features_",
        "n_negatives_",
        "n_types_",
        "best_epoch_",
    )

    def __init__(
        self,
        dim: int = 64,
        n_layers: int = 2,
        n_heads: int = 2,
        max_length: int = 50,
        dropout: float = 0.2,
        id_dropout: float = 0.2,
        n_negatives: int | None = None,
        n_members: int = 1,
        has_context: bool = False,
        max_epochs: int = 12,
        batch_size: int = 128,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.01,
        patience: int = 3,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.dim = dim
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.max_length = max_length
        self.dropout = dropout
        self.id_dropout = id_dropout
        self.n_negatives = n_negatives
        self.n_members = n_members
        self.has_context = has_context
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.patience = patience
        self.device = device
        self.random_state = random_state

    def fit(
        self,
        X: Interactions | Sequence[ArrayLike],
        item_vectors: NDArray[np.float32] | None = None,
        *,
        valid: Split | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint_folder: str | Path | None = None,
    ) -> Self:
        """Train the network; see `Recommender.fit`.

        Parameters
        ----------
        checkpoint_folder : path, optional
            Private to this training; with it, a training that was killed goes on where it was.

        Raises
        ------
        InvalidDataError
            Also if there is no event at all.
        TrainingCancelledError
            If a callback asks for it.
        """
        X = check_training_data(X, item_vectors)
        if X.n_events == 0:
            raise InvalidDataError("There is no interaction to learn from.")
        if valid is not None:
            as_interactions(valid.histories, n_items=X.n_items)
        self.n_types_ = int(X.types.max()) + 1 if self.has_context and X.types is not None else 0
        windows = SequenceWindows(X, self.max_length, self._context(X))
        self.n_items_ = X.n_items
        self.n_features_ = 0 if item_vectors is None else item_vectors.shape[1]
        self.n_negatives_ = self._choose_negatives(windows)
        with seeded(self.random_state), threads(self._choose_threads(windows)):
            self.network = SequenceNetwork(self._config())
            self._set_items(X, item_vectors)
            result = train(
                self.network,
                windows,
                self._plan(),
                judge=None if valid is None or len(valid.targets) == 0 else self._judge_on(valid),
                metric="ndcg@10",
                checkpoint_folder=checkpoint_folder,
                fingerprint={"hyperparameters": self.get_params(), "input": _digest(X, item_vectors)},
                callbacks=callbacks,
            )
        self.best_epoch_ = result.best_epoch
        self.network.eval()
        self.item_vectors_ = self._all_item_vectors(self.network)
        return self

    def partial_fit(
        self,
        X: Interactions | Sequence[ArrayLike],
        item_vectors: NDArray[np.float32] | None = None,
        *,
        replay: Interactions | Sequence[ArrayLike] = (),
        known_as: NDArray[np.integer] | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """Learn what is new from the learned weights on; before any `fit`, the same as `fit`.

        Costs a few epochs over the new histories and as many old ones, which keep what was learned.

        Parameters
        ----------
        X : Interactions or sequence of n_users int sequences
            Histories with new events, oldest first.
        item_vectors : float32 array of shape (n_items, n_features), optional
            Of the whole catalogue, where the model learned with texts.
        replay : Interactions or sequence of n_users int sequences, default ()
            Old histories; as many as there are new ones are drawn from them.
        known_as : int array of shape (n_items,), optional
            The position that each item had in the catalogue learned before, -1 for a new one. Default:
            items keep their positions, and new ones come after them.
        callbacks : sequence of Callback, default ()
            As in `fit`.

        Returns
        -------
        SequenceRecommender
            Itself.

        Raises
        ------
        InvalidDataError
            If the catalogue has become smaller without `known_as`, that does not fit, or texts are missing,
            new or of another size.
        TrainingCancelledError
            If a callback asks for it; what was learned before stays.
        """
        if not hasattr(self, "network"):
            return self.fit(X, item_vectors, callbacks=callbacks)
        X = check_training_data(X, item_vectors)
        places = self._check_goes_on(X, item_vectors, known_as)
        X = X.joined(self._drawn(as_interactions(replay), len(X)))
        if X.n_events == 0:
            return self
        grown = copy(self)
        grown.n_items_ = X.n_items
        grown._learn_on(X, item_vectors, places, callbacks)
        vars(self).update(vars(grown))
        return self

    def _check_goes_on(
        self,
        X: Interactions,
        item_vectors: NDArray[np.float32] | None,
        known_as: NDArray[np.integer] | None,
    ) -> NDArray[np.int64]:
        """Return the position that each item had."""
        if known_as is None:
            if X.n_items < self.n_items_:
                raise InvalidDataError(f"The model knows {self.n_items_} items; these are only {X.n_items}.")
            places = np.arange(X.n_items)
            known_as = np.where(places < self.n_items_, places, -1)
        known: NDArray[np.int64] = np.asarray(known_as, dtype=np.int64)
        if known.shape != (X.n_items,) or known.max() >= self.n_items_ or known.min() < -1:
            raise InvalidDataError(
                f"known_as must have {X.n_items} entries, each -1 or the position of an item."
            )
        n_features = 0 if item_vectors is None else item_vectors.shape[1]
        if n_features != self.n_features_:
            raise InvalidDataError(f"The model learned with {self.n_features_} text features an item.")
        return known

    def _drawn(self, replay: Interactions, n_users: int) -> Interactions:
        rng = np.random.default_rng(self.random_state)
        return replay.select(rng.permutation(len(replay))[:n_users])

    def _learn_on(
        self,
        X: Interactions,
        item_vectors: NDArray[np.float32] | None,
        places: NDArray[np.int64],
        callbacks: Sequence[Callback],
    ) -> None:
        windows = SequenceWindows(X, self.max_length, self._context(X))
        learned = self.network
        with seeded(self.random_state), threads(self._choose_threads(windows)):
            self.network = SequenceNetwork(self._config())
            self._set_items(X, item_vectors)
            self.network.grow_from(learned, torch.from_numpy(places))
            plan = replace(
                self._plan(),
                max_epochs=UPDATE_EPOCHS,
                learning_rate=UPDATE_SHARE * self.learning_rate,
            )
            train(self.network, windows, plan, callbacks=callbacks)
        self.network.eval()
        self.item_vectors_ = self._all_item_vectors(self.network)

    def user_vectors(self, histories: Interactions | Sequence[ArrayLike]) -> NDArray[np.float32]:
        """Return what the network makes of histories.

        Parameters
        ----------
        histories : Interactions or sequence of n_users int sequences
            Oldest first; a user may have none.

        Returns
        -------
        float32 array of shape (n_users, dim)
            Its dot product with `item_vectors_` is the score.
        """
        self.check_is_fitted()
        histories = as_interactions(histories, n_items=self.n_items_)
        return self._user_vectors(self.network, self.item_vectors_, histories)

    def project_items(self, text_vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return item vectors of items that came after training.

        Parameters
        ----------
        text_vectors : float32 array of shape (n, n_features)

        Returns
        -------
        float32 array of shape (n, dim)

        Raises
        ------
        InvalidDataError
            If the model was trained without texts, or on texts of another size.
        """
        self.check_is_fitted()
        if self.n_features_ == 0 or text_vectors.ndim != 2 or text_vectors.shape[1] != self.n_features_:
            raise InvalidDataError(f"Text vectors must be of shape (n, {self.n_features_}).")
        with torch.no_grad():
            texts = torch.as_tensor(text_vectors, dtype=torch.float32, device=self._network_device())
            return self.network.items.from_text(texts).cpu().numpy()

    def _scores(self, histories: Interactions) -> NDArray[np.float32]:
        return self._user_vectors(self.network, self.item_vectors_, histories) @ self.item_vectors_.T

    def _user_vectors(
        self, network: SequenceNetwork, item_vectors: NDArray[np.float32], histories: Interactions
    ) -> NDArray[np.float32]:
        device = self._network_device()
        vectors = []
        for start in range(0, len(histories), USERS_AT_ONCE):
            rows = np.arange(start, min(start + USERS_AT_ONCE, len(histories)))
            part = histories.select(rows)
            is_seen = part.positions_from_end < self.max_length
            context = self._context(part)
            items, lengths = pad(part.where(is_seen))
            x = torch.from_numpy(item_vectors[items]).to(device)  # (B, T, W)
            n_steps = torch.from_numpy(lengths).to(device)
            if context is not None:
                context = torch.from_numpy(pad_rows(context[is_seen], lengths)).to(device)  # (B, T, 2)
            with torch.no_grad():
                vectors.append(network.users(x, n_steps, context).float().cpu().numpy())
        return np.concatenate(vectors) if vectors else np.empty((0, item_vectors.shape[1]), dtype=np.float32)

    def _context(self, X: Interactions) -> NDArray[np.int64] | None:
        return context_of(X, n_types=self.n_types_) if self.has_context else None

    def _network_device(self) -> torch.device:
        return self.network.items.ids.weight.device

    def _config(self) -> SequenceConfig:
        return SequenceConfig(
            n_items=self.n_items_,
            n_features=self.n_features_,
            dim=self.dim,
            n_layers=self.n_layers,
            n_heads=self.n_heads,
            max_length=self.max_length,
            dropout=self.dropout,
            id_dropout=self.id_dropout,
            n_negatives=self.n_negatives_,
            n_members=self.n_members,
            has_context=self.has_context,
            n_types=self.n_types_,
        )

    def _plan(self) -> TrainingPlan:
        return TrainingPlan(
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            patience=self.patience,
            random_state=self.random_state,
            device=self.device,
        )

    def _choose_negatives(self, windows: SequenceWindows) -> int:
        if self.n_negatives is not None:
            return self.n_negatives
        n_logits = windows.mean_length * min(self.batch_size, len(windows)) * self.n_items_
        return 0 if n_logits <= MAX_LOGITS else min(DEFAULT_NEGATIVES, self.n_items_)

    def _choose_threads(self, windows: SequenceWindows) -> int | None:
        """One thread where a step is so small that threads would mostly wait for each other."""
        n_targets = windows.mean_length * min(self.batch_size, len(windows))
        n_candidates = self.n_negatives_ or self.n_items_
        n_multiplications = n_targets * self.dim * (12 * self.n_layers * self.dim + n_candidates)
        return 1 if n_multiplications < LEAST_FOR_THREADS else None

    def _set_items(self, X: Interactions, item_vectors: NDArray[np.float32] | None) -> None:
        items = self.network.items
        counts = np.bincount(X.items, minlength=X.n_items)
        self.network.set_counts(torch.from_numpy(counts))
        if item_vectors is not None:
            items.set_texts(torch.as_tensor(item_vectors, dtype=torch.float32))
            # Without texts an unseen item keeps its own vector, which the softmax pushes down.
            items.has_id.copy_(torch.from_numpy(counts > 0))

    def _all_item_vectors(self, network: SequenceNetwork) -> NDArray[np.float32]:
        with torch.no_grad():
            return network.items().float().cpu().numpy()

    def _judge_on(self, valid: Split) -> Callable[[SequenceNetwork], dict[str, float]]:
        cases = np.arange(len(valid.targets))
        if len(cases) > JUDGED_CASES:
            cases = np.random.default_rng(self.random_state).permutation(cases)[:JUDGED_CASES]
        histories, targets = valid.histories.select(cases), valid.targets.select(cases)

        def judge(network: SequenceNetwork) -> dict[str, float]:
            vectors = self._all_item_vectors(network)
            ranked = []
            for rows in np.array_split(np.arange(len(targets)), -(-len(targets) // USERS_AT_ONCE)):
                part = histories.select(rows)
                scores = self._user_vectors(network, vectors, part) @ vectors.T
                # As answers are judged: what a user already took is no answer.
                scores[part.users, part.items] = -np.inf
                ranked.append(top_n(scores, 10))
            return {
                name: metric(np.concatenate(ranked), targets, k=10) for name, metric in JUDGED_METRICS.items()
            }

        return judge

    def _save_parts(self, folder: Path) -> None:
        save_file(detached_state(self.network), folder / NETWORK_FILE)

    def _load_parts(self, folder: Path) -> None:
        self.network = SequenceNetwork(self._config())
        self.network.load_state_dict(load_file(folder / NETWORK_FILE))
        self.network.to(find_device(self.device)).eval()


def _digest(X: Interactions, item_vectors: NDArray[np.float32] | None) -> str:
    digest = hashlib.sha256()
    for array in (X.items, X.offsets, X.weights, X.types, X.ages_days, item_vectors):
        digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
