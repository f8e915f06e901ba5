"""A published text encoder, adapted to one shop: its words first, then what goes together in it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ecomai.learning.callbacks import Callback
from ecomai.learning.devices import seeded
from ecomai.learning.exceptions import InvalidDataError, MissingEncoderError
from ecomai.learning.interactions import Interactions, as_interactions
from ecomai.learning.splits import Split, leave_last_out
from ecomai.learning.trainer import TrainingPlan

from .adapters import KINDS, LEARNING_RATES, build_network, merge, own_tensors
from .base import check_texts, says_something
from .item_judge import METRIC, ItemJudge
from .pairs import KNOWN_WINDOW, N_NEAREST, ItemPairs, co_taken, draw_pairs, nearest_never_taken
from .pretrained import DEFAULT_MODEL, PretrainedTextEncoder, find_model
from .pretraining import OBJECTIVES, PretrainingTexts, choose_texts, make_pretraining_task
from .stages import Stages
from .tasks import ItemTask, TextTask
from .tokens import TokenisedTexts, distinct, encode_rows

ADAPTER_FILE = "adapter.safetensors"
NONE = "none"
#: Texts are cut shorter in training than when they are read: the loss needs no more of a title.
TRAINED_LENGTH = 48


class AdaptedTextEncoder(PretrainedTextEncoder):
    """Continue the training of a transformer on the shop's texts, and on what its customers take.

    Stored without the transformer it stands on, unless all of its weights were moved.

    Parameters
    ----------
    model : str, default "all-MiniLM-L6-v2"
        As in `PretrainedTextEncoder`.
    kind : {"full", "lora", "adalora", "prefix", "bottleneck"}, default "lora"
        What is trained: the transformer's weights, or adapters beside them.
    layers : {"all", "head"} or int, default "all"
        Which layers learn; a number counts from the top. "head" trains a square matrix on the pooled
        vector and nothing else, whatever the kind.
    rank : int, default 8
        Rank of LoRA (AdaLoRA's on average), width of a bottleneck, number of prefix positions.
    pretraining : {"none", "masked", "contrastive", "both"}, default "none"
        On texts alone, before the items: guess masked tokens, recognise changed texts.
    contrastive_weight : float, default 1.0
        Beside the masked tokens, with "both".
    temperature : float, default 0.05
        What cosines are divided by.
    augmentation : float in [0, 1), default 0.1
        Share of a text's tokens that a training step leaves out; attributes between separators are
        shuffled too.
    window : int, default 3
        How many steps apart in a history two items still go together.
    n_hard_negatives : int, default 1
        Items per pair whose texts are near, but which nobody took together.
    max_texts, max_pairs : int, default 20000
        Drawn from all texts and pairs, to bound the time.
    pretraining_epochs, max_epochs : int, default 1 and 3
        Passes over texts, and over pairs at most.
    train_batch_size : int, default 64
        More pairs in a batch are more items to tell apart.
    learning_rate : float or None, default None
        None takes what suits the kind.
    warmup : float in [0, 1), default 0.1
        Share of the steps over which the learning rate rises.
    patience : int, default 1
        Epochs without a better MRR@10 on the validation cases after which training stops.
    is_merged : bool, default True
        Whether LoRA and AdaLoRA are added to the weights once trained: faster, but those weights are
        no longer shared with other encoders. Other adapters stay beside them.
    max_length, batch_size, device
        As in `PretrainedTextEncoder`.
    random_state : int, default 0

    Attributes
    ----------
    base_digest_ : str
        Of the transformer it stands on; a saved adapter is loaded onto no other.
    n_trained_ : int
        Weights that were moved.
    best_epoch_ : int or None
        Of the item task; None without validation cases.
    judged_ : list of float
        MRR@10 on the validation cases before the item task and after each epoch.

    References
    ----------
    Hu et al., "LoRA", 2022; Zhang et al., "Adaptive budget allocation for parameter-efficient
    fine-tuning", 2023. The modules `tasks`, `prefix` and `bottleneck` name their own.
    """

    learned_values: ClassVar[tuple[str, ...]] = (
        "n_features_", "source_", "base_digest_", "n_trained_", "best_epoch_", "judged_",
    )  # fmt: skip

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        kind: str = "lora",
        layers: str | int = "all",
        rank: int = 8,
        pretraining: str = NONE,
        contrastive_weight: float = 1.0,
        temperature: float = 0.05,
        augmentation: float = 0.1,
        window: int = 3,
        n_hard_negatives: int = 1,
        max_texts: int = 20_000,
        max_pairs: int = 20_000,
        pretraining_epochs: int = 1,
        max_epochs: int = 3,
        train_batch_size: int = 64,
        learning_rate: float | None = None,
        warmup: float = 0.1,
        patience: int = 1,
        is_merged: bool = True,
        max_length: int = 128,
        batch_size: int = 32,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        super().__init__(model, max_length, batch_size, device)
        self.kind = kind
        self.layers = layers
        self.rank = rank
        self.pretraining = pretraining
        self.contrastive_weight = contrastive_weight
        self.temperature = temperature
        self.augmentation = augmentation
        self.window = window
        self.n_hard_negatives = n_hard_negatives
        self.max_texts = max_texts
        self.max_pairs = max_pairs
        self.pretraining_epochs = pretraining_epochs
        self.max_epochs = max_epochs
        self.train_batch_size = train_batch_size
        self.learning_rate = learning_rate
        self.warmup = warmup
        self.patience = patience
        self.is_merged = is_merged
        self.random_state = random_state

    def fit(
        self,
        texts: Sequence[str] = (),
        interactions: Interactions | None = None,
        *,
        unlabelled: Sequence[str] = (),
        valid: Split | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint_folder: str | Path | None = None,
    ) -> Self:
        """Adapt the encoder.

        Parameters
        ----------
        texts : sequence of n_items str
            What each item says; for pretraining alone, any texts.
        interactions : Interactions, optional
            Of the same items; without them there is no item task.
        unlabelled : sequence of str, default ()
            More texts to pretrain on: reviews, queries.
        valid : Split, optional
            Cases later than `interactions`, to stop early on.
        callbacks : sequence of Callback, default ()
        checkpoint_folder : path, optional
            Private to this training; with it, a training that was killed goes on where it was.

        Returns
        -------
        AdaptedTextEncoder
            Itself.

        Raises
        ------
        InvalidDataError
            If there is nothing to learn from, or the transformer cannot be trained as asked.
        MissingEncoderError
            If the transformer cannot be loaded.
        TrainingCancelledError
            If a callback asks for it.
        """
        unlabelled = self._check(texts, interactions, unlabelled)
        self.source_ = find_model(self.model)
        base = self._take_base(self.source_)
        self.base_digest_ = base.digest
        self.n_features_ = int(base.backbone.config.hidden_size)
        self.judged_: list[float] = []
        self.best_epoch_: int | None = None
        stages = Stages(self, callbacks, checkpoint_folder, [texts, unlabelled, interactions])
        with seeded(self.random_state):
            pairs = None if interactions is None else self._draw_pairs(interactions, texts)
            n_steps = self._n_steps(len(unlabelled), 0 if pairs is None else len(pairs))
            self.network, self._tuner = self._build(n_steps)
            self.to_device()
            if self.pretraining != NONE:
                self._pretrain(unlabelled, stages)
            if interactions is not None and pairs is not None:
                self._learn_items(texts, interactions, pairs, valid, stages)
        self._finish()
        return self

    def merge_adapters(self) -> Self:
        """Add low-rank adapters to the weights they adapt; other adapters stay as they are.

        Returns
        -------
        AdaptedTextEncoder
            Itself. What `save` writes does not change.
        """
        self.check_is_fitted()
        if self._tuner is not None:
            self.network = merge(self.network, self._tuner).eval()
            self._tuner = None
        return self

    @property
    def is_standalone(self) -> bool:
        """Whether all weights were moved, so that nothing of the published transformer is left."""
        return self.kind == "full" and self.layers == "all"

    def _check(
        self, texts: Sequence[str], interactions: Interactions | None, unlabelled: Sequence[str]
    ) -> list[str]:
        """Return the texts to pretrain on, different ones only."""
        check_texts(texts)
        check_texts(unlabelled)
        if self.kind not in KINDS:
            raise InvalidDataError(f"kind must be one of {', '.join(KINDS)}; it is {self.kind!r}.")
        if self.pretraining not in (NONE, *OBJECTIVES):
            raise InvalidDataError(
                f"pretraining must be one of {', '.join((NONE, *OBJECTIVES))}; it is {self.pretraining!r}."
            )
        if interactions is not None:
            as_interactions(interactions, n_items=len(texts))
        elif self.pretraining == NONE:
            raise InvalidDataError("There is nothing to learn: give interactions, or choose a pretraining.")
        speaking = dict.fromkeys(text for text in (*texts, *unlabelled) if says_something(text))
        if not speaking:
            raise InvalidDataError("No text has a letter or a digit to learn from.")
        if self.pretraining in ("contrastive", "both") and len(speaking) < 2:
            raise InvalidDataError("Contrastive pretraining needs at least two different texts.")
        return list(speaking)

    def _build(self, n_steps: int) -> tuple[Any, Any]:
        return build_network(
            self._base.backbone, kind=self.kind, layers=self.layers, rank=self.rank, n_steps=n_steps
        )

    def _n_steps(self, n_texts: int, n_pairs: int) -> int:
        n_texts = 0 if self.pretraining == NONE else min(self.max_texts, n_texts)
        stages = ((self.pretraining_epochs, n_texts), (self.max_epochs, n_pairs))
        return sum(n_epochs * -(-n_rows // self.train_batch_size) for n_epochs, n_rows in stages)

    def _pretrain(self, unlabelled: list[str], stages: Stages) -> None:
        rng = np.random.default_rng(self.random_state)
        chosen = choose_texts(unlabelled, self.max_texts, rng)
        rows = PretrainingTexts(
            TokenisedTexts(self.tokenizer, chosen, self._trained_length),
            self.pretraining,
            self.augmentation,
            self.random_state,
        )
        task = make_pretraining_task(
            self.network, self._base, self.pretraining, self.contrastive_weight, self.temperature
        )
        stages.train("pretraining", task, rows, max_epochs=self.pretraining_epochs)

    def _draw_pairs(self, interactions: Interactions, texts: Sequence[str]) -> NDArray[np.int64]:
        rng = np.random.default_rng(self.random_state)
        return draw_pairs(interactions, texts, window=self.window, max_pairs=self.max_pairs, rng=rng)

    def _learn_items(
        self,
        texts: Sequence[str],
        interactions: Interactions,
        pairs: NDArray[np.int64],
        valid: Split | None,
        stages: Stages,
    ) -> None:
        tokenised = TokenisedTexts(self.tokenizer, texts, self._trained_length)
        self.network.eval()
        rows = self._item_rows(tokenised, interactions, pairs, distinct(texts))
        task = ItemTask(self.network, self.temperature)
        judge = None
        if valid is not None and len(valid.targets):
            judge = _judge_network(ItemJudge(valid, texts, random_state=self.random_state), tokenised)
            self.judged_ = [judge(task)[METRIC]]
        result = stages.train("items", task, rows, max_epochs=self.max_epochs, judge=judge)
        self.best_epoch_ = result.best_epoch
        self.judged_ += result.judgements.values()

    def _item_rows(
        self,
        tokenised: TokenisedTexts,
        interactions: Interactions,
        pairs: NDArray[np.int64],
        groups: NDArray[np.int64],
    ) -> ItemPairs:
        known = co_taken(interactions, max(self.window, KNOWN_WINDOW))
        nearest = np.full((len(groups), N_NEAREST), -1, dtype=np.int64)
        if self.n_hard_negatives:
            items = np.unique(pairs)
            vectors = encode_rows(self.network, tokenised, items)
            nearest = nearest_never_taken(vectors, items, known, groups)
        return ItemPairs(
            tokenised, pairs, known, groups, nearest, n_hard=self.n_hard_negatives,
            strength=self.augmentation, random_state=self.random_state,
        )  # fmt: skip

    @property
    def _trained_length(self) -> int:
        return min(self.max_length, TRAINED_LENGTH)

    def plan(self, max_epochs: int) -> TrainingPlan:
        """Return how to train.

        Parameters
        ----------
        max_epochs : int

        Returns
        -------
        TrainingPlan
        """
        usual = LEARNING_RATES["head" if self.layers == "head" else self.kind]
        return TrainingPlan(
            max_epochs=max_epochs,
            batch_size=self.train_batch_size,
            learning_rate=usual if self.learning_rate is None else self.learning_rate,
            warmup=self.warmup,
            weight_decay=0.01,
            patience=self.patience,
            random_state=self.random_state,
            device=self.device,
        )

    def _finish(self) -> None:
        """Freeze the network, keep what is its own, and merge where that is wanted."""
        self.n_trained_ = sum(weight.numel() for weight in self.network.parameters() if weight.requires_grad)
        self._stand()
        self._own = {} if self.is_standalone else own_tensors(self.network, self._base.backbone)
        if self.is_merged:
            self.merge_adapters()

    def _stand(self) -> None:
        self.network.requires_grad_(False).eval()
        self.to_device()

    def _save_parts(self, folder: Path) -> None:
        if self.is_standalone:
            super()._save_parts(folder)
        else:
            save_file(self._own, folder / ADAPTER_FILE)

    def _load_parts(self, folder: Path) -> None:
        if self.is_standalone:
            super()._load_parts(folder)
            self._tuner, self._own = None, {}
            return
        base = self._take_base(find_model(self.model))
        if base.digest != self.base_digest_:
            raise MissingEncoderError(
                f"The adapter in {str(folder)!r} was trained on another encoder than the one in "
                f"{base.source!r}; name the one it was trained on as `model`."
            )
        try:
            self._own = load_file(folder / ADAPTER_FILE)
        except (OSError, SafetensorError) as error:
            raise MissingEncoderError(f"The adapter in {str(folder)!r} is missing or cut off.") from error
        self.network, self._tuner = self._build(n_steps=100)
        self.network.load_state_dict(self._own, strict=False)
        self._stand()
        if self.is_merged:
            self.merge_adapters()


def _judge_network(judge: ItemJudge, tokenised: TokenisedTexts) -> Callable[[TextTask], dict[str, float]]:
    return lambda task: judge(encode_rows(task.network, tokenised, judge.items))


def adapt_to_shop(
    texts: Sequence[str],
    interactions: Interactions,
    *,
    valid: Split | None = None,
    callbacks: Sequence[Callback] = (),
    checkpoint_folder: str | Path | None = None,
    **hyperparameters: Any,
) -> AdaptedTextEncoder:
    """Return a published encoder that learned what goes together in a shop.

    The entry for trainings that only want better text vectors: pass the result to
    `RoutedTextEncoder.fit(texts, pretrained=...)`, or encode with it.

    Parameters
    ----------
    texts : sequence of n_items str
        What each item says; an item may say nothing.
    interactions : Interactions
        Of the same items; only the training period.
    valid : Split, optional
        To stop early on. Default: the last item of each customer in `interactions`, which then is
        not learned from.
    callbacks, checkpoint_folder
        As in `AdaptedTextEncoder.fit`.
    **hyperparameters
        Of `AdaptedTextEncoder`; `max_pairs * max_epochs / train_batch_size` steps are taken at most.

    Returns
    -------
    AdaptedTextEncoder
        Fitted.

    Raises
    ------
    InvalidDataError, MissingEncoderError, TrainingCancelledError
        As `AdaptedTextEncoder.fit`.
    """
    if valid is None:
        valid = leave_last_out(interactions, min_history=2)
        interactions = valid.train
    return AdaptedTextEncoder(**hyperparameters).fit(
        texts, interactions, valid=valid, callbacks=callbacks, checkpoint_folder=checkpoint_folder
    )
