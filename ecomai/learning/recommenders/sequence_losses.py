"""Softmax over a whole catalogue, and over a sample of it that expects to be the same.

Letters of shapes: `M` targets, `D` width, `N` items, `S` sampled items.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

# A chunk's logits stay in the processor's cache: 4 million floats are 16 MB.
LOGITS_AT_ONCE = 4_000_000
LEAST_SHARE = 1e-38  # of a target; the gradient is exact below it too


class FullSoftmaxLoss(torch.autograd.Function):
    """Weighted sum of cross entropies over all items, a few targets at a time.

    Loss and gradients come from one pass over each chunk's logits, so that the matrix (M, N) is never in
    memory: twice as fast on a processor as `cross_entropy` of the product, with equal gradients.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, vectors: Tensor, wanted: Tensor, weights: Tensor) -> Tensor:
        """Take (M, D), (N, D), (M,), (M,) and return a number."""
        loss = hidden.new_zeros(())
        hidden_gradient, vectors_gradient = torch.empty_like(hidden), torch.zeros_like(vectors)
        n_at_once = max(LOGITS_AT_ONCE // len(vectors), 1)
        for start in range(0, len(hidden), n_at_once):
            part = slice(start, start + n_at_once)
            here, target, weight = hidden[part], wanted[part], weights[part].unsqueeze(1)
            shares = torch.softmax(here @ vectors.T, dim=1)  # (m, N)
            reached = shares.gather(1, target.unsqueeze(1)).clamp_min(LEAST_SHARE)
            loss -= (weight * reached.log()).sum()
            hidden_gradient[part] = weight * (shares @ vectors - vectors[target])
            weighted = weight * here
            vectors_gradient.addmm_(shares.T, weighted).index_add_(0, target, weighted, alpha=-1)
        ctx.save_for_backward(hidden_gradient, vectors_gradient)
        return loss

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """Return the gradients of `hidden` and `vectors`, which `forward` has computed already."""
        hidden_gradient, vectors_gradient = ctx.saved_tensors
        return gradients[0] * hidden_gradient, gradients[0] * vectors_gradient, None, None


def full_softmax_loss(hidden: Tensor, vectors: Tensor, wanted: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted sum of cross entropies over all items; (M, D), (N, D), (M,), (M,) to a number."""
    if hidden.device.type == "cpu":
        loss: Tensor = FullSoftmaxLoss.apply(hidden, vectors.contiguous(), wanted, weights)
        return loss
    # A GPU has the memory for all logits, and is slowed down by many small products.
    losses = functional.cross_entropy((hidden @ vectors.T).float(), wanted, reduction="none")
    return (losses * weights).sum()


def sampled_softmax_loss(
    hidden: Tensor, positives: Tensor, sampled: Tensor, is_hit: Tensor, log_expected: Tensor, weights: Tensor
) -> Tensor:
    """Return the weighted sum of cross entropies over the target and a sample that stands for all others.

    Each sampled logit is lowered by the log of how often its item is expected in the sample, the log-Q
    correction: so the expected normaliser is that of the whole catalogue, whatever the proposal. Samples
    that hit the target are left out. `hidden` and `positives` are (M, D), `sampled` (S, D), `is_hit`
    (M, S), `log_expected` (S,), `weights` (M,).
    """
    target = (hidden * positives).sum(-1, keepdim=True)  # (M, 1)
    others = (hidden @ sampled.T - log_expected).masked_fill(is_hit, float("-inf"))  # (M, S)
    logits = torch.cat([target, others], dim=1)
    losses = functional.cross_entropy(
        logits, is_hit.new_zeros(len(logits), dtype=torch.long), reduction="none"
    )
    return (losses * weights).sum()
