"""The network of the sequence recommender: a causal transformer over item vectors.

Letters of shapes: `B` batch, `T` time, `D` width, `H` heads, `F` text features, `N` items.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

IGNORED = -1  # a target that is not to be predicted


@dataclass(frozen=True)
class SequenceConfig:
    """Sizes of the network; `n_features` 0 means that items have no text."""

    n_items: int
    n_features: int
    dim: int
    n_layers: int
    n_heads: int
    max_length: int
    dropout: float
    id_dropout: float
    n_negatives: int  # 0: softmax over the whole catalogue


class ItemEncoder(nn.Module):
    """An item's vector: what its text says, plus what users taught about it.

    Items without training events have no second part, and are ranked by their text.
    """

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__()
        self.id_dropout = config.id_dropout
        self.ids = nn.Embedding(config.n_items, config.dim)
        nn.init.normal_(self.ids.weight, std=config.dim**-0.5)
        self.register_buffer("has_id", torch.ones(config.n_items))
        self.has_text = config.n_features > 0
        if self.has_text:
            self.project = nn.Linear(config.n_features, config.dim)
            self.register_buffer("text_mean", torch.zeros(config.n_features))
            self.register_buffer("text_scale", torch.ones(()))
            # Not persistent: the catalogue's texts need not be in every checkpoint.
            self.register_buffer("texts", torch.zeros(config.n_items, config.n_features), persistent=False)

    def set_texts(self, texts: Tensor) -> None:
        """Take the catalogue's text vectors; the projection sees them centred and of unit variance."""
        self.text_mean.copy_(texts.mean(0))
        self.text_scale.copy_((texts - self.text_mean).std().clamp_min(1e-6) * texts.shape[1] ** 0.5)
        self.texts.copy_(texts)

    def from_text(self, texts: Tensor) -> Tensor:  # (N, F) -> (N, D)
        return self.project((texts - self.text_mean) / self.text_scale)

    def forward(self, items: Tensor | None = None) -> Tensor:
        """Return the vectors of some items, or of the whole catalogue: (N, D)."""
        keep = self.has_id if items is None else self.has_id[items]  # (N,)
        vectors = self.ids.weight if items is None else self.ids(items)  # (N, D)
        if not self.has_text:
            return vectors
        if self.training and self.id_dropout > 0:
            # Now and then an item must do with its text, so that texts alone learn to rank.
            keep = keep * (torch.rand_like(keep) >= self.id_dropout)
        texts = self.texts if items is None else self.texts[items]  # (N, F)
        return self.from_text(texts) + keep.unsqueeze(1) * vectors


class Block(nn.Module):
    """Attention to what came before, then a feed-forward layer; both normalised first."""

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.attention_norm = nn.LayerNorm(config.dim)
        self.attention = nn.Linear(config.dim, 3 * config.dim)
        self.output = nn.Linear(config.dim, config.dim)
        self.feed_norm = nn.LayerNorm(config.dim)
        self.feed = nn.Sequential(
            nn.Linear(config.dim, 4 * config.dim), nn.GELU(), nn.Linear(4 * config.dim, config.dim)
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:  # (B, T, D), (H, T, T) -> (B, T, D)
        x = x + self.dropout(self.attend(self.attention_norm(x), bias))
        return x + self.dropout(self.feed(self.feed_norm(x)))

    def attend(self, x: Tensor, bias: Tensor) -> Tensor:
        query, key, value = (
            part.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)  # (B, H, T, D / H)
            for part in self.attention(x).chunk(3, dim=-1)
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias.unsqueeze(0))
        return self.output(mixed.transpose(1, 2).flatten(2))  # (B, T, D)

    def at(self, x: Tensor, steps: Tensor, bias: Tensor) -> Tensor:  # (B, T, D), (B,), (H, T, T) -> (B, D)
        """Return one step of what `forward` returns, for a fraction of its work; without dropout."""
        rows = torch.arange(x.shape[0], device=x.device)
        known = self.attention_norm(x)
        weight, offset, dim = self.attention.weight, self.attention.bias, x.shape[-1]
        query = functional.linear(known[rows, steps].unsqueeze(1), weight[:dim], offset[:dim])  # (B, 1, D)
        key, value = functional.linear(known, weight[dim:], offset[dim:]).chunk(2, dim=-1)  # (B, T, D)
        query, key, value = (
            part.unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for part in (query, key, value)
        )
        near = bias[:, steps].transpose(0, 1).unsqueeze(2)  # (B, H, 1, T)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=near)  # (B, H, 1, D / H)
        newest = x[rows, steps] + self.output(mixed.transpose(1, 2).flatten(2)).squeeze(1)  # (B, D)
        return newest + self.feed(self.feed_norm(newest))


