"""Where a text names an order, a person or a place: tokens labelled by a fine-tuned transformer."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ecomai.inference.spans import Span, join_labels, labels_of
from ecomai.learning.base import Estimator
from ecomai.learning.callbacks import Callback
from ecomai.learning.devices import find_device, narrow_maths, seeded
from ecomai.learning.encoders.base import check_texts
from ecomai.learning.encoders.bases import load_base, make_own, share
from ecomai.learning.encoders.headed import load_head, save_headed
from ecomai.learning.encoders.pretrained import BACKBONE_FOLDER, DEFAULT_MODEL, find_model
from ecomai.learning.encoders.tasks import IGNORED
from ecomai.learning.encoders.tokens import TokenisedTexts
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.trainer import TrainingPlan, train

from .entity_values import new_value, replaced

DROPOUT = 0.1


class TaggerNetwork(nn.Module):
    """A transformer with a linear map from each token's vector to its label."""

    def __init__(self, backbone: nn.Module, n_labels: int) -> None:
        super().__init__()
        config: Any = backbone.config
        self.backbone = backbone
        self.head = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(int(config.hidden_size), n_labels))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:  # (B, T), (B, T) -> (B, T, L)
        """Return scores of labels for each token: ids and mask (B, T) to (B, T, L)."""
        tokens = self.backbone(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        scores: Tensor = self.head(tokens)
        return scores


class TaggerTask(nn.Module):
    """Learns the label of each token."""

    def __init__(self, network: TaggerNetwork, is_narrow: bool) -> None:
        super().__init__()
        self.network = network
        self.is_narrow = is_narrow

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Return the `loss` in nats, and its `weight`, the labelled tokens: all (B, T)."""
        with narrow_maths(labels.device, is_wanted=self.is_narrow):
            scores = self.network(input_ids, attention_mask)  # (B, T, L)
        loss = nn.functional.cross_entropy(
            scores.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORED
        )
        return {"loss": loss, "weight": (labels != IGNORED).sum()}


class EntityTagger(Estimator):
    """Fine-tune a transformer to find what texts name, with values that it has never seen.

    While it learns, values are replaced by others of their kind, anew in each pass: it learns where a value
    stands and what it looks like, and none by heart.

    Parameters
    ----------
    model : str, default "all-MiniLM-L6-v2"
        As in `PretrainedTextEncoder`.
    swap_share : float in [0, 1], default 0.9
        Of the values that are replaced; with 1, no value of the texts is ever seen.
    max_length : int, default 64
        Tokens of a text that are read.
    max_epochs : int, default 3
    train_batch_size : int, default 32
    learning_rate : float, default 2e-4
    is_narrow : bool, default True
        As in `IntentClassifier`.
    batch_size : int, default 64
    device : str, default "auto"
    random_state : int, default 0

    Attributes
    ----------
    kinds_ : list of str
        Of what is named; sorted.
    network, tokenizer
        For export.

    References
    ----------
    Devlin et al., "BERT", 2019, for the labels of tokens; Dai and Adel, "An analysis of simple data
    augmentation for named entity recognition", 2020, for the replaced values.
    """

    learned_values: ClassVar[tuple[str, ...]] = ("kinds_",)

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        swap_share: float = 0.9,
        max_length: int = 64,
        max_epochs: int = 3,
        train_batch_size: int = 32,
        learning_rate: float = 2e-4,
        is_narrow: bool = True,
        batch_size: int = 64,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.model = model
        self.swap_share = swap_share
        self.max_length = max_length
        self.max_epochs = max_epochs
        self.train_batch_size = train_batch_size
        self.learning_rate = learning_rate
        self.is_narrow = is_narrow
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state

    def fit(
        self,
        texts: Sequence[str],
        spans: Sequence[Sequence[Span]],
        *,
        values: Mapping[str, Sequence[str]] | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint_folder: str | Path | None = None,
    ) -> Self:
        """Learn from texts whose named parts are known.

        Parameters
        ----------
        texts : sequence of n_texts str
        spans : sequence of n_texts sequences of Span
            In order, not overlapping; empty where a text names nothing.
        values : mapping of str to sequence of str, optional
            Other values of a kind, to put in place of those in the texts. Kinds that have none get other
            digits, where they have digits.
        callbacks : sequence of Callback, default ()
        checkpoint_folder : path, optional
            Private to this training; with it, one that was killed goes on where it was.

        Returns
        -------
        EntityTagger
            Itself.

        Raises
        ------
        InvalidDataError
            If sizes do not fit, a span lies outside of its text or overlaps, or no text names anything.
        MissingEncoderError
            If the transformer cannot be loaded.
        TrainingCancelledError
            If a callback asks for it.
        """
        check_spans(texts, spans)
        self.kinds_ = sorted({span.kind for row in spans for span in row})
        with seeded(self.random_state):
            self._build(find_model(self.model))
            make_own(self.network.backbone)
            rows = TaggedTexts(self, texts, spans, values or {})
            train(
                TaggerTask(self.network, self.is_narrow), rows, self._plan(), callbacks=callbacks,
                checkpoint_folder=checkpoint_folder,
                fingerprint={"hyperparameters": self.get_params(), "n_texts": len(texts)},
            )  # fmt: skip
        self.network.requires_grad_(False).eval()
        return self

    def predict(self, texts: Sequence[str]) -> list[list[Span]]:
        """Return what each text names.

        Parameters
        ----------
        texts : sequence of n_texts str

        Returns
        -------
        list of n_texts lists of Span

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        InvalidDataError
            If an entry is not a text.
        """
        self.check_is_fitted()
        check_texts(texts)
        found: list[list[Span]] = []
        for start in range(0, len(texts), self.batch_size):
            found += self._predict_some(list(texts[start : start + self.batch_size]))
        return found

    @property
    def labels(self) -> list[str]:
        return labels_of(self.kinds_)

    def tokenise(self, texts: Sequence[str]) -> Any:
        """Return ids, mask and the letters of each token, padded: (n_texts, n_tokens)."""
        return self.tokenizer(
            list(texts), padding=True, truncation=True, max_length=self.max_length,
            return_offsets_mapping=True, return_tensors="pt",
        )  # fmt: skip

    def _predict_some(self, texts: list[str]) -> list[list[Span]]:
        device = next(self.network.parameters()).device
        tokens = self.tokenise(texts)
        with torch.no_grad():
            scores = self.network(tokens["input_ids"].to(device), tokens["attention_mask"].to(device))
        places = scores.argmax(dim=-1).cpu().numpy()
        names = np.array(self.labels)[places].tolist()
        offsets = tokens["offset_mapping"].tolist()
        return [join_labels(text, at, labels) for text, at, labels in zip(texts, offsets, names, strict=True)]

    def _build(self, source: str) -> None:
        base = load_base(source, find_device(self.device))
        self.tokenizer = base.tokenizer
        network = TaggerNetwork(share(base.backbone), len(self.labels))
        self.network = network.to(find_device(self.device)).eval()

    def _plan(self) -> TrainingPlan:
        return TrainingPlan(
            max_epochs=self.max_epochs,
            batch_size=self.train_batch_size,
            learning_rate=self.learning_rate,
            warmup=0.1,
            weight_decay=0.01,
            random_state=self.random_state,
            device=self.device,
        )

    def _save_parts(self, folder: Path) -> None:
        network = self.network
        save_headed(folder, backbone=network.backbone, tokenizer=self.tokenizer, head=network.head)

    def _load_parts(self, folder: Path) -> None:
        self._build(str(folder / BACKBONE_FOLDER))
        load_head(folder, self.network.head)


class TaggedTexts:
    """Training rows: texts with values replaced by chance, and the labels of their tokens."""

    def __init__(
        self,
        tagger: EntityTagger,
        texts: Sequence[str],
        spans: Sequence[Sequence[Span]],
        values: Mapping[str, Sequence[str]],
    ) -> None:
        self.tagger = tagger
        self.texts = list(texts)
        self.spans = [list(row) for row in spans]
        self.values = values
        self.lengths = TokenisedTexts(tagger.tokenizer, self.texts, tagger.max_length).lengths
        self._places = {label: place for place, label in enumerate(tagger.labels)}
        self._rng = np.random.default_rng(tagger.random_state)

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, row: int) -> Mapping[str, Tensor]:
        return self.__getitems__([row])

    def __getitems__(self, rows: list[int]) -> Mapping[str, Tensor]:
        drawn = [replaced(self.texts[row], self.spans[row], self._draw) for row in rows]
        tokens = self.tagger.tokenise([text for text, _spans in drawn])
        offsets = tokens["offset_mapping"].numpy()
        labels = np.stack([self._label(at, spans) for at, (_text, spans) in zip(offsets, drawn, strict=True)])
        return {
            "input_ids": tokens["input_ids"],
            "attention_mask": tokens["attention_mask"],
            "labels": torch.from_numpy(labels),
        }

    def _draw(self, value: str, kind: str) -> str:
        if self._rng.random() >= self.tagger.swap_share:
            return value
        return new_value(value, self.values.get(kind, ()), self._rng)

    def _label(self, offsets: NDArray[np.int64], spans: Sequence[Span]) -> NDArray[np.int64]:
        labels = np.where(offsets[:, 1] > offsets[:, 0], 0, IGNORED)
        for span in spans:
            inside = np.flatnonzero((offsets[:, 0] < span.end) & (offsets[:, 1] > span.start) & (labels == 0))
            labels[inside] = self._places[f"I-{span.kind}"]
            labels[inside[:1]] = self._places[f"B-{span.kind}"]
        return labels


def check_spans(texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> None:
    """Raise InvalidDataError unless spans lie in their texts, in order, and there is one."""
    check_texts(texts)
    if len(texts) != len(spans):
        raise InvalidDataError(f"There must be a list of spans for each of {len(texts)} texts.")
    for text, row in zip(texts, spans, strict=True):
        end = 0
        for span in row:
            if not end <= span.start < span.end <= len(text):
                raise InvalidDataError("A span lies outside of its text, is empty, or overlaps another.")
            end = span.end
    if not any(len(row) for row in spans):
        raise InvalidDataError("No text names anything: there is nothing to learn.")
