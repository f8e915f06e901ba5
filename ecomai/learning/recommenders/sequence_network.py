"""The network of the sequence recommender: a causal transformer over item vectors.

Letters of shapes: `B` batch, `T` time, `D` width of a member, `W` width of all, `H` heads, `F` text
features, `N` items, `M` targets, `S` sampled items.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ecomai.inference.event_context import N_GAPS
from ecomai.learning.devices import detached_state

from .sequence_losses import full_softmax_loss, sampled_softmax_loss

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
    n_members: int
    has_context: bool  # kinds of events and the time between them are inputs
    n_types: int

    @property
    def width(self) -> int:
        """Of an item's or a user's vector: those of the members side by side."""
        return self.n_members * self.dim


class ItemEncoder(nn.Module):
    """An item's vector: what its text says, plus what users taught about it.

    Items without training events have no second part, and are ranked by their text.
    """

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__()
        self.id_dropout = config.id_dropout
        self.ids = nn.Embedding(config.n_items, config.width)
        nn.init.normal_(self.ids.weight, std=config.dim**-0.5)
        self.register_buffer("has_id", torch.ones(config.n_items))
        self.has_text = config.n_features > 0
        if self.has_text:
            self.project = nn.Linear(config.n_features, config.width)
            self.register_buffer("text_mean", torch.zeros(config.n_features))
            self.register_buffer("text_scale", torch.ones(()))
            # Not persistent: the catalogue's texts need not be in every checkpoint.
            self.register_buffer("texts", torch.zeros(config.n_items, config.n_features), persistent=False)

    def set_texts(self, texts: Tensor) -> None:
        """Take the catalogue's text vectors; the projection sees them centred and of unit variance."""
        self.text_mean.copy_(texts.mean(0))
        self.text_scale.copy_((texts - self.text_mean).std().clamp_min(1e-6) * texts.shape[1] ** 0.5)
        self.texts.copy_(texts)

    def from_text(self, texts: Tensor) -> Tensor:  # (N, F) -> (N, W)
        """Return vectors (N, W) of items by their texts' (N, F), as the encoder of texts gave them."""
        return self.project((texts - self.text_mean) / self.text_scale)

    def forward(self, items: Tensor | None = None) -> Tensor:
        """Return the vectors of some items, or of the whole catalogue: (N, W)."""
        keep = self.has_id if items is None else self.has_id[items]  # (N,)
        vectors = self.ids.weight if items is None else self.ids(items)  # (N, W)
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
        """Let each event see those before it: (B, T, D), with the logits' bias (H, T, T), to (B, T, D)."""
        x = x + self.dropout(self.attend(self.attention_norm(x), bias))
        return x + self.dropout(self.feed(self.feed_norm(x)))

    def attend(self, x: Tensor, bias: Tensor) -> Tensor:
        """Return what H heads bring each event from the others: (B, T, D), bias (H, T, T), to (B, T, D)."""
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


class Member(nn.Module):
    """A user's vector from the vectors of the items taken, oldest first.

    Sequences are padded on the right, so that a causal mask alone keeps padding out. A learned start
    comes first: an empty history has a vector too, that of a user of whom nothing is known.
    """

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.randn(config.dim) * config.dim**-0.5)
        self.contexts = nn.ModuleList()
        if config.has_context:
            # 0 is what is not known; a context says nothing until it has learned to.
            sizes = (1 + config.n_types, 1 + N_GAPS)
            self.contexts.extend(nn.Embedding(size, config.dim) for size in sizes)
            for context in self.contexts:
                nn.init.zeros_(context.weight)
        self.distance_bias = nn.Parameter(torch.zeros(config.n_heads, config.max_length + 1))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.norm = nn.LayerNorm(config.dim)
        self.dropout = nn.Dropout(config.dropout)

    def hidden(self, x: Tensor, context: Tensor | None = None) -> Tensor:  # (B, T, D) -> (B, T + 1, D)
        """Return what is known at the start and after each event: (B, T, D) to (B, T + 1, D)."""
        x = self.dropout(self.inputs(x, context))
        bias = self.bias(x.shape[1])
        for block in self.blocks:
            x = block(x, bias)
        return self.norm(x)

    def inputs(self, x: Tensor, context: Tensor | None) -> Tensor:  # (B, T, D), (B, T, 2) -> (B, T + 1, D)
        """Put a learned start before items' vectors (B, T, D) with kinds and gaps (B, T, 2) added."""
        for column, embedding in enumerate(self.contexts):
            x = x + (embedding.weight[0] if context is None else embedding(context[..., column]))
        return torch.cat([self.start.expand(x.shape[0], 1, x.shape[2]), x], dim=1)

    def bias(self, n_steps: int) -> Tensor:  # (H, T, T)
        """How near two steps are decides, not where they are, so that a history may be cut at its start."""
        steps = torch.arange(n_steps, device=self.distance_bias.device)
        distance = steps[:, None] - steps[None, :]  # (T, T), negative where the key lies ahead
        bias = self.distance_bias[:, distance.clamp(0, self.distance_bias.shape[1] - 1)]
        return bias.masked_fill(distance < 0, float("-inf"))

    def forward(self, x: Tensor, lengths: Tensor, context: Tensor | None) -> Tensor:  # -> (B, D)
        """Return what `hidden` says of each history's end. The last block works for that step alone."""
        x = self.inputs(x, context)
        bias = self.bias(x.shape[1])
        *blocks, last = self.blocks
        for block in blocks:
            x = block(x, bias)
        return self.norm(last.at(x, lengths, bias))