class UserEncoder(nn.Module):
    """A user's vector from the vectors of the items taken, oldest first.

    Sequences are padded on the right, so that a causal mask alone keeps padding out. A learned start
    comes first: an empty history has a vector too, that of a user of whom nothing is known.
    """

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.randn(config.dim) * config.dim**-0.5)
        self.distance_bias = nn.Parameter(torch.zeros(config.n_heads, config.max_length + 1))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.norm = nn.LayerNorm(config.dim)
        self.dropout = nn.Dropout(config.dropout)

    def hidden(self, x: Tensor) -> Tensor:  # (B, T, D) -> (B, T + 1, D)
        start = self.start.expand(x.shape[0], 1, x.shape[2])
        x = self.dropout(torch.cat([start, x], dim=1))
        bias = self.bias(x.shape[1])
        for block in self.blocks:
            x = block(x, bias)
        return self.norm(x)

    def bias(self, n_steps: int) -> Tensor:  # (H, T, T)
        """How near two steps are decides, not where they are, so that a history may be cut at its start."""
        steps = torch.arange(n_steps, device=self.distance_bias.device)
        distance = steps[:, None] - steps[None, :]  # (T, T), negative where the key lies ahead
        bias = self.distance_bias[:, distance.clamp(0, self.distance_bias.shape[1] - 1)]
        return bias.masked_fill(distance < 0, float("-inf"))

    def forward(self, item_vectors: Tensor, lengths: Tensor) -> Tensor:  # (B, T, D), (B,) -> (B, D)
        """Return what `hidden` says of each history's end. The last block works for that step alone."""
        x = torch.cat(
            [self.start.expand(item_vectors.shape[0], 1, item_vectors.shape[2]), item_vectors], dim=1
        )
        bias = self.bias(x.shape[1])
        *blocks, last = self.blocks
        for block in blocks:
            x = block(x, bias)
        return self.norm(last.at(x, lengths, bias))


class SequenceNetwork(nn.Module):
    """Item encoder and user encoder; the dot product of their vectors scores an item for a user.

    References
    ----------
    Kang and McAuley, "Self-attentive sequential recommendation", 2018.
    """

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__()
        self.sizes = config  # transformers writes into an attribute called config
        self.items = ItemEncoder(config)
        self.users = UserEncoder(config)

    def forward(self, items: Tensor, targets: Tensor, weights: Tensor) -> dict[str, Tensor]:
        """Return the loss of predicting each next item.

        `items` (B, T) are padded on the right with any item; `targets` and `weights` (B, T + 1) belong
        to the start and to each item, `IGNORED` where there is nothing to predict.
        """
        known, negatives = self.candidates(items, targets)
        vectors = self.items(known)  # (N, D)
        if known is None:
            inputs, wanted = items, targets
        else:
            inputs = torch.searchsorted(known, items)
            wanted = torch.searchsorted(known, targets)
        is_target = targets != IGNORED  # (B, T + 1)
        hidden = self.users.hidden(vectors[inputs])[is_target]  # (M, D)
        if negatives is None:
            loss = functional.cross_entropy(hidden @ vectors.T, wanted[is_target], reduction="none")
        else:
            places = torch.searchsorted(known, negatives)
            loss = self.sampled_loss(hidden, vectors, wanted[is_target], places)
        weights = weights[is_target]
        return {"loss": (loss * weights).sum() / weights.sum().clamp_min(1e-6)}

    def candidates(self, items: Tensor, targets: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Return the items whose vectors this step needs, sorted, and the negatives among them."""
        if not self.sizes.n_negatives:
            return None, None
        negatives = torch.randint(self.sizes.n_items, (self.sizes.n_negatives,), device=items.device)
        known = torch.unique(torch.cat([items.flatten(), targets.clamp_min(0).flatten(), negatives]))
        return known, negatives

    def sampled_loss(self, hidden: Tensor, vectors: Tensor, wanted: Tensor, negatives: Tensor) -> Tensor:
        """Softmax over the target and a uniform sample that stands for all the others.

        Each sampled logit is raised by log(items / samples), the log-Q correction, so that the
        expected normaliser is that of the whole catalogue.
        """
        positive = (hidden * vectors[wanted]).sum(-1, keepdim=True)  # (M, 1)
        sampled = hidden @ vectors[negatives].T  # (M, n_negatives)
        sampled = sampled + math.log(self.sizes.n_items / len(negatives))
        sampled = sampled.masked_fill(negatives[None, :] == wanted[:, None], float("-inf"))
        logits = torch.cat([positive, sampled], dim=1)
        return functional.cross_entropy(logits, torch.zeros_like(wanted), reduction="none")
