"""A smaller encoder that answers as a larger one does: pruned, then taught by it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecomai.learning.callbacks import Callback
from ecomai.learning.devices import seeded
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.trainer import TrainingPlan, train

from .base import check_texts, says_something
from .bases import make_own, share
from .item_judge import ItemJudge
from .pretrained import DEFAULT_MODEL, PooledEncoder, PretrainedTextEncoder
from .pretraining import choose_texts
from .pruning import drop_layers, prune_feed_forward, prune_vocabulary
from .tasks import TextTask
from .tokens import TokenisedTexts
from .trade_offs import measure_trade_off

#: Texts by which feed-forward units are judged, and those kept back to judge the result by.
N_PRUNING_TEXTS, N_JUDGED_TEXTS = 256, 300


class CompactTextEncoder(PretrainedTextEncoder):
    """Distil an encoder into one with fewer layers, feed-forward units or words.

    Parameters
    ----------
    model : str, default "all-MiniLM-L6-v2"
        The teacher, where `fit` is given none.
    n_layers : int or None, default 3
        Layers that are kept; None keeps all. Time falls in proportion.
    feed_forward_share : float in (0, 1], default 1.0
        Feed-forward units that are kept.
    is_vocabulary_pruned : bool, default True
        Whether words that the texts do not need are dropped. Size falls, most of all that of a
        multilingual encoder; time does not.
    max_texts : int, default 20000
        To bound the time.
    max_epochs : int, default 3
    train_batch_size : int, default 64
    learning_rate : float, default 3e-4
    max_length, batch_size, device
        As in `PretrainedTextEncoder`.
    random_state : int, default 0

    Attributes
    ----------
    trade_offs_ : list of dict
        For the teacher and for this encoder `size_mb`, `texts_per_second` on at most 2 threads,
        `cosine` to the teacher on texts that were not trained on (where there are two), and the task's
        metrics where a judge was given.

    References
    ----------
    Sanh et al., "DistilBERT", 2019; Reimers and Gurevych, "Making monolingual sentence embeddings
    multilingual using knowledge distillation", 2020, for learning the teacher's vectors.
    """

    learned_values: ClassVar[tuple[str, ...]] = ("n_features_", "source_", "trade_offs_")

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        n_layers: int | None = 3,
        feed_forward_share: float = 1.0,
        is_vocabulary_pruned: bool = True,
        max_texts: int = 20_000,
        max_epochs: int = 3,
        train_batch_size: int = 64,
        learning_rate: float = 3e-4,
        max_length: int = 128,
        batch_size: int = 32,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        super().__init__(model, max_length, batch_size, device)
        self.n_layers = n_layers
        self.feed_forward_share = feed_forward_share
        self.is_vocabulary_pruned = is_vocabulary_pruned
        self.max_texts = max_texts
        self.max_epochs = max_epochs
        self.train_batch_size = train_batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state

    def fit(
        self,
        texts: Sequence[str] = (),
        *,
        teacher: PretrainedTextEncoder | None = None,
        judge: ItemJudge | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint_folder: str | Path | None = None,
    ) -> Self:
        """Prune the teacher's transformer, and teach the rest to answer as the teacher did.

        Parameters
        ----------
        texts : sequence of n_texts str
            Of the shop: catalogue, reviews, queries.
        teacher : PretrainedTextEncoder, optional
            Fitted, such as an `AdaptedTextEncoder`. Default: `model` as it was published.
        judge : ItemJudge, optional
            Of the same texts; its metrics join the trade-offs.
        callbacks : sequence of Callback, default ()
        checkpoint_folder : path, optional
            Private to this training.

        Returns
        -------
        CompactTextEncoder
            Itself.

        Raises
        ------
        InvalidDataError
            If no text says anything, or the transformer cannot be pruned as asked.
        """
        check_texts(texts)
        speaking = [text for text in dict.fromkeys(texts) if says_something(text)]
        if not speaking:
            raise InvalidDataError("No text has a letter or a digit to learn from.")
        teacher = teacher or PretrainedTextEncoder(self.model, self.max_length, device=self.device).fit()
        teacher.check_is_fitted()
        chosen = choose_texts(speaking, self.max_texts, np.random.default_rng(self.random_state))
        n_judged = min(N_JUDGED_TEXTS, len(chosen) // 2)
        judged, learned = chosen[:n_judged] or chosen, chosen[n_judged:]
        self.source_ = teacher.source_
        self.n_features_ = teacher.n_features_
        self.trade_offs_: list[dict[str, Any]] = []
        with seeded(self.random_state):
            self._prune(teacher, speaking, learned)
            if self._is_trained:
                self._learn(learned, teacher.encode(learned), callbacks, checkpoint_folder)
        self.network.requires_grad_(False).eval()
        self.to_device()
        answers = teacher.encode(judged)
        self.trade_offs_ = [
            {"encoder": name, **measure_trade_off(encoder, judged, answers, judge=judge, catalogue=texts)}
            for name, encoder in (("teacher", teacher), ("student", self))
        ]
        return self

    @property
    def _is_trained(self) -> bool:
        return self.n_layers is not None or self.feed_forward_share < 1

    def _prune(self, teacher: PretrainedTextEncoder, speaking: list[str], learned: list[str]) -> None:
        backbone: Any = share(_plain_backbone(teacher))
        make_own(backbone)
        self.tokenizer = teacher.tokenizer
        if self.is_vocabulary_pruned:
            cut = [text[: 32 * self.max_length] for text in speaking]
            self.tokenizer = prune_vocabulary(backbone, teacher.tokenizer, cut)
        if self.n_layers is not None:
            drop_layers(backbone, self.n_layers)
        self.network = PooledEncoder(backbone).eval()
        self.to_device()
        if self.feed_forward_share < 1:
            sample = learned[:N_PRUNING_TEXTS]
            batches = [self.tokenize(sample[start : start + 32]) for start in range(0, len(sample), 32)]
            prune_feed_forward(backbone, self.feed_forward_share, batches)

    def _learn(
        self,
        texts: list[str],
        answers: NDArray[np.float32],
        callbacks: Sequence[Callback],
        checkpoint_folder: str | Path | None,
    ) -> None:
        rows = _Answers(TokenisedTexts(self.tokenizer, texts, self.max_length), answers)
        plan = TrainingPlan(
            max_epochs=self.max_epochs,
            batch_size=self.train_batch_size,
            learning_rate=self.learning_rate,
            warmup=0.1,
            weight_decay=0.01,
            random_state=self.random_state,
            device=self.device,
        )
        train(
            DistillationTask(self.network), rows, plan, checkpoint_folder=checkpoint_folder,
            fingerprint={"hyperparameters": self.get_params(), "answers": float(answers.sum())},
            callbacks=callbacks,
        )  # fmt: skip


class DistillationTask(TextTask):
    """Give the vectors that the teacher gave: mean squared distance on the unit sphere."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor, answers: Tensor) -> dict[str, Tensor]:
        """Return as `loss` the mean squared distance of B vectors to `answers` (B, D), the teacher's."""
        vectors = self.network(input_ids, attention_mask)  # (B, D)
        return {"loss": (vectors - answers).square().sum(-1).mean()}


class _Answers:
    """Training rows: texts with the teacher's vectors, which are made once."""

    def __init__(self, texts: TokenisedTexts, answers: NDArray[np.float32]) -> None:
        self.texts = texts
        self.answers = answers
        self.lengths = texts.lengths

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, row: int) -> dict[str, Tensor]:
        return self.__getitems__([row])

    def __getitems__(self, rows: list[int]) -> dict[str, Tensor]:
        input_ids, attention_mask = self.texts.batch(rows)
        answers = torch.from_numpy(self.answers[rows])
        return {"input_ids": input_ids, "attention_mask": attention_mask, "answers": answers}


def _plain_backbone(teacher: PretrainedTextEncoder) -> Any:
    """Return the teacher's transformer; that which it stands on where it has adapters beside it."""
    backbone = teacher.network.backbone
    base = getattr(teacher, "_base", None)  # a compact encoder, just fitted, stands on itself
    if base is None or backbone.state_dict().keys() == base.backbone.state_dict().keys():
        return backbone
    return base.backbone
