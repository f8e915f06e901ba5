"""How an encoder learns to tell intents apart: pairs of texts that want the same, or a map to the classes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ecomai.learning.devices import narrow_maths
from ecomai.learning.encoders.pretrained import PooledEncoder
from ecomai.learning.encoders.tasks import TextTask
from ecomai.learning.encoders.tokens import TokenisedTexts
from ecomai.learning.encoders.typos import with_typos

CONTRASTIVE, CROSS_ENTROPY = "contrastive", "cross_entropy"
#: Of the words of a text that is mistyped on purpose.
TYPO_SHARE = 0.25


class IntentTask(TextTask):
    """Bring texts of one class together and others apart.

    With `contrastive`, each text looks for all texts of its class among those of the batch; with
    `cross_entropy`, for the direction of its class.

    Parameters
    ----------
    network : PooledEncoder
    n_classes : int
    objective : {"contrastive", "cross_entropy"}
    temperature : float
        What cosines are divided by.
    is_narrow : bool
        Whether linear maps multiply numbers of 16 bits.

    References
    ----------
    Khosla et al., "Supervised contrastive learning", 2020; Tunstall et al., "Efficient few-shot learning
    without prompts" (SetFit), 2022.
    """

    def __init__(
        self, network: PooledEncoder, n_classes: int, objective: str, temperature: float, is_narrow: bool
    ) -> None:
        super().__init__(network)
        self.temperature = temperature
        self.is_narrow = is_narrow
        self.directions = None
        if objective == CROSS_ENTROPY:
            config: Any = network.backbone.config
            self.directions = nn.Parameter(0.02 * torch.randn(n_classes, int(config.hidden_size)))

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Return the `loss` of N texts in nats: ids and mask (N, T), labels (N,)."""
        with narrow_maths(labels.device, is_wanted=self.is_narrow):
            vectors = self.network(input_ids, attention_mask).float()  # (N, D)
        if self.directions is None:
            return {"loss": same_class_loss(vectors, labels, self.temperature)}
        scores = vectors @ nn.functional.normalize(self.directions, dim=-1).T / self.temperature  # (N, C)
        return {"loss": nn.functional.cross_entropy(scores.float(), labels)}


def same_class_loss(vectors: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Return how badly texts find those of their own class among all others.

    Parameters
    ----------
    vectors : tensor of shape (N, D)
        Of length 1.
    labels : int64 tensor of shape (N,)
    temperature : float

    Returns
    -------
    tensor of shape ()
        In nats; 0 where no two texts have a class in common.
    """
    own = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    scores = (vectors @ vectors.T).float().masked_fill(own, -torch.inf) / temperature  # (N, N)
    losses = torch.logsumexp(scores, dim=1, keepdim=True) - scores  # (N, N)
    is_same = (labels[:, None] == labels[None, :]) & ~own
    shares = is_same / is_same.sum(1, keepdim=True).clamp_min(1)
    has_one = is_same.any(1).sum().clamp_min(1)
    return (losses.masked_fill(~is_same, 0) * shares).sum() / has_one


class IntentTexts:
    """Training rows: each text with a partner of its class, some of them mistyped.

    Parameters
    ----------
    tokenizer
        Of the Hugging Face kind.
    texts : sequence of n_texts str
    labels : int64 array of shape (n_texts,)
    max_length : int
    has_partners : bool
        Whether another text of the class stands beside each.
    typos : float in [0, 1]
        Share of the texts that are mistyped, anew each time.
    random_state : int
    """

    def __init__(
        self,
        tokenizer: Any,
        texts: Sequence[str],
        labels: NDArray[np.int64],
        *,
        max_length: int,
        has_partners: bool,
        typos: float,
        random_state: int,
    ) -> None:
        self.tokenizer = tokenizer
        self.texts = list(texts)
        self.labels = labels
        self.max_length = max_length
        self.has_partners = has_partners
        self.typos = typos
        self.lengths = TokenisedTexts(tokenizer, self.texts, max_length).lengths
        self._mates = [np.flatnonzero(labels == each) for each in range(int(labels.max(initial=0)) + 1)]
        self._rng = np.random.default_rng(random_state)

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, row: int) -> Mapping[str, Tensor]:
        return self.__getitems__([row])

    def __getitems__(self, rows: list[int]) -> Mapping[str, Tensor]:
        taken = [*rows, *(self._partner(row) for row in rows)] if self.has_partners else rows
        typed = [self._typed(self.texts[row]) for row in taken]
        found = self.tokenizer(
            typed, padding=True, truncation=True, max_length=self.max_length, return_tensors="pt"
        )
        return {
            "input_ids": found["input_ids"],
            "attention_mask": found["attention_mask"],
            "labels": torch.from_numpy(self.labels[taken]),
        }

    def _partner(self, row: int) -> int:
        mates = self._mates[self.labels[row]]
        return int(mates[self._rng.integers(len(mates))])

    def _typed(self, text: str) -> str:
        return with_typos(text, self._rng, TYPO_SHARE) if self._rng.random() < self.typos else text
