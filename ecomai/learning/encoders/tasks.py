"""What text encoders are trained on: modules that return a loss."""

from typing import Any

import torch
from torch import Tensor, nn

from .adapters import orthogonality_loss
from .pretrained import PooledEncoder

IGNORED = -100  # the label of a token that is not asked for


class TextTask(nn.Module):
    """Base of training tasks: what it saves is what it moves, so that checkpoints of adapters are small.

    Parameters
    ----------
    network : PooledEncoder
        What is trained; frozen weights stay as they are.
    """

    def __init__(self, network: PooledEncoder) -> None:
        super().__init__()
        self.network = network

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the weights that are trained, each once."""
        moved, seen = {}, set()
        trained = {id(weight) for weight in self.parameters() if weight.requires_grad}
        named = dict(self.named_parameters(remove_duplicate=False))
        for name, tensor in super().state_dict(*args, **kwargs).items():
            weight = id(named.get(name))
            if weight in trained and weight not in seen:  # tied weights are one
                seen.add(weight)
                moved[name] = tensor
        return moved

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        return super().load_state_dict(state_dict, strict=False, assign=assign)


class PretrainingTask(TextTask):
    """Guess masked tokens, recognise the other half of a pair of views of one text, or both.

    With both, the masked text is the first view, so that nothing is read twice.

    Parameters
    ----------
    network : PooledEncoder
    token_head : TokenHead or None
        Without it, nothing is guessed.
    contrastive_weight : float
        0 for masked tokens alone.
    temperature : float
        What cosines are divided by.

    References
    ----------
    Devlin et al., "BERT", 2019; Gururangan et al., "Don't stop pretraining", 2020; Gao et al.,
    "SimCSE: simple contrastive learning of sentence embeddings", 2021.
    """

    def __init__(
        self,
        network: PooledEncoder,
        token_head: "TokenHead | None",
        contrastive_weight: float,
        temperature: float,
    ) -> None:
        super().__init__(network)
        self.token_head = token_head
        self.contrastive_weight = contrastive_weight
        self.temperature = temperature

    def forward(
        self,
        input_ids: Tensor,  # (B, T)
        attention_mask: Tensor,
        labels: Tensor | None = None,  # (B, T)
        other_ids: Tensor | None = None,  # (B, S)
        other_mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the `loss` of hidden tokens and of pairs of texts, and its `weight` in the batch.

        `labels` are the ids of hidden tokens, `IGNORED` elsewhere; `other_ids` are texts that mean the same.
        The loss is in nats; the weight counts hidden tokens, or texts where none is hidden.
        """
        tokens = self.network.read(input_ids, attention_mask)  # (B, T, D)
        loss, weight = tokens.new_zeros(()), tokens.new_tensor(len(tokens))
        if self.token_head is not None and labels is not None:
            is_asked = labels != IGNORED
            logits = self.token_head(tokens[is_asked])  # (N, V)
            loss = loss + nn.functional.cross_entropy(logits.float(), labels[is_asked])
            weight = is_asked.sum()  # the mean is over tokens: parts of a batch count by them
        if other_ids is not None and other_mask is not None:
            first = self.network.pool(tokens, attention_mask)  # (B, D)
            second = self.network(other_ids, other_mask)
            loss = loss + self.contrastive_weight * contrastive_loss(first, second, self.temperature)
        return {"loss": loss + orthogonality_loss(self.network), "weight": weight}


class ItemTask(TextTask):
    """Find the text of an item that the same customer took, among those of the whole batch.

    Parameters
    ----------
    network : PooledEncoder
    temperature : float
        What cosines are divided by.

    References
    ----------
    Henderson et al., "Efficient natural language response suggestion for Smart Reply", 2017, for the
    multiple-negatives ranking loss.
    """

    def __init__(self, network: PooledEncoder, temperature: float) -> None:
        super().__init__(network)
        self.temperature = temperature

    def forward(self, input_ids: Tensor, attention_mask: Tensor, is_allowed: Tensor) -> dict[str, Tensor]:
        """Texts are B anchors, their B partners, then negatives: N = B + C; `is_allowed` is (B, C)."""
        vectors = self.network(input_ids, attention_mask)  # (N, D)
        n_pairs = len(is_allowed)
        loss = contrastive_loss(vectors[:n_pairs], vectors[n_pairs:], self.temperature, is_allowed)
        return {"loss": loss + orthogonality_loss(self.network)}


class TokenHead(nn.Module):
    """The part of a masked language model that is above its transformer.

    Its transformer is replaced by a stub that hands over the vectors of the tokens that are asked for:
    scores over the vocabulary are made for these alone, which is most of the memory otherwise.

    Parameters
    ----------
    model : nn.Module
        Of transformers' masked language models.
    words : nn.Module
        The embeddings that its output is tied to.
    """

    def __init__(self, model: Any, words: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.stub = _Handover()
        setattr(model, model.base_model_prefix, self.stub)
        if model.config.tie_word_embeddings:
            model.get_output_embeddings().weight = words.weight

    def forward(self, vectors: Tensor) -> Tensor:  # (N, D) -> (N, V)
        """Return logits (N, V) over the vocabulary for N tokens' vectors (N, D)."""
        self.stub.vectors = vectors.unsqueeze(0)
        return self.model(input_ids=vectors.new_zeros(1, 1, dtype=torch.long)).logits[0]


class _Handover(nn.Module):
    vectors: Tensor

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return _Output(self.vectors)


class _Output(tuple):
    """A transformer's output, as far as heads look at it."""

    def __new__(cls, vectors: Tensor) -> "_Output":
        return super().__new__(cls, (vectors,))

    @property
    def last_hidden_state(self) -> Tensor:
        return self[0]

    hidden_states = attentions = None


def contrastive_loss(
    first: Tensor, second: Tensor, temperature: float, is_allowed: Tensor | None = None
) -> Tensor:
    """Return how badly each row finds its partner among all, and the partner its row.

    Parameters
    ----------
    first : tensor of shape (B, D)
        Of length 1.
    second : tensor of shape (C, D)
        The first B rows are the partners of `first`, in order.
    temperature : float
        What cosines are divided by.
    is_allowed : bool tensor of shape (B, C), optional
        Which rows of `second` may count against a row of `first`; partners always take part.

    Returns
    -------
    tensor of shape ()
    """
    n_pairs = len(first)
    scores = (first @ second.T).float() / temperature  # (B, C)
    if is_allowed is not None:
        diagonal = torch.eye(n_pairs, scores.shape[1], dtype=torch.bool, device=scores.device)
        scores = scores.masked_fill(~(is_allowed | diagonal), -torch.inf)
    targets = torch.arange(n_pairs, device=scores.device)
    there = nn.functional.cross_entropy(scores, targets)
    back = nn.functional.cross_entropy(scores[:, :n_pairs].T, targets)
    return (there + back) / 2
