"""The network of the sequence model: a transformer over purchases, with heads for count and value.

Letters of shapes: `B` batch, `T` purchases (the newest last), `D` width, `F` numbers of a purchase, `C` of a
customer.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

STARTS = (0.0, 0.0, -4.0, 0.0, 0.0, 0.0)  # mean, shape, surplus zeros, buys, log value, spread
LEAST_SPREAD, MOST_SPREAD = 0.05, 2.0


@dataclass(frozen=True)
class PurchaseConfig:
    """Sizes of the network."""

    n_numbers: int
    n_summary: int
    dim: int
    n_layers: int
    n_heads: int
    dropout: float


@dataclass(frozen=True)
class Heads:
    """What the network says of each customer, all (B,).

    `log_mean`, `log_shape`, `zero_logit`: zero-inflated negative binomial of purchases; the mean is that of
    all. `buy_logit`, `log_value`, `spread`: zero-inflated log-normal of the amount.
    """

    log_mean: Tensor
    log_shape: Tensor
    zero_logit: Tensor
    buy_logit: Tensor
    log_value: Tensor
    spread: Tensor


class PurchaseNetwork(nn.Module):
    """Reads purchases and a summary of the customer; corrects what a prior model says.

    References
    ----------
    Wang, Liu and Miao, "A deep probabilistic model for customer lifetime value prediction", 2019
    (zero-inflated log-normal); Greene, "Accounting for excess zeros in Poisson and negative binomial
    regression", 1994.
    """

    def __init__(self, config: PurchaseConfig) -> None:
        super().__init__()
        self.sizes = config  # transformers writes into an attribute called config
        for name, size in (("number", config.n_numbers), ("summary", config.n_summary)):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_spread", torch.ones(size))
        self.numbers = nn.Linear(config.n_numbers, config.dim)
        self.summary = nn.Linear(config.n_summary, config.dim)
        layer = nn.TransformerEncoderLayer(
            config.dim,
            config.n_heads,
            2 * config.dim,
            config.dropout,
            "gelu",
            batch_first=True,
            norm_first=True,
        )
        self.encoder = nn.TransformerEncoder(layer, config.n_layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(config.dim)
        self.head = nn.Linear(config.dim, len(STARTS))
        nn.init.normal_(self.head.weight, std=0.01)  # begins as the prior
        self.head.bias.data.copy_(torch.tensor(STARTS))

    def set_scales(self, numbers: tuple[Tensor, Tensor], summary: tuple[Tensor, Tensor]) -> None:
        """Take mean and spread of the numbers of purchases (F,) and of summaries (C,)."""
        self.number_mean.copy_(numbers[0])
        self.number_spread.copy_(numbers[1])
        self.summary_mean.copy_(summary[0])
        self.summary_spread.copy_(summary[1])

    def heads(self, numbers: Tensor, is_missing: Tensor, summary: Tensor, prior: Tensor) -> Heads:
        """Return what is foreseen.

        Shapes: `numbers` (B, T, F), `is_missing` (B, T), `summary` (B, C), `prior` (B, 3): log purchases, log
        odds of buying, log value of a buyer.
        """
        tokens = self.numbers((numbers - self.number_mean) / self.number_spread)  # (B, T, D)
        asking = self.summary((summary - self.summary_mean) / self.summary_spread).unsqueeze(1)  # (B, 1, D)
        hidden = torch.cat([is_missing.new_zeros(len(is_missing), 1), is_missing], dim=1)  # (B, 1 + T)
        x = self.encoder(torch.cat([asking, tokens], dim=1), src_key_padding_mask=hidden)
        mean, shape, zero, buys, value, spread = self.head(self.norm(x[:, 0])).unbind(-1)
        return Heads(
            prior[:, 0] + mean,
            shape.clamp(-3, 4),
            zero,
            prior[:, 1] + buys,
            prior[:, 2] + value,
            functional.softplus(spread).clamp(LEAST_SPREAD, MOST_SPREAD),
        )

    def forward(self, purchases: Tensor, value: Tensor, **inputs: Tensor) -> dict[str, Tensor]:
        """Return the mean negative log-likelihood of purchases and value, both (B,)."""
        heads = self.heads(**inputs)
        return {"loss": (_count_loss(heads, purchases) + _value_loss(heads, value)).mean()}


def _count_loss(heads: Heads, counts: Tensor) -> Tensor:
    log_kept = functional.logsigmoid(-heads.zero_logit)
    log_mean, shape = heads.log_mean - log_kept, heads.log_shape.exp()
    log_sum = torch.logaddexp(log_mean, heads.log_shape)
    log_chance = (
        torch.lgamma(shape + counts) - torch.lgamma(shape) - torch.lgamma(counts + 1)
        + shape * (heads.log_shape - log_sum) + counts * (log_mean - log_sum)
    )  # fmt: skip
    log_some = log_kept + log_chance
    log_none = torch.logaddexp(functional.logsigmoid(heads.zero_logit), log_some)
    return -torch.where(counts == 0, log_none, log_some)


def _value_loss(heads: Heads, value: Tensor) -> Tensor:
    is_buyer = (value > 0).float()
    buys = functional.binary_cross_entropy_with_logits(heads.buy_logit, is_buyer, reduction="none")
    log_value = value.clamp_min(1e-3).log()
    normal = ((log_value - heads.log_value) / heads.spread) ** 2 / 2 + heads.spread.log()
    return buys + is_buyer * (normal + math.log(2 * math.pi) / 2)
