"""A transformer that reads a query and a text together, and says how well one answers the other."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ecomai.learning.base import Estimator
from ecomai.learning.callbacks import Callback
from ecomai.learning.devices import find_device, narrow_maths, seeded
from ecomai.learning.encoders.base import check_texts
from ecomai.learning.encoders.bases import find_layers, load_base, make_own, share
from ecomai.learning.encoders.headed import load_head, save_headed
from ecomai.learning.encoders.pretrained import BACKBONE_FOLDER, DEFAULT_MODEL, find_model
from ecomai.learning.encoders.tokens import LETTERS_PER_TOKEN, mean_of_tokens
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.trainer import TrainingPlan, train

from .judgements import Judgements, check_judgements

METRIC = "order"
HEAD_WIDTH = 128
#: To know how long a training will take.
TIMED_STEPS = 8


class PairNetwork(nn.Module):
    """A transformer over both texts at once; a small head compares what it made of each."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        config: Any = backbone.config
        self.backbone = backbone
        self.has_types = getattr(config, "type_vocab_size", 0) >= 2
        first = nn.Linear(4 * int(config.hidden_size), HEAD_WIDTH)
        self.compare = nn.Sequential(nn.Dropout(0.1), first, nn.GELU(), nn.Linear(HEAD_WIDTH, 1))

    def forward(  # (B, T), (B, T), (B, T) -> (B,)
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor
    ) -> Tensor:
        """Return the logit (B,) that a text answers its query; `token_type_ids` (B, T) are 1 in the text."""
        types = {"token_type_ids": token_type_ids} if self.has_types else {}
        tokens = self.backbone(
            input_ids=input_ids, attention_mask=attention_mask, **types
        ).last_hidden_state  # (B, T, D)
        of_text = token_type_ids * attention_mask  # (B, T)
        query, text = (
            mean_of_tokens(tokens, attention_mask - of_text),
            mean_of_tokens(tokens, of_text),
        )  # (B, D)
        together = torch.cat([query, text, query * text, (query - text).abs()], dim=-1)
        scores: Tensor = self.compare(together).squeeze(-1)
        return scores


class OrderTask(nn.Module):
    """Learns the grade of each pair, and which of two texts of one query is the better one."""

    def __init__(self, network: PairNetwork, *, order_weight: float, is_narrow: bool) -> None:
        super().__init__()
        self.network = network
        self.order_weight = order_weight
        self.is_narrow = is_narrow

    def forward(self, grades: Tensor, rows: Tensor, **tokens: Tensor) -> dict[str, Tensor]:
        """Return the `loss` of B pairs: their grades by themselves, and the order within a query.

        `grades` (B,) are from 0 to 1, `rows` (B,) number the queries, `tokens` are the network's inputs.
        The loss is in nats.
        """
        with narrow_maths(grades.device, is_wanted=self.is_narrow):
            scores = self.network(**tokens)
        scores = scores.float()
        alone = nn.functional.binary_cross_entropy_with_logits(scores, grades)
        better = (grades[:, None] - grades).clamp_min(0) * (rows[:, None] == rows)  # (B, B)
        wrong = nn.functional.softplus(scores - scores[:, None])
        order = (better * wrong).sum() / better.sum().clamp_min(1e-9)
        return {"loss": alone + self.order_weight * order}


class TokenisedPairs:
    """Pairs of a query and a text as rows of tokens.

    Parameters
    ----------
    tokenizer
        Of the Hugging Face kind, a fast one.
    queries, texts : sequences of n_pairs str
    max_length : int
        Tokens of a pair that are kept; the longer of the two is cut.
    """

    def __init__(self, tokenizer: Any, queries: Sequence[str], texts: Sequence[str], max_length: int) -> None:
        limit = LETTERS_PER_TOKEN * max_length
        # Whole lists: of a single pair, transformers leaves an empty text out.
        found: Any = tokenizer(
            [query[:limit] for query in queries], [text[:limit] for text in texts],
            truncation=True, max_length=max_length,
        ) if len(queries) else {"input_ids": []}  # fmt: skip
        self.ids: list[list[int]] = found["input_ids"]
        # Where the text begins: tokenizers differ in whether they number the two parts.
        starts = [_start_of_text(found.sequence_ids(pair)) for pair in range(len(self.ids))]
        self.starts = np.array(starts, dtype=np.int64)
        self.lengths = np.array([len(ids) for ids in self.ids], dtype=np.int64)
        self._padding = int(tokenizer.pad_token_id or 0)

    def batch(self, places: NDArray[np.int64]) -> dict[str, Tensor]:
        """Return some pairs, padded on the right: int64 tensors of shape (B, T)."""
        places_in_row = np.arange(int(self.lengths[places].max()))
        is_token = places_in_row < self.lengths[places][:, None]
        ids = np.full(is_token.shape, self._padding, dtype=np.int64)
        ids[is_token] = np.concatenate([self.ids[place] for place in places])
        is_text = is_token & (places_in_row >= self.starts[places][:, None])
        return {
            "input_ids": torch.from_numpy(ids),
            "attention_mask": torch.from_numpy(is_token.astype(np.int64)),
            "token_type_ids": torch.from_numpy(is_text.astype(np.int64)),
        }