class UserEncoder(nn.Module):
    """Members side by side, each with its own part of every item's vector: an ensemble in one product.

    The dot product of whole vectors is the sum of the members' scores.
    """

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__()
        self.members = nn.ModuleList(Member(config) for _ in range(config.n_members))

    def forward(self, item_vectors: Tensor, lengths: Tensor, context: Tensor | None = None) -> Tensor:
        """Return users' vectors, (B, W); of (B, T, W), (B,), and kinds and gaps of events, (B, T, 2)."""
        parts = zip(self.members, item_vectors.chunk(len(self.members), dim=-1), strict=True)
        return torch.cat([member(part, lengths, context) for member, part in parts], dim=-1)


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
        # Not persistent: made anew from the interactions of each training.
        self.register_buffer("proposal", torch.full((config.n_items,), 1 / config.n_items), persistent=False)

    def set_counts(self, counts: Tensor) -> None:
        """Take how often each item was taken, (N,); sampled items are drawn half by it and half evenly.

        Popular items are the negatives that teach most; the even half keeps every item in reach.
        """
        self.proposal.copy_(0.5 * counts / counts.sum() + 0.5 / len(counts))

    def grow_from(self, learned: "SequenceNetwork", places: Tensor) -> None:
        """Take over what another network of the same sizes learned.

        `places` (N,) says which of its items each item is, and is -1 for one that it never saw.
        """
        state = detached_state(learned)
        has_id, ids = self.items.has_id.clone(), self.items.ids.weight.detach().clone()
        if self.items.has_text:
            ids.zero_()  # an item's first events begin with what its text says
        places = places.to(has_id.device)
        is_known = (places >= 0) & (state["items.has_id"][places.clamp_min(0)] > 0)
        ids[is_known] = state["items.ids.weight"][places[is_known]]
        self.load_state_dict(
            state | {"items.ids.weight": ids, "items.has_id": torch.where(is_known, 1.0, has_id)}
        )

    def forward(
        self, items: Tensor, targets: Tensor, weights: Tensor, context: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the mean loss of predicting each next item, summed over the members, and its weight.

        `items` (B, T) and `context` (B, T, 2) are padded on the right with anything; `targets` and
        `weights` (B, T + 1) belong to the start and to each item, `IGNORED` where nothing is to be
        predicted.
        """
        negatives = self.draw_negatives()
        known = None if negatives is None else torch.cat([items.flatten(), targets.flatten(), negatives])
        known = None if known is None else torch.unique(known.clamp_min(0))
        vectors = self.items(known)  # (N, W)
        is_target = targets != IGNORED  # (B, T + 1)
        targets, weights = targets[is_target], weights[is_target]  # (M,)
        total = weights.sum()
        weights = weights / total.clamp_min(1e-6)
        inputs = _places(known, items)
        loss = vectors.new_zeros(())
        for member, part in zip(self.users.members, vectors.chunk(self.sizes.n_members, dim=1), strict=True):
            hidden = member.hidden(functional.embedding(inputs, part), context)[is_target]  # (M, D)
            if negatives is None:
                loss = loss + full_softmax_loss(hidden, part, targets, weights)
            else:
                loss = loss + sampled_softmax_loss(
                    hidden,
                    functional.embedding(_places(known, targets), part),
                    functional.embedding(_places(known, negatives), part),
                    negatives == targets.unsqueeze(1),
                    torch.log(len(negatives) * self.proposal[negatives]),
                    weights,
                )
        return {"loss": loss, "weight": total}

    def draw_negatives(self) -> Tensor | None:  # (S,)
        """Draw S positions of items by how often they are taken; None where all items are compared."""
        if not self.sizes.n_negatives:
            return None
        return torch.multinomial(self.proposal, self.sizes.n_negatives, replacement=True)


def _places(known: Tensor | None, items: Tensor) -> Tensor:
    """Return where items lie among those that a step works with."""
    return items if known is None else torch.searchsorted(known, items)
