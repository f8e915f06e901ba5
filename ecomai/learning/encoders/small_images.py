"""A picture encoder without published weights: it learns all from the shop's own pictures and texts."""

from collections.abc import Iterator, Sequence
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from torch import nn
from transformers import CLIPConfig, CLIPModel, PreTrainedTokenizerFast

from ecomai.inference.pictures import Preparation
from ecomai.learning.devices import seeded
from ecomai.learning.exceptions import InvalidDataError

from .images import PretrainedImageEncoder

BICUBIC = 3  # Pillow's number of it
PATCH = 8  # pixels
N_TOKENS = 32
N_WORD_PIECES = 4000
SPECIAL = ("[PAD]", "[UNK]", "[START]", "[END]")
PAD, UNKNOWN, START, END = range(len(SPECIAL))


class SmallImageEncoder(PretrainedImageEncoder):
    """Learn a small CLIP from nothing but a shop's pictures and what it says of them.

    For shops that cannot have a published model. It tells apart what the shop sells, by shape and colour;
    what it never saw, it knows nothing of.

    Parameters
    ----------
    side : int, default 48
        Of the pictures it reads, in pixels; a multiple of 8.
    dim : int, default 64
        Width of both transformers and of the vectors; a multiple of 32.
    n_layers : int, default 2
        Of each transformer.
    max_epochs : int, default 40
    batch_size, learning_rate, weight_decay, temperature, augmentation, random_state, device
        As in `PretrainedImageEncoder`.
    """

    def __init__(
        self,
        side: int = 48,
        dim: int = 64,
        n_layers: int = 2,
        max_epochs: int = 40,
        batch_size: int = 32,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.05,
        temperature: float = 0.1,
        augmentation: float = 0.5,
        random_state: int = 0,
        device: str = "auto",
    ) -> None:
        self.side = side
        self.dim = dim
        self.n_layers = n_layers
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.temperature = temperature
        self.augmentation = augmentation
        self.random_state = random_state
        self.device = device

    def _begin(self, texts: Sequence[str]) -> str:
        if self.side % PATCH or self.dim % 32:
            raise InvalidDataError(f"side must be a multiple of {PATCH}, and dim of 32.")
        tokenizer = learn_words(texts)
        with seeded(self.random_state):
            backbone = CLIPModel(self._config(len(tokenizer)))
        half = (0.5, 0.5, 0.5)
        self._take(
            backbone, tokenizer, Preparation(self.side, self.side, self.side, BICUBIC, 1 / 255, half, half)
        )
        return ""

    def _weights_that_learn(self, backbone: nn.Module) -> Iterator[nn.Parameter]:
        return backbone.parameters()

    def _config(self, n_pieces: int) -> CLIPConfig:
        sizes: dict[str, Any] = {
            "hidden_size": self.dim,
            "intermediate_size": 2 * self.dim,
            "num_attention_heads": self.dim // 32,
            "projection_dim": self.dim,
        }
        return CLIPConfig(
            projection_dim=self.dim,
            vision_config={
                **sizes, "num_hidden_layers": self.n_layers, "image_size": self.side, "patch_size": PATCH,
            },
            text_config={
                **sizes, "num_hidden_layers": 1, "vocab_size": n_pieces, "max_position_embeddings": N_TOKENS,
                "bos_token_id": START, "eos_token_id": END, "pad_token_id": PAD,
            },
        )  # fmt: skip


def learn_words(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """Return a tokenizer of the pieces of words, and of single characters of Chinese, that texts have.

    Parameters
    ----------
    texts : sequence of n_texts str

    Returns
    -------
    PreTrainedTokenizerFast
    """
    tokenizer = Tokenizer(models.WordPiece(unk_token=SPECIAL[UNKNOWN]))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=N_WORD_PIECES, special_tokens=list(SPECIAL), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{SPECIAL[START]} $A {SPECIAL[END]}",
        special_tokens=[(SPECIAL[START], START), (SPECIAL[END], END)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=SPECIAL[PAD], unk_token=SPECIAL[UNKNOWN],
        bos_token=SPECIAL[START], eos_token=SPECIAL[END],
    )  # fmt: skip
