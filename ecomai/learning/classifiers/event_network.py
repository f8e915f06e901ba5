"""The network of the event classifier: a transformer over a case and what happened before it.

Letters of shapes: `B` batch, `T` steps (the case first), `D` width, `F` numbers, `K` categories, `S` streams,
`E` edges of a number, `C` classes of a masked number.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

N_STATES = 3  # of what is known of an outcome
INPUTS = ("numbers", "ages", "categories", "states", "same", "kinds")


@dataclass(frozen=True)
class EventConfig:
    """Sizes of the network."""

    n_numbers: int
    n_categories: int
    n_streams: int
    n_text: int
    n_edges: int
    n_buckets: int  # of each category's hashed names
    dim: int
    n_layers: int
    n_heads: int
    dropout: float


class NumberEncoder(nn.Module):
    """Numbers as how much of each interval between their edges they fill, and whether they are missing.

    A number keeps its size within an interval, and each interval may mean something else.

    References
    ----------
    Gorishniy et al., "On embeddings for numerical features in tabular deep learning", 2022.
    """

    def __init__(self, n_numbers: int, n_edges: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("edges", torch.zeros(n_numbers, n_edges))
        self.project = nn.Linear(n_numbers * n_edges, dim)

    def forward(self, numbers: Tensor) -> Tensor:  # (B, T, F) -> (B, T, D)
        """Encode F numbers of T events, in their own units and NaN where unknown, as vectors (B, T, D)."""
        is_missing = torch.isnan(numbers)
        values = torch.where(is_missing, 0.0, numbers).unsqueeze(-1)  # (B, T, F, 1)
        low, high = self.edges[:, :-1], self.edges[:, 1:]
        filled = ((values - low) / (high - low).clamp_min(1e-6)).clamp(0, 1)  # (B, T, F, E - 1)
        filled = torch.where(is_missing.unsqueeze(-1), 0.0, filled)
        return self.project(torch.cat([filled, is_missing.float().unsqueeze(-1)], dim=-1).flatten(2))

    def intervals(self, numbers: Tensor) -> Tensor:
        """Return the interval of each number, from 0 to E: (B, T, F)."""
        return (numbers.unsqueeze(-1) >= self.edges).sum(-1)


class Block(nn.Module):
    """Attention among all steps, then a feed-forward layer; both normalised first."""

    def __init__(self, config: EventConfig) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.attention_norm = nn.LayerNorm(config.dim)
        self.attention = nn.Linear(config.dim, 3 * config.dim)
        self.output = nn.Linear(config.dim, config.dim)
        self.feed_norm = nn.LayerNorm(config.dim)
        self.feed = nn.Sequential(
            nn.Linear(config.dim, 2 * config.dim), nn.GELU(), nn.Linear(2 * config.dim, config.dim)
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, bias: Tensor, n: int) -> Tensor:  # (B, T, D), (B, 1, 1, T) -> (B, n, D)
        """Return the first `n` steps; they attend to all."""
        known = self.attention_norm(x)
        x = x[:, :n] + self.dropout(self.attend(known[:, :n], known, bias))
        return x + self.dropout(self.feed(self.feed_norm(x)))

    def attend(self, asking: Tensor, known: Tensor, bias: Tensor) -> Tensor:
        """Mix what is known into each place that asks.

        Shapes: `asking` (B, n, D), `known` (B, T, D), `bias` (B, 1, 1 or n, T), added to the logits of
        attention: -inf hides an event. Returns (B, n, D).
        """
        weight, offset, dim = self.attention.weight, self.attention.bias, known.shape[-1]
        query = functional.linear(asking, weight[:dim], offset[:dim])  # (B, n, D)
        key, value = functional.linear(known, weight[dim:], offset[dim:]).chunk(2, dim=-1)  # (B, T, D)
        query, key, value = (
            part.unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for part in (query, key, value)
        )  # (B, H, T, D / H)
        bias = bias.expand(-1, -1, query.shape[2], -1)  # (B, 1, n, T); ONNX Runtime does not do it by itself
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        return self.output(mixed.transpose(1, 2).flatten(2))  # (B, n, D)


class EventEncoder(nn.Module):
    """A vector for each step, which knows of all the others."""

    def __init__(self, config: EventConfig) -> None:
        super().__init__()
        self.numbers = NumberEncoder(config.n_numbers, config.n_edges, config.dim)
        self.ages = NumberEncoder(1, config.n_edges, config.dim)
        self.categories = nn.ModuleList(
            nn.Embedding(config.n_buckets, config.dim, padding_idx=0) for _ in range(config.n_categories)
        )
        # One embedding for what is known of the outcome in each kind of stream.
        self.states = nn.Embedding((config.n_streams + 1) * N_STATES, config.dim)
        self.same = nn.Linear(config.n_streams, config.dim, bias=False)
        self.texts = nn.Linear(config.n_text, config.dim) if config.n_text else None
        for embedding in (*self.categories, self.states):
            nn.init.normal_(embedding.weight, std=0.1)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.norm = nn.LayerNorm(config.dim)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, numbers: Tensor, ages: Tensor, categories: Tensor, states: Tensor, same: Tensor,
        kinds: Tensor, texts: Tensor | None = None, *, n: int | None = None,
    ) -> Tensor:  # fmt: skip
        """Return the vectors of the first `n` steps, of all by default: (B, n, D)."""
        x = self.numbers(numbers) + self.ages(ages.unsqueeze(-1)) + self.same(same)
        x = x + self.states(kinds.clamp_min(0) * N_STATES + states)
        for column, embedding in enumerate(self.categories):
            x = x + embedding(categories[..., column])
        if self.texts is not None and texts is not None:
            x = x + self.texts(texts)
        x = self.dropout(x)
        bias = torch.where(kinds < 0, -1e9, 0.0).unsqueeze(1).unsqueeze(1)  # (B, 1, 1, T)
        *blocks, last = self.blocks
        for block in blocks:
            x = block(x, bias, x.shape[1])
        return self.norm(last(x, bias, x.shape[1] if n is None else n))


class EventNetwork(nn.Module):
    """Encoder with a head that judges the case, and one that guesses hidden numbers."""

    def __init__(self, config: EventConfig) -> None:
        super().__init__()
        self.sizes = config  # transformers writes into an attribute called config
        self.encoder = EventEncoder(config)
        self.judge = nn.Sequential(
            nn.Linear(config.dim, config.dim), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(config.dim, 1)
        )
        self.guess = nn.Linear(config.dim, config.n_numbers * (config.n_edges + 1))

    def set_edges(self, numbers: Tensor, ages: Tensor) -> None:
        """Take the edges of the intervals: (F, E) and (1, E), rising."""
        self.encoder.numbers.edges.copy_(numbers)
        self.encoder.ages.edges.copy_(ages)

    def set_prior(self, log_odds: float) -> None:
        """Let judging begin with what all cases have in common, as it is far from one half."""
        nn.init.constant_(self.judge[-1].bias, log_odds)

    def logits(self, **inputs: Tensor) -> Tensor:  # -> (B,)
        """Return the log odds (B,) of fraud of each sequence's newest event; inputs as the encoder's."""
        return self.judge(self.encoder(**inputs, n=1)[:, 0]).squeeze(-1)

    def forward(
        self,
        labels: Tensor | None = None,
        weights: Tensor | None = None,
        hidden: Tensor | None = None,
        **inputs: Tensor,
    ) -> dict[str, Tensor]:
        """Return the mean loss of judging cases, or of guessing the numbers at `hidden`, and its weight.

        `labels` and `weights` are (B,); `hidden` (B, T, F) says which numbers the network must not see.
        """
        if hidden is not None:
            return self._guess_loss(inputs, hidden)
        if weights is None:
            raise TypeError("Cases are judged with their labels and weights.")
        losses = functional.binary_cross_entropy_with_logits(
            self.logits(**inputs), labels, weight=weights, reduction="sum"
        )
        return {"loss": losses / weights.sum(), "weight": weights.sum()}

    def _guess_loss(self, inputs: Mapping[str, Tensor], hidden: Tensor) -> dict[str, Tensor]:
        numbers = inputs["numbers"]
        hidden = hidden & ~torch.isnan(numbers)
        seen = self.encoder(**{**inputs, "numbers": numbers.masked_fill(hidden, float("nan"))})
        guesses = self.guess(seen).unflatten(-1, (numbers.shape[-1], -1))[hidden]  # (M, C)
        wanted = self.encoder.numbers.intervals(numbers)[hidden]  # (M,)
        weight = hidden.sum().clamp_min(1)
        return {"loss": functional.cross_entropy(guesses, wanted, reduction="sum") / weight, "weight": weight}
