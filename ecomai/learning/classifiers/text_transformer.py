"""Texts judged by a pretrained transformer that is fine-tuned for it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from ecomai.learning.callbacks import Callback
from ecomai.learning.devices import find_device, narrow_maths, seeded
from ecomai.learning.encoders.base import check_texts
from ecomai.learning.encoders.bases import load_base, make_own, share
from ecomai.learning.encoders.headed import load_head, save_headed
from ecomai.learning.encoders.pretrained import BACKBONE_FOLDER, DEFAULT_MODEL, find_model
from ecomai.learning.encoders.tokens import TokenisedTexts, mean_of_tokens
from ecomai.learning.metrics.classification import roc_auc
from ecomai.learning.trainer import TrainingPlan, train

from .text_base import TextClassifier, check_labelled

METRIC = "roc_auc"
LABEL, GRADE = 0, 1  # columns
N_COLUMNS = 2
DROPOUT = 0.1

Valid = tuple[Sequence[str], ArrayLike]


class JudgeNetwork(nn.Module):
    """A transformer whose token vectors are averaged; a linear map says class and grade."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        config: Any = backbone.config
        self.backbone = backbone
        self.head = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(int(config.hidden_size), N_COLUMNS))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:  # (B, T), (B, T) -> (B, 2)
        """Return the log odds of class 1, and those of a grade of 1: ids and mask (B, T) to (B, 2)."""
        tokens = self.backbone(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        scores: Tensor = self.head(mean_of_tokens(tokens, attention_mask))
        return scores


class JudgeTask(nn.Module):
    """Learns the class of each text, and its grade beside it."""

    def __init__(self, network: JudgeNetwork, *, grade_weight: float, is_narrow: bool) -> None:
        super().__init__()
        self.network = network
        self.grade_weight = grade_weight
        self.is_narrow = is_narrow

    def forward(self, labels: Tensor, grades: Tensor, **tokens: Tensor) -> dict[str, Tensor]:
        """Return the `loss` of B texts in nats: `labels` are 0 or 1, `grades` from 0 to 1, both (B,)."""
        with narrow_maths(labels.device, is_wanted=self.is_narrow):
            scores = self.network(**tokens)
        targets = torch.stack([labels, grades], dim=1)  # (B, 2)
        losses = nn.functional.binary_cross_entropy_with_logits(scores.float(), targets, reduction="none")
        label, grade = losses.mean(0)
        return {"loss": label + self.grade_weight * grade}


class LabelledTexts:
    """Training rows: texts as tokens, with labels and grades."""

    def __init__(
        self, tokens: TokenisedTexts, labels: NDArray[np.int64], grades: NDArray[np.float64]
    ) -> None:
        self.tokens = tokens
        self.lengths = tokens.lengths
        self.labels = torch.from_numpy(labels.astype(np.float32))
        self.grades = torch.from_numpy(grades.astype(np.float32))

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, row: int) -> Mapping[str, Tensor]:
        return self.__getitems__([row])

    def __getitems__(self, rows: list[int]) -> Mapping[str, Tensor]:
        ids, mask = self.tokens.batch(rows)
        return {
            "input_ids": ids,
            "attention_mask": mask,
            "labels": self.labels[rows],
            "grades": self.grades[rows],
        }


