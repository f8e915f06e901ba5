"""The network of joint responses: shared contents and history, experts with a gate for each task.

Letters of shapes: `B` batch, `U` contents of a batch, `T` text features, `D` width, `C` categories,
`F` numbers, `L` steps of a history, `K` experts, `N` next items.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

TASKS = ("click", "conversion")
INPUTS = ("categories", "numbers", "items", "texts", "histories", "is_known")
LEAST_CHANCE = 1e-7
TEMPERATURE = 0.1  # of the likeness of a history and the next item
MEMORY_STD = 0.01  # an item that was never seen hardly differs from what its text says


@dataclass(frozen=True)
class JointConfig:
    """Sizes of the network."""

    n_categories: int
    n_numbers: int
    n_text: int
    n_steps: int
    n_buckets: int
    dim: int
    n_experts: int
    dropout: float


class ContentEncoder(nn.Module):
    """A vector for an item or a text: what its frozen vector says, and what is remembered of its key."""

    def __init__(self, config: JointConfig) -> None:
        super().__init__()
        self.project = nn.Linear(config.n_text, config.dim)
        self.memory = nn.Embedding(config.n_buckets, config.dim, padding_idx=0)
        nn.init.normal_(self.memory.weight, std=MEMORY_STD)

    def forward(self, vectors: Tensor, keys: Tensor) -> Tensor:  # (U, T), (U,) -> (U, D)
        """Encode contents by their frozen vectors and the buckets of their keys."""
        return self.project(vectors) + self.memory(keys)


class HistoryEncoder(nn.Module):
    """What a customer looks for: the mean of the steps, the newest ones weighing what is learned."""

    def __init__(self, config: JointConfig) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(config.n_steps))
        self.project = nn.Linear(config.dim, config.dim)
        nn.init.eye_(self.project.weight)
        nn.init.zeros_(self.project.bias)

    def forward(self, histories: Tensor, is_known: Tensor) -> Tensor:  # (B, L, D), (B, L) -> (B, D)
        """Return zeros for a history of which nothing is known."""
        weights = self.weights.exp() * is_known  # (B, L)
        total = weights.sum(-1, keepdim=True)  # (B, 1)
        mean = (weights.unsqueeze(-1) * histories).sum(1) / total.clamp_min(1e-6)
        return self.project(mean) * (total > 0).to(mean.dtype)


class Experts(nn.Module):
    """Several small networks on the same input; each task mixes them by a gate of its own.

    References
    ----------
    Ma et al., "Modeling task relationships in multi-task learning with multi-gate mixture-of-experts", 2018.
    """

    def __init__(self, n_inputs: int, config: JointConfig) -> None:
        super().__init__()
        self.experts = nn.ModuleList(
            nn.Sequential(
                nn.Linear(n_inputs, 2 * config.dim), nn.ReLU(), nn.Dropout(config.dropout),
                nn.Linear(2 * config.dim, config.dim), nn.ReLU(),
            )
            for _ in range(config.n_experts)
        )  # fmt: skip
        self.gates = nn.ModuleList(nn.Linear(n_inputs, config.n_experts) for _ in TASKS)
        self.towers = nn.ModuleList(
            nn.Sequential(nn.Linear(config.dim, config.dim), nn.ReLU(), nn.Linear(config.dim, 1))
            for _ in TASKS
        )

    def forward(self, x: Tensor) -> Tensor:  # (B, X) -> (B, 2)
        """Return log odds of a click, and of a conversion after it."""
        known = torch.stack([expert(x) for expert in self.experts], dim=1)  # (B, K, D)
        logits = []
        for gate, tower in zip(self.gates, self.towers, strict=True):
            shares = torch.softmax(gate(x), dim=-1).unsqueeze(-1)  # (B, K, 1)
            logits.append(tower((shares * known).sum(1)))
        return torch.cat(logits, dim=-1)


class ResponseHead(nn.Module):
    """From encoded contents to log odds: all that serving runs, as items are encoded beforehand."""

    def __init__(self, config: JointConfig) -> None:
        super().__init__()
        self.register_buffer("means", torch.zeros(config.n_numbers))
        self.register_buffer("scales", torch.ones(config.n_numbers))
        self.categories = nn.ModuleList(
            nn.Embedding(config.n_buckets, config.dim // 2, padding_idx=0) for _ in range(config.n_categories)
        )
        for embedding in self.categories:
            nn.init.normal_(embedding.weight, std=0.05)
        self.history = HistoryEncoder(config)
        self.norm = nn.LayerNorm(config.dim)
        n_inputs = config.n_categories * (config.dim // 2) + 2 * config.n_numbers + 3 * config.dim + 2
        self.experts = Experts(n_inputs, config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, categories: Tensor, numbers: Tensor, items: Tensor, texts: Tensor, histories: Tensor,
        is_known: Tensor,
    ) -> Tensor:  # fmt: skip
        """Return log odds (B, 2) of a click, and of a conversion after it.

        Shapes: `categories` (B, C) as buckets, `numbers` (B, F) with NaN where unknown, `items` and `texts`
        (B, D), `histories` (B, L, D), `is_known` (B, L).
        """
        is_missing = torch.isnan(numbers)
        filled = torch.where(is_missing, 0.0, (numbers - self.means) / self.scales).clamp(-5, 5)
        named = [embedding(categories[:, place]) for place, embedding in enumerate(self.categories)]
        item, text = self.norm(items), self.norm(texts)
        taste = self.norm(self.history(histories, is_known))
        near = torch.stack([(taste * item).mean(-1), (taste * text).mean(-1)], dim=-1)  # (B, 2)
        x = torch.cat([*named, filled, is_missing.to(filled.dtype), item, text, taste, near], dim=-1)
        return self.experts(self.dropout(x))


class JointNetwork(nn.Module):
    """Encoder of contents and head, with losses of clicks, conversions and next items."""

    def __init__(self, config: JointConfig) -> None:
        super().__init__()
        self.sizes = config  # transformers writes into an attribute called config
        self.contents = ContentEncoder(config)
        self.head = ResponseHead(config)
        self.next_weight = 0.0

    def set_numbers(self, means: Tensor, scales: Tensor) -> None:
        """Take mean and spread of each number: (F,) and (F,)."""
        self.head.means.copy_(means)
        self.head.scales.copy_(scales)

    def set_priors(self, log_odds: tuple[float, float]) -> None:
        """Let learning begin with what all exposures have in common, as it is far from one half."""
        for tower, prior in zip(self.head.experts.towers, log_odds, strict=True):
            nn.init.constant_(tower[-1].bias, prior)

    def logits(
        self, vectors: Tensor, keys: Tensor, categories: Tensor, numbers: Tensor, items: Tensor,
        texts: Tensor, histories: Tensor,
    ) -> Tensor:  # fmt: skip
        """Return log odds (B, 2); contents are places among `vectors` (U, T), and -1 for none."""
        known = self.contents(vectors, keys)
        return self.head(
            categories, numbers, _at(known, items), _at(known, texts), _at(known, histories),
            (histories >= 0).to(numbers.dtype),
        )  # fmt: skip

    def forward(
        self, vectors: Tensor, keys: Tensor, clicked: Tensor, converted: Tensor, next_histories: Tensor,
        next_items: Tensor, next_log_shares: Tensor, **exposures: Tensor,
    ) -> dict[str, Tensor]:  # fmt: skip
        """Return the mean loss over rows: exposures with what followed, and histories with the next item."""
        total, n_rows = vectors.new_zeros(()), len(clicked) + len(next_items)
        if len(clicked):
            logits = self.logits(vectors, keys, **exposures)
            total = total + entire_space_losses(logits, clicked, converted).sum()
        if len(next_items):
            known = self.contents(vectors, keys)
            losses = self._next_losses(known, next_histories, next_items, next_log_shares)
            total = total + self.next_weight * losses.sum()
        return {"loss": total / max(n_rows, 1)}

    def _next_losses(
        self, known: Tensor, histories: Tensor, items: Tensor, log_shares: Tensor
    ) -> Tensor:  # -> (N,)
        """Tell the next item from those of the other rows, each the less surprising the more it is bought."""
        taste = self.head.history(_at(known, histories), (histories >= 0).to(known.dtype))  # (N, D)
        taste, wanted = functional.normalize(taste, dim=-1), functional.normalize(known[items], dim=-1)
        scores = taste @ wanted.T / TEMPERATURE - log_shares  # (N, N)
        is_same = items.unsqueeze(0) == items.unsqueeze(1)
        is_other = ~torch.eye(len(items), dtype=torch.bool, device=items.device)
        scores = scores.masked_fill(is_same & is_other, -1e9)  # the wanted item is no wrong answer
        return functional.cross_entropy(
            scores, torch.arange(len(items), device=items.device), reduction="none"
        )


def entire_space_losses(logits: Tensor, clicked: Tensor, converted: Tensor) -> Tensor:  # -> (B,)
    """Return the losses of clicks, and of clicks with a conversion, over all exposures.

    Conversions are learned from what was shown, not from the few clicks alone: the chance of both is the
    product. Where a conversion is not known yet (-1) its part is left out.

    References
    ----------
    Ma et al., "Entire space multi-task model", 2018.
    """
    click, conversion = logits.float().unbind(-1)
    losses = functional.binary_cross_entropy_with_logits(click, clicked, reduction="none")
    both = functional.logsigmoid(click) + functional.logsigmoid(conversion)
    neither = torch.log1p(-both.exp().clamp(max=1 - LEAST_CHANCE))
    of_both = -torch.where(converted > 0, both, neither)
    return losses + torch.where(converted < 0, torch.zeros_like(of_both), of_both)


def _at(known: Tensor, places: Tensor) -> Tensor:
    """Return the vectors at places of any shape, zeros where there is none."""
    found = known[places.clamp_min(0)]
    return found * (places >= 0).to(found.dtype).unsqueeze(-1)
