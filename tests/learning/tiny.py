"""Transformers small enough to be made on the spot."""

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    AutoModel,
    BertConfig,
    DistilBertConfig,
    ModernBertConfig,
    MPNetConfig,
    PreTrainedTokenizerFast,
)

from ecomai.learning.devices import seeded

WORDS = (
    "red", "blue", "green", "dress", "shirt", "shoes", "headphones", "cable", "mug", "plate", "lamp", "for",
    "the", "summer", "winter", "of",
)  # fmt: skip
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, ",", "[MASK]"]
SIZES = {"vocab_size": len(VOCABULARY), "max_position_embeddings": 160}
TINY_BERT = BertConfig(
    hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, **SIZES
)
#: Two layers of 32 features, in other architectures.
ARCHITECTURES: dict[str, Any] = {
    "bert": BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, **SIZES
    ),
    "distilbert": DistilBertConfig(dim=32, n_layers=2, n_heads=2, hidden_dim=64, **SIZES),
    "modernbert": ModernBertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48, pad_token_id=0,
        bos_token_id=2, eos_token_id=3, cls_token_id=2, sep_token_id=3, **SIZES,
    ),
    "mpnet": MPNetConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, **SIZES
    ),
}  # fmt: skip


def write_tiny_bert(folder: Path) -> str:
    """Write a BERT of 16 features and a tokenizer of a few words, as a published encoder would lie there."""
    return write_tiny(folder, TINY_BERT)


def write_tiny(folder: Path, config: Any, *, random_state: int = 0) -> str:
    """Write a random transformer of any architecture, with the same tokenizer."""
    vocabulary = {word: n for n, word in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    ).save_pretrained(folder)
    with seeded(random_state):
        AutoModel.from_config(config).save_pretrained(folder)
    return str(folder)