class JudgedQueries:
    """Training rows: one a query, with all of its judged texts.

    Parameters
    ----------
    pairs : TokenisedPairs
    rows : int64 array of shape (n_pairs,)
        Query of each pair.
    grades : float32 array of shape (n_pairs,)
    """

    def __init__(self, pairs: TokenisedPairs, rows: NDArray[np.int64], grades: NDArray[np.float32]) -> None:
        self.pairs = pairs
        self.grades = grades
        order = np.argsort(rows, kind="stable")
        self.members = np.split(order, np.flatnonzero(np.diff(rows[order])) + 1)
        self.lengths = np.array([pairs.lengths[members].max() for members in self.members])

    def __len__(self) -> int:
        return len(self.members)

    @property
    def n_pairs(self) -> int:
        return sum(len(each) for each in self.members)

    def keep(self, n: int, rng: np.random.Generator) -> None:
        """Leave out all but some queries."""
        places = np.sort(rng.permutation(len(self.members))[:n])
        self.members = [self.members[place] for place in places]
        self.lengths = self.lengths[places]

    def __getitem__(self, row: int) -> Mapping[str, Tensor]:
        return self.__getitems__([row])

    def __getitems__(self, rows: list[int]) -> Mapping[str, Tensor]:
        members = [self.members[row] for row in rows]
        chosen = np.concatenate(members)
        return {
            **self.pairs.batch(chosen),
            "grades": torch.from_numpy(self.grades[chosen]),
            "rows": torch.from_numpy(np.repeat(np.arange(len(rows)), [len(each) for each in members])),
        }


