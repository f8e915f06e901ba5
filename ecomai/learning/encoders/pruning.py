"""Transformers made smaller: without layers, feed-forward units and words that a shop can do without."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from ecomai.learning.exceptions import InvalidDataError

from .bases import find_layers

SPECIAL_TOKENS = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token", "bos_token", "eos_token")
#: What marks the beginning or the inside of a word in a vocabulary.
WORD_MARKS = ("##", "▁")
#: Configurations call the width of the feed-forward part one of these.
WIDTH_NAMES = ("intermediate_size", "hidden_dim")


def drop_layers(backbone: Any, n_layers: int) -> None:
    """Keep layers evenly from the lowest to the highest, in place.

    Parameters
    ----------
    backbone : nn.Module
        Owns its weights and its configuration.
    n_layers : int

    Raises
    ------
    InvalidDataError
        If there are fewer layers.

    References
    ----------
    Sajjad et al., "On the effect of dropping layers of pre-trained transformer models", 2023.
    """
    layers = find_layers(backbone)
    if not 1 <= n_layers <= len(layers):
        raise InvalidDataError(f"n_layers must be from 1 to {len(layers)}.")
    kept = np.linspace(0, len(layers) - 1, n_layers).round().astype(int).tolist()
    all_layers = list(layers)
    del layers[n_layers:]
    for place, layer in enumerate(kept):
        layers[place] = all_layers[layer]
    if getattr(backbone.config, "layer_types", None):
        backbone.config.layer_types = [backbone.config.layer_types[layer] for layer in kept]
    backbone.config.num_hidden_layers = n_layers


def prune_feed_forward(backbone: Any, share: float, batches: Sequence[dict[str, Tensor]]) -> None:
    """Keep the feed-forward units that contribute most to what each layer says, in place.

    Parameters
    ----------
    backbone : nn.Module
        Owns its weights and its configuration.
    share : float in (0, 1]
        How many are kept.
    batches : sequence of dict of tensors
        Texts to judge the units by.

    Raises
    ------
    InvalidDataError
        If the feed-forward part is not two matrices, as where it is gated.

    References
    ----------
    Michel et al., "Are sixteen heads really better than one?", 2019, for structured pruning by
    importance; Sun et al., "A simple and effective pruning approach for large language models", 2024,
    for weights times activations.
    """
    found = [_feed_forward(layer, backbone.config.hidden_size) for layer in find_layers(backbone)]
    importance = _contributions(backbone, [down for _up, down in found], batches)
    n_kept = max(1, round(share * found[0][0].out_features))
    for up, down in found:
        kept = torch.sort(torch.topk(importance[down], n_kept).indices).values
        up.weight = nn.Parameter(up.weight[kept].clone())
        if up.bias is not None:
            up.bias = nn.Parameter(up.bias[kept].clone())
        down.weight = nn.Parameter(down.weight[:, kept].clone())
        up.out_features = down.in_features = n_kept
    for name in WIDTH_NAMES:
        if hasattr(backbone.config, name):
            setattr(backbone.config, name, n_kept)


def _feed_forward(layer: nn.Module, width: int) -> tuple[nn.Linear, nn.Linear]:
    linears = [module for module in layer.modules() if isinstance(module, nn.Linear)]
    ups = [module for module in linears if module.in_features == width != module.out_features]
    downs = [module for module in linears if module.in_features != width == module.out_features]
    if len(ups) != 1 or len(downs) != 1 or ups[0].out_features != downs[0].in_features:
        raise InvalidDataError(
            f"The feed-forward part of {type(layer).__name__} is not two matrices; leave "
            f"feed_forward_share at 1."
        )
    return ups[0], downs[0]


def _contributions(
    backbone: nn.Module, downs: Sequence[nn.Linear], batches: Sequence[dict[str, Tensor]]
) -> dict[nn.Module, Tensor]:
    """Return for each unit its mean activation times the length of what it adds."""
    activations: dict[nn.Module, Any] = dict.fromkeys(downs, 0.0)

    def note(module: nn.Module, inputs: Any) -> None:
        activations[module] = activations[module] + inputs[0].abs().flatten(0, -2).mean(0)

    hooks = [down.register_forward_pre_hook(note) for down in downs]
    with torch.no_grad():
        for batch in batches:
            backbone(**batch)
    for hook in hooks:
        hook.remove()
    return {down: activations[down] * down.weight.norm(dim=0) for down in downs}


def prune_vocabulary(backbone: Any, tokenizer: Any, texts: Sequence[str]) -> Any:
    """Keep the words of a shop, in place, and return a tokenizer that knows no others.

    What is needed to write the texts stays, and all single letters, so that a word which comes later
    can be spelled. Texts made of what is kept keep their vectors.

    Parameters
    ----------
    backbone : nn.Module
        Owns its weights and its configuration.
    tokenizer
        Of the kinds WordPiece, WordLevel or Unigram.
    texts : sequence of str

    Returns
    -------
    PreTrainedTokenizerFast

    Raises
    ------
    InvalidDataError
        If the tokenizer is of another kind.

    References
    ----------
    Abdaoui et al., "Load what you need: smaller versions of multilingual BERT", 2020.
    """
    description = json.loads(tokenizer.backend_tokenizer.to_str())
    kept = _kept_tokens(tokenizer, texts)
    number = {int(old): new for new, old in enumerate(kept)}
    if number.get(tokenizer.pad_token_id) != tokenizer.pad_token_id:
        raise InvalidDataError("This tokenizer's padding would move; leave is_vocabulary_pruned off.")
    _renumber(description, number)
    words = backbone.get_input_embeddings()
    fewer = nn.Embedding(len(kept), words.embedding_dim, padding_idx=words.padding_idx)
    fewer.weight = nn.Parameter(words.weight[torch.from_numpy(kept)].detach().clone())
    backbone.set_input_embeddings(fewer)
    backbone.config.vocab_size = len(kept)
    for name in ("bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"):
        if isinstance(getattr(backbone.config, name, None), int):
            setattr(backbone.config, name, number.get(getattr(backbone.config, name)))
    special = {name: getattr(tokenizer, name) for name in SPECIAL_TOKENS if getattr(tokenizer, name, None)}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(description)),
        model_max_length=tokenizer.model_max_length,
        **special,
    )


def _kept_tokens(tokenizer: Any, texts: Sequence[str]) -> NDArray[np.int64]:
    used = {number for row in tokenizer(list(texts))["input_ids"] for number in row}
    used |= set(tokenizer.all_special_ids) | set(tokenizer.get_added_vocab().values())
    for token, number in tokenizer.get_vocab().items():
        for mark in WORD_MARKS:
            token = token.removeprefix(mark)
        if len(token) <= 1:
            used.add(number)
    return np.array(sorted(used), dtype=np.int64)


def _renumber(description: dict[str, Any], number: dict[int, int]) -> None:
    """Renumber what a tokenizer's description says of the tokens that are kept."""
    model = description["model"]
    if model["type"] in ("WordPiece", "WordLevel"):
        model["vocab"] = {token: number[old] for token, old in model["vocab"].items() if old in number}
    elif model["type"] == "Unigram":
        model["vocab"] = [piece for old, piece in enumerate(model["vocab"]) if old in number]
        model["unk_id"] = number[model["unk_id"]]
    else:
        raise InvalidDataError(
            f"The vocabulary of a {model['type']} tokenizer cannot be pruned; leave is_vocabulary_pruned off."
        )
    for token in description["added_tokens"]:
        token["id"] = number[token["id"]]
    _renumber_frame(description.get("post_processor") or {}, number)
    description["padding"] = description["truncation"] = None


def _renumber_frame(frame: dict[str, Any], number: dict[int, int]) -> None:
    for step in frame.get("processors", []):
        _renumber_frame(step, number)
    for token in (
        frame.get("special_tokens", {}).values() if frame.get("type") == "TemplateProcessing" else ()
    ):
        token["ids"] = [number[old] for old in token["ids"]]
    for name in ("sep", "cls"):
        if name in frame:
            frame[name][1] = number[frame[name][1]]