class TransformerTextClassifier(TextClassifier):
    """Fine-tune a whole pretrained transformer to tell two classes of texts apart.

    Parameters
    ----------
    model : str, default "all-MiniLM-L6-v2"
        A folder or a Hugging Face id, as in `PretrainedTextEncoder`.
    max_length : int, default 160
        Tokens of a text that are read.
    max_epochs : int, default 2
    train_batch_size : int, default 32
    learning_rate : float, default 1e-4
    grade_weight : float, default 1.0
        Of the grades' loss, beside the one of the labels; without grades there is none.
    patience : int, default 1
        Epochs without a better area under the curve of the validation texts after which training stops.
    is_narrow : bool, default True
        Whether linear maps multiply numbers of 16 bits while it learns: twice as fast on processors that
        can.
    batch_size : int, default 64
        Texts that are judged at once.
    device : str, default "auto"
    random_state : int, default 0

    Attributes
    ----------
    n_texts_ : int
        It learned from.
    has_grades_ : bool
    judged_ : list of float
        After each epoch: area under the ROC curve of the validation texts.
    network, tokenizer
        For export.

    References
    ----------
    Devlin et al., "BERT: pre-training of deep bidirectional transformers for language understanding", 2019;
    Caruana, "Multitask learning", 1997, for the grades.
    """

    learned_values: ClassVar[tuple[str, ...]] = ("n_texts_", "has_grades_", "judged_")

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        max_length: int = 160,
        max_epochs: int = 2,
        train_batch_size: int = 32,
        learning_rate: float = 1e-4,
        grade_weight: float = 1.0,
        patience: int = 1,
        is_narrow: bool = True,
        batch_size: int = 64,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.model = model
        self.max_length = max_length
        self.max_epochs = max_epochs
        self.train_batch_size = train_batch_size
        self.learning_rate = learning_rate
        self.grade_weight = grade_weight
        self.patience = patience
        self.is_narrow = is_narrow
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state

    def fit(
        self,
        texts: Sequence[str],
        y: ArrayLike,
        *,
        grades: ArrayLike | None = None,
        valid: Valid | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint_folder: str | Path | None = None,
    ) -> Self:
        """Fine-tune; see `TextClassifier.fit`.

        Parameters
        ----------
        valid : (sequence of str, array-like), optional
            Other texts with their labels, to keep the best epoch by.
        callbacks : sequence of Callback, default ()
        checkpoint_folder : path, optional
            Private to this training; with it, a training that was killed goes on where it was.

        Raises
        ------
        MissingEncoderError
            If the transformer cannot be loaded.
        TrainingCancelledError
            If a callback asks for it.
        """
        labels, known = check_labelled(texts, y, grades)
        self.n_texts_, self.has_grades_ = len(texts), known is not None
        with seeded(self.random_state):
            self._build(find_model(self.model))
            make_own(self.network.backbone)
            weight = self.grade_weight if self.has_grades_ else 0.0
            rows = LabelledTexts(
                self._tokenise(texts), labels, known if known is not None else np.zeros(len(texts))
            )
            found = train(
                JudgeTask(self.network, grade_weight=weight, is_narrow=self.is_narrow), rows, self._plan(),
                judge=None if valid is None else lambda _task: {METRIC: self._judge(*valid)},
                metric=METRIC, checkpoint_folder=checkpoint_folder,
                fingerprint={"hyperparameters": self.get_params(), "n_texts": len(texts)},
                callbacks=callbacks,
            )  # fmt: skip
        self.network.eval()
        self.judged_ = list(found.judgements.values())
        return self

    def columns(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Read the texts; see `TextClassifier.columns`."""
        self.check_is_fitted()
        check_texts(texts)
        scores = self._read(texts)
        return scores if self.has_grades_ else scores[:, :GRADE]

    def _judge(self, texts: Sequence[str], y: ArrayLike) -> float:
        return roc_auc(y, self._read(texts)[:, LABEL])

    def _plan(self) -> TrainingPlan:
        return TrainingPlan(
            max_epochs=self.max_epochs,
            batch_size=self.train_batch_size,
            learning_rate=self.learning_rate,
            warmup=0.1,
            weight_decay=0.01,
            patience=self.patience,
            random_state=self.random_state,
            device=self.device,
        )

    def _build(self, source: str) -> None:
        base = load_base(source, find_device(self.device))
        self.tokenizer = base.tokenizer
        self.network = JudgeNetwork(share(base.backbone)).to(find_device(self.device)).eval()

    def _tokenise(self, texts: Sequence[str]) -> TokenisedTexts:
        return TokenisedTexts(self.tokenizer, texts, self.max_length)

    def _read(self, texts: Sequence[str]) -> NDArray[np.float64]:  # (n_texts, 2)
        device = next(self.network.parameters()).device
        tokens = self._tokenise(texts)
        # Texts of like length share a batch, so that little is spent on padding.
        order = np.argsort(tokens.lengths, kind="stable")
        scores = np.empty((len(order), N_COLUMNS))
        was_training = self.network.training
        self.network.eval()
        with torch.no_grad():
            for start in range(0, len(order), self.batch_size):
                places = order[start : start + self.batch_size]
                batch = (tensor.to(device) for tensor in tokens.batch(places))
                scores[places] = self.network(*batch).float().cpu().numpy()
        self.network.train(was_training)
        return scores

    def _save_parts(self, folder: Path) -> None:
        network = self.network
        save_headed(folder, backbone=network.backbone, tokenizer=self.tokenizer, head=network.head)

    def _load_parts(self, folder: Path) -> None:
        self._build(str(folder / BACKBONE_FOLDER))
        load_head(folder, self.network.head)