class CrossEncoder(Estimator):
    """Grade pairs of a query and a text with a transformer that reads both at once.

    Slower than vectors, as nothing of a text can be computed beforehand, and better at what matters in
    detail: it is for the first texts of a list that something cheap has found. Learns the grades
    themselves and the order within each query.

    Parameters
    ----------
    model : str, default "all-MiniLM-L6-v2"
        A folder or a Hugging Face id, as in `PretrainedTextEncoder`.
    n_frozen_layers : int, default 0
        Lowest layers, and the word vectors, that stay as they are: a quarter less time.
    order_weight : float, default 1.0
        Of the order within queries, beside the grades.
    max_length : int, default 48
        Tokens of a pair that are read.
    max_epochs : int, default 3
    train_batch_size : int, default 16
        Queries a step, each with all of its judged texts.
    learning_rate : float, default 1e-4
    patience : int, default 1
        Epochs without a better order of the validation pairs after which training stops.
    max_minutes : float, optional
        About how long it may learn: a few steps are timed, and of the epochs, or of the queries where not
        even one epoch fits, so many are taken. Judging the validation pairs comes on top.
    is_narrow : bool, default True
        Whether linear maps multiply numbers of 16 bits while it learns: twice as fast on processors that
        can.
    batch_size : int, default 64
        Pairs that are graded at once.
    device : str, default "auto"
    random_state : int, default 0

    Attributes
    ----------
    n_pairs_ : int
        It learned from, each as often as there were epochs.
    n_epochs_ : int
        Asked for, as many as fit into the minutes.
    judged_ : list of float
        After each epoch: share of the validation pairs' differences that are in the right order.
    network, tokenizer
        For export.

    References
    ----------
    Nogueira and Cho, "Passage re-ranking with BERT", 2019; Burges et al., "Learning to rank using gradient
    descent", 2005, for the order.
    """

    learned_values: ClassVar[tuple[str, ...]] = ("n_pairs_", "n_epochs_", "judged_")

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        n_frozen_layers: int = 0,
        order_weight: float = 1.0,
        max_length: int = 48,
        max_epochs: int = 3,
        train_batch_size: int = 16,
        learning_rate: float = 1e-4,
        patience: int = 1,
        max_minutes: float | None = None,
        is_narrow: bool = True,
        batch_size: int = 64,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.model = model
        self.n_frozen_layers = n_frozen_layers
        self.order_weight = order_weight
        self.max_length = max_length
        self.max_epochs = max_epochs
        self.train_batch_size = train_batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.max_minutes = max_minutes
        self.is_narrow = is_narrow
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state

    def fit(
        self,
        queries: Sequence[str],
        texts: Sequence[str],
        judgements: Judgements,
        *,
        valid: Judgements | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint_folder: str | Path | None = None,
    ) -> Self:
        """Learn from judged pairs.

        Parameters
        ----------
        queries : sequence of n_queries str
            With their spelling corrected, where that is done when the encoder is asked.
        texts : sequence of n_texts str
        judgements : Judgements
            Of pairs of `queries` and `texts`.
        valid : Judgements, optional
            Of other queries, to stop early on.
        callbacks : sequence of Callback, default ()
        checkpoint_folder : path, optional
            Private to this training; with it, a training that was killed goes on where it was.

        Returns
        -------
        CrossEncoder
            Itself.

        Raises
        ------
        InvalidDataError
            If nothing was judged, or judgements are of queries or texts that are not there.
        MissingEncoderError
            If the transformer cannot be loaded.
        TrainingCancelledError
            If a callback asks for it.
        """
        _check(queries, texts, judgements, valid)
        with seeded(self.random_state):
            self._build(find_model(self.model), n_frozen=self.n_frozen_layers)
            task = OrderTask(self.network, order_weight=self.order_weight, is_narrow=self.is_narrow)
            pairs = self._tokenise(*_pairs(queries, texts, judgements))
            rows = JudgedQueries(pairs, judgements.rows, judgements.grades)
            n_epochs = self._keep_in_time(task, rows)
            found = train(
                task, rows, self._plan(n_epochs),
                judge=None if valid is None else lambda _task: {METRIC: self._order(queries, texts, valid)},
                metric=METRIC, checkpoint_folder=checkpoint_folder,
                fingerprint={
                    "hyperparameters": self.get_params(), "n_pairs": rows.n_pairs, "n_epochs": n_epochs,
                },
                callbacks=callbacks,
            )  # fmt: skip
        self.network.eval()
        self.n_pairs_, self.n_epochs_ = rows.n_pairs, n_epochs
        self.judged_ = list(found.judgements.values())
        return self

    def _keep_in_time(self, task: OrderTask, rows: JudgedQueries) -> int:
        """Return how many epochs fit; where not even one does, only some of the queries are kept."""
        if self.max_minutes is None:
            return self.max_epochs
        share = 60 * self.max_minutes / max(self._seconds_of_epoch(task, rows), 1e-9)
        if share < 1:
            rows.keep(max(int(share * len(rows)), 1), np.random.default_rng(self.random_state))
        return min(max(int(share), 1), self.max_epochs)

    def _seconds_of_epoch(self, task: OrderTask, rows: JudgedQueries) -> float:
        """Time steps that change nothing; the first of them warms up."""
        drawn = np.random.default_rng(self.random_state).permutation(len(rows))
        device, size = next(self.network.parameters()).device, self.train_batch_size
        seconds = []
        task.train()
        for start in range(0, min((TIMED_STEPS + 1) * size, len(rows)), size):
            began = time.perf_counter()
            batch = rows.__getitems__(drawn[start : start + size].tolist())
            task(**{name: tensor.to(device) for name, tensor in batch.items()})["loss"].backward()
            seconds.append(time.perf_counter() - began)
        task.zero_grad(set_to_none=True)
        return float(np.mean(seconds[1:] or seconds)) * len(rows) / size

    def _plan(self, n_epochs: int) -> TrainingPlan:
        return TrainingPlan(
            max_epochs=n_epochs,
            batch_size=self.train_batch_size,
            learning_rate=self.learning_rate,
            warmup=0.1,
            weight_decay=0.01,
            patience=self.patience,
            random_state=self.random_state,
            device=self.device,
        )

    def _build(self, source: str, *, n_frozen: int | None = None) -> None:
        """Load the transformer; layers above the frozen ones get weights of their own."""
        base = load_base(source, find_device(self.device))
        self.tokenizer = base.tokenizer
        backbone = share(base.backbone)
        if n_frozen is not None:
            for layer in find_layers(backbone)[n_frozen:]:
                make_own(layer)
        self.network = PairNetwork(backbone).to(find_device(self.device)).eval()

    def _tokenise(self, queries: Sequence[str], texts: Sequence[str]) -> TokenisedPairs:
        return TokenisedPairs(self.tokenizer, queries, texts, self.max_length)

    def _order(self, queries: Sequence[str], texts: Sequence[str], valid: Judgements) -> float:
        scores = self._scores(*_pairs(queries, texts, valid))
        return order_share(valid, scores)

    def predict(self, queries: Sequence[str], texts: Sequence[str]) -> NDArray[np.float32]:
        """Grade pairs.

        Parameters
        ----------
        queries, texts : sequences of n_pairs str
            The first query with the first text, and so on.

        Returns
        -------
        float32 array of shape (n_pairs,)
            From 0, which is useless, to 1, which is perfect.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        InvalidDataError
            If an entry is not a text, or there is not one text for each query.
        """
        self.check_is_fitted()
        check_texts(queries)
        check_texts(texts)
        if len(queries) != len(texts):
            raise InvalidDataError(f"{len(queries)} queries and {len(texts)} texts are no pairs.")
        return (1 / (1 + np.exp(-self._scores(queries, texts)))).astype(np.float32)

    def _scores(self, queries: Sequence[str], texts: Sequence[str]) -> NDArray[np.float32]:
        device = next(self.network.parameters()).device
        pairs = self._tokenise(queries, texts)
        # Pairs of like length share a batch, so that little is spent on padding.
        order = np.argsort(pairs.lengths, kind="stable")
        scores = np.empty(len(order), dtype=np.float32)
        was_training = self.network.training
        self.network.eval()
        with torch.no_grad():
            for start in range(0, len(order), self.batch_size):
                places = order[start : start + self.batch_size]
                batch = {name: tensor.to(device) for name, tensor in pairs.batch(places).items()}
                scores[places] = self.network(**batch).float().cpu().numpy()
        self.network.train(was_training)
        return scores

    def _save_parts(self, folder: Path) -> None:
        network = self.network
        save_headed(folder, backbone=network.backbone, tokenizer=self.tokenizer, head=network.compare)

    def _load_parts(self, folder: Path) -> None:
        self._build(str(folder / BACKBONE_FOLDER))
        load_head(folder, self.network.compare)


