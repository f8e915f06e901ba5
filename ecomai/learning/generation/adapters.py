"""Low-rank adapters beside a language model's weights: how a shop words things, in a few megabytes."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from peft import LoraConfig, TaskType, get_peft_model
from torch import Tensor, nn

from ecomai.learning.callbacks import Callback
from ecomai.learning.devices import seeded
from ecomai.learning.exceptions import InvalidDataError, NotFittedError
from ecomai.learning.trainer import TrainingPlan, train

from .language_model import LanguageModel

IGNORED = -100  # what transformers leaves out of a loss


class AnswerAdapter:
    """Learns how answers are worded, by LoRA; the model itself stays as it is.

    Parameters
    ----------
    rank : int, default 8
        Of the adapters; the more, the more they can hold.
    max_epochs : int, default 3
    batch_size : int, default 8
        Answers of a step.
    learning_rate : float, default 5e-4
    max_length : int, default 1024
        Tokens of question and answer; of what is longer the beginning of the question is left out.
    random_state : int, default 0

    Attributes
    ----------
    network_ : peft.PeftModel
        The model with its adapters.
    n_weights_ : int
        How many weights were learned.
    """

    def __init__(
        self, *, rank: int = 8, max_epochs: int = 3, batch_size: int = 8, learning_rate: float = 5e-4,
        max_length: int = 1024, random_state: int = 0,
    ) -> None:  # fmt: skip
        self.rank = rank
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.max_length = max_length
        self.random_state = random_state

    def fit(
        self, model: LanguageModel, questions: Sequence[str], answers: Sequence[str], *,
        callbacks: Sequence[Callback] = (), device: str = "auto",
    ) -> Self:  # fmt: skip
        """Learn from prompts with their answers.

        Parameters
        ----------
        model : LanguageModel
            Its weights are frozen; afterwards it writes with the adapters.
        questions : sequence of str of length n_answers
            Whole prompts, as the model will be given them.
        answers : sequence of str of length n_answers
        callbacks : sequence of Callback, default ()
        device : str, default "auto"

        Returns
        -------
        AnswerAdapter

        Raises
        ------
        InvalidDataError
            If there is nothing to learn from.
        """
        if not answers or len(questions) != len(answers):
            raise InvalidDataError("An adapter needs as many questions as answers, and at least one.")
        is_seq2seq = bool(model.model.config.is_encoder_decoder)
        # Adapters that drop nothing out: few answers are learned better so, and the same twice.
        config = LoraConfig(
            r=self.rank, lora_alpha=2 * self.rank, target_modules="all-linear",
            task_type=TaskType.SEQ_2_SEQ_LM if is_seq2seq else TaskType.CAUSAL_LM,
        )  # fmt: skip
        with seeded(self.random_state):
            self.network_ = get_peft_model(model.model, config)
        self.n_weights_ = sum(each.numel() for each in self.network_.parameters() if each.requires_grad)
        rows = Answers(model, questions, answers, max_length=self.max_length)
        plan = TrainingPlan(
            max_epochs=self.max_epochs, batch_size=self.batch_size, learning_rate=self.learning_rate,
            random_state=self.random_state, device=device,
        )  # fmt: skip
        train(_Wording(self.network_), rows, plan, callbacks=callbacks)
        model.model = self.network_.eval()
        return self

    def save(self, folder: str | Path) -> Path:
        """Write the adapters as safetensors and JSON.

        Parameters
        ----------
        folder : path

        Returns
        -------
        Path

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        """
        if not hasattr(self, "network_"):
            raise NotFittedError("There are no adapters to save; call fit first.")
        folder = Path(folder)
        self.network_.save_pretrained(str(folder), safe_serialization=True)
        (folder / "README.md").unlink(missing_ok=True)  # peft's own; the version's card says more
        return folder


def perplexity(
    model: LanguageModel, questions: Sequence[str], answers: Sequence[str], *, max_length: int = 1024
) -> float:
    """Return how much answers surprise a model: 1 not at all, its vocabulary's size like chance.

    Parameters
    ----------
    model : LanguageModel
    questions, answers : sequence of str of length n_answers
    max_length : int, default 1024

    Returns
    -------
    float in [1, inf)
        Over all tokens of all answers.
    """
    rows = Answers(model, questions, answers, max_length=max_length)
    network = _Wording(model.model.eval())
    loss, n_tokens = 0.0, 0.0
    with torch.inference_mode():
        for row in range(len(rows)):
            batch = {name: each.to(model.model.device) for name, each in rows.__getitems__([row]).items()}
            found = network(**batch)
            loss += float(found["loss"]) * float(found["weight"])
            n_tokens += float(found["weight"])
    return math.exp(min(loss / max(n_tokens, 1.0), 700.0))


class Answers:
    """Prompts and answers as the tokens of one model; a `BatchDataset`.

    Parameters
    ----------
    model : LanguageModel
    questions, answers : sequence of str of length n_answers
    max_length : int
    """

    def __init__(
        self, model: LanguageModel, questions: Sequence[str], answers: Sequence[str], *, max_length: int
    ) -> None:
        tokenizer, self.pad = model.tokenizer, model.pad_token_id
        positions = getattr(model.model.config, "max_position_embeddings", None)
        longest = min(max_length, int(positions)) if positions else max_length
        is_seq2seq = bool(model.model.config.is_encoder_decoder)
        end = [] if tokenizer.eos_token_id is None else [int(tokenizer.eos_token_id)]
        self.rows: list[tuple[list[int], list[int]]] = []
        for question, answer in zip(questions, answers, strict=True):
            asked = list(tokenizer(question)["input_ids"])
            said = [*tokenizer(answer, add_special_tokens=False)["input_ids"], *end][: longest // 2]
            if is_seq2seq:
                self.rows.append((asked[-longest:], said))
            else:
                asked = asked[-(longest - len(said)) :]
                self.rows.append(([*asked, *said], [IGNORED] * len(asked) + said))
        self.lengths: NDArray[np.int64] = np.array([len(ids) for ids, _labels in self.rows], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitems__(self, rows: list[int]) -> Mapping[str, Tensor]:
        """Return a batch, padded behind.

        Parameters
        ----------
        rows : list of int

        Returns
        -------
        mapping of str to tensor
        """
        chosen = [self.rows[row] for row in rows]
        ids = [torch.tensor(row) for row, _labels in chosen]
        labels = [torch.tensor(row) for _ids, row in chosen]
        pad = nn.utils.rnn.pad_sequence
        ones = [torch.ones_like(row) for row in ids]
        return {
            "input_ids": pad(ids, batch_first=True, padding_value=self.pad),  # (B, T)
            "attention_mask": pad(ones, batch_first=True),
            "labels": pad(labels, batch_first=True, padding_value=IGNORED),  # (B, T), or the answer's length
        }


class _Wording(nn.Module):
    """The mean loss of a batch over the tokens of its answers, and how many they are."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Return the `loss` in nats, and its `weight`, the labelled tokens: all (B, T)."""
        logits = self.network(input_ids=input_ids, attention_mask=attention_mask, labels=labels).logits
        if not self.network.config.is_encoder_decoder:
            logits, labels = logits[:, :-1], labels[:, 1:]  # each token tells the next
        weight = (labels != IGNORED).sum()
        loss = nn.functional.cross_entropy(
            logits.flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORED, reduction="sum"
        )
        return {"loss": loss / weight.clamp(min=1), "weight": weight}