def order_share(judgements: Judgements, scores: NDArray[np.float32]) -> float:
    """Return which share of the differences between grades of one query have the right sign.

    Parameters
    ----------
    judgements : Judgements
    scores : float array of shape (n,)
        Of the same pairs.

    Returns
    -------
    float in [0, 1]
        Differences count by their size; equal scores are half right, as is everything where no two
        grades of a query differ.
    """
    right = total = 0.0
    order = np.argsort(judgements.rows, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(judgements.rows[order])) + 1):
        grades, found = judgements.grades[members], scores[members]
        better = np.maximum(grades[:, None] - grades, 0)
        right += float((better * (0.5 + 0.5 * np.sign(found[:, None] - found))).sum())
        total += float(better.sum())
    return right / total if total else 0.5


def _check(
    queries: Sequence[str], texts: Sequence[str], judgements: Judgements, valid: Judgements | None
) -> None:
    check_texts(queries)
    check_texts(texts)
    for known in (judgements, valid):
        if known is not None:
            check_judgements(known, len(queries), len(texts))
    if len(judgements.rows) == 0:
        raise InvalidDataError("There is no judged pair of a query and a text to learn from.")


def _pairs(
    queries: Sequence[str], texts: Sequence[str], judgements: Judgements
) -> tuple[list[str], list[str]]:
    return [queries[row] for row in judgements.rows], [texts[item] for item in judgements.items]


def _start_of_text(parts: Sequence[int | None]) -> int:
    return parts.index(1) if 1 in parts else len(parts)
