"""Any picture encoder of the CLIP and SigLIP kind, as it was published or taught on a shop's pictures."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoTokenizer

from ecomai.inference.pictures import Preparation
from ecomai.learning.base import Estimator
from ecomai.learning.callbacks import Callback
from ecomai.learning.devices import find_device, seeded
from ecomai.learning.exceptions import InvalidDataError, MissingEncoderError
from ecomai.learning.quiet import silence_transformers
from ecomai.learning.trainer import TrainingPlan, train

from .base import check_texts, says_something
from .bases import is_offline
from .picture_pairs import PicturePairs
from .picture_task import PictureTask
from .towers import PictureTower, WordTower

BACKBONE_FOLDER = "backbone"
#: Of transformers' types of models: those whose pictures and words share one space.
MODEL_TYPES = ("clip", "siglip")
# With fewer pictures their mean says more of them than of how pictures lie in the encoder's space.
LEAST_TO_CENTRE = 32

silence_transformers()


class PretrainedImageEncoder(Estimator):
    """Encode pictures, and the words that could describe them, with a pretrained pair of transformers.

    Vectors are counted from the middle of the shop's own: those of pictures lie in one narrow cone, and
    those of words in another. So the cosine of two products that have nothing in common is about 0, and a
    vector of zeros says nothing either way.

    Parameters
    ----------
    model : str
        A folder or a Hugging Face id of a CLIP or SigLIP model; ids must be in the local cache unless
        downloads are allowed.
    max_epochs : int, default 0
        Passes over the shop's pictures to learn from them; 0 leaves the weights as they were published.
    trained : {"all", "projections"}, default "all"
        Which weights learn; `projections` are the last matrix of each transformer (its pooling in SigLIP).
    batch_size : int, default 64
    learning_rate : float, default 1e-5
    weight_decay : float, default 0.01
    temperature : float, default 0.07
        What cosines are divided by while it learns.
    augmentation : float in [0, 1], default 0.5
        How much pictures are changed while it learns; see `augmentation.changed`.
    random_state : int, default 0
    device : str, default "auto"

    Attributes
    ----------
    n_features_ : int
        Size of a vector.
    source_ : str
        Folder or id the weights came from.
    picture_centre_, word_centre_ : float32 arrays of shape (n_features,)
        The middle of the shop's pictures and words.
    pictures, words : PictureTower and WordTower
        The networks, for export.
    preparation : Preparation
        How pictures become numbers.
    tokenizer

    References
    ----------
    Radford et al., "Learning transferable visual models from natural language supervision", 2021; Zhai
    et al., "Sigmoid loss for language image pre-training", 2023; Liang et al., "Mind the gap: understanding
    the modality gap in multi-modal contrastive representation learning", 2022, for the cones.
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("picture_centre_", "word_centre_")
    learned_values: ClassVar[tuple[str, ...]] = ("n_features_", "source_")

    def __init__(
        self,
        model: str,
        max_epochs: int = 0,
        trained: str = "all",
        batch_size: int = 64,
        learning_rate: float = 1e-5,
        weight_decay: float = 0.01,
        temperature: float = 0.07,
        augmentation: float = 0.5,
        random_state: int = 0,
        device: str = "auto",
    ) -> None:
        self.model = model
        self.max_epochs = max_epochs
        self.trained = trained
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.temperature = temperature
        self.augmentation = augmentation
        self.random_state = random_state
        self.device = device

    def fit(
        self,
        images: Sequence[Image.Image] = (),
        texts: Sequence[str] = (),
        *,
        callbacks: Sequence[Callback] = (),
        checkpoint_folder: str | Path | None = None,
    ) -> Self:
        """Load the weights, and learn which picture belongs to which text.

        Parameters
        ----------
        images : sequence of n_items PIL.Image.Image
            The shop's pictures; opened one after the other, so they may lie on disk.
        texts : sequence of n_items str
            What the shop says of the same items; empty where it says nothing.
        callbacks : sequence of Callback, default ()
        checkpoint_folder : path, optional
            Private to this training; a training that was killed goes on from there.

        Returns
        -------
        PretrainedImageEncoder
            Itself.

        Raises
        ------
        MissingEncoderError
            If the folder or id leads to no model of this kind, or a file is missing.
        InvalidDataError
            If there is not one text for each picture, or nothing to learn from.
        """
        _check_pairs(images, texts, needed=2 if self.max_epochs else 0)
        self.source_ = self._begin(texts)
        if self.max_epochs:
            self._learn(images, texts, callbacks, checkpoint_folder)
        self.picture_centre_ = _middle(self._vectors_of_pictures(images))
        self.word_centre_ = _middle(self._vectors_of_words([text for text in texts if says_something(text)]))
        self._set_centres()
        return self

    def encode(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Return what pictures show, as vectors whose dot product is their cosine.

        Parameters
        ----------
        images : sequence of n_images PIL.Image.Image

        Returns
        -------
        float32 array of shape (n_images, n_features)
            Of length 1.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        InvalidDataError
            If an entry is no picture.
        """
        self.check_is_fitted()
        _check_pictures(images)
        return self._vectors_of_pictures(images)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return what words describe, as vectors to be compared with those of pictures.

        Parameters
        ----------
        texts : sequence of n_texts str

        Returns
        -------
        float32 array of shape (n_texts, n_features)
            Of length 1; zeros for a text without letters or digits.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        InvalidDataError
            If an entry is not a text.
        """
        self.check_is_fitted()
        check_texts(texts)
        vectors = self._vectors_of_words(list(texts))
        vectors[[not says_something(text) for text in texts]] = 0
        return vectors

    def tokenize(self, texts: Sequence[str]) -> Tensor:
        """Return the input of `words`, an int64 tensor of shape (n_texts, max_length)."""
        # Published models of both kinds read texts that fill their length, without a mask.
        tokens: Any = self.tokenizer(
            list(texts),
            padding="max_length",
            truncation=True,
            max_length=self.max_length,
            return_tensors="pt",
        )
        return tokens["input_ids"].to(self._device())

    @property
    def max_length(self) -> int:
        """Tokens of a text that are read."""
        return int(self.words.backbone.config.text_config.max_position_embeddings)

    # -- loading ----------------------------------------------------------------------------------

    def _begin(self, texts: Sequence[str]) -> str:
        """Make the networks that learning begins with; return where they came from."""
        self._load(self.model)
        return self.model

    def _load(self, source: str) -> None:
        backbone, tokenizer, preparation = read_model(source)
        self._take(backbone, tokenizer, preparation)

    def _take(self, backbone: Any, tokenizer: Any, preparation: Preparation) -> None:
        backbone.eval().requires_grad_(False).to(find_device(self.device))
        self.tokenizer, self.preparation = tokenizer, preparation
        with torch.no_grad():
            size = (1, 3, preparation.height, preparation.width)
            probe = backbone.get_image_features(torch.zeros(size, device=find_device(self.device)))
        self.n_features_ = int(probe.pooler_output.shape[-1])
        self.pictures = PictureTower(backbone, self.n_features_).to(find_device(self.device)).eval()
        self.words = WordTower(backbone, self.n_features_).to(find_device(self.device)).eval()

    def to_device(self) -> None:
        """Move the networks to the device asked for."""
        self.pictures.to(find_device(self.device))
        self.words.to(find_device(self.device))

    def _device(self) -> torch.device:
        return next(self.pictures.parameters()).device

    def _set_centres(self) -> None:
        self.pictures.centre.copy_(torch.from_numpy(self.picture_centre_))
        self.words.centre.copy_(torch.from_numpy(self.word_centre_))

    # -- learning ---------------------------------------------------------------------------------

    def _learn(
        self, images: Sequence[Image.Image], texts: Sequence[str], callbacks: Sequence[Callback],
        checkpoint_folder: str | Path | None,
    ) -> None:  # fmt: skip
        backbone = self.pictures.backbone
        for weight in self._weights_that_learn(backbone):
            weight.requires_grad_(True)
        pairs = PicturePairs(
            images, texts, prepare=self.preparation, tokenize=lambda some: self.tokenize(some).cpu(),
            strength=self.augmentation, random_state=self.random_state,
        )  # fmt: skip
        plan = TrainingPlan(
            max_epochs=self.max_epochs,
            batch_size=min(self.batch_size, len(images)),
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            warmup=0.1,
            random_state=self.random_state,
            device=self.device,
        )
        with seeded(self.random_state):
            train(
                PictureTask(self.pictures, self.words, self.temperature), pairs, plan,
                checkpoint_folder=checkpoint_folder, callbacks=callbacks,
                fingerprint={"hyperparameters": self.get_params(), "texts": list(texts)},
            )  # fmt: skip
        backbone.eval().requires_grad_(False)

    def _weights_that_learn(self, backbone: nn.Module) -> Iterator[nn.Parameter]:
        if self.trained not in ("all", "projections"):
            raise InvalidDataError(f"trained must be 'all' or 'projections', not {self.trained!r}.")
        last = ("visual_projection", "text_projection", "vision_model.head", "text_model.head")
        for name, weight in backbone.named_parameters():
            if self.trained == "all" or name.startswith(last):
                yield weight

    # -- encoding ---------------------------------------------------------------------------------

    def _vectors_of_pictures(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        vectors = np.empty((len(images), self.n_features_), dtype=np.float32)
        for start in range(0, len(images), self.batch_size):
            rows = range(start, min(start + self.batch_size, len(images)))
            pixels = torch.from_numpy(self.preparation([images[row] for row in rows])).to(self._device())
            with torch.no_grad():
                vectors[rows.start : rows.stop] = self.pictures(pixels).cpu().numpy()
        return vectors

    def _vectors_of_words(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.empty((len(texts), self.n_features_), dtype=np.float32)
        for start in range(0, len(texts), self.batch_size):
            some = texts[start : start + self.batch_size]
            with torch.no_grad():
                vectors[start : start + len(some)] = self.words(self.tokenize(some)).cpu().numpy()
        return vectors

    # -- files ------------------------------------------------------------------------------------

    def _save_parts(self, folder: Path) -> None:
        target = folder / BACKBONE_FOLDER
        shutil.rmtree(target, ignore_errors=True)
        write_model(self.pictures.backbone, self.tokenizer, self.preparation, target)

    def _load_parts(self, folder: Path) -> None:
        self._load(str(folder / BACKBONE_FOLDER))
        self._set_centres()


def read_model(source: str) -> tuple[Any, Any, Preparation]:
    """Return a published model, its tokenizer and how its pictures are prepared.

    Parameters
    ----------
    source : str
        A folder, or an id in the local Hugging Face cache.

    Returns
    -------
    tuple of transformers model, tokenizer and Preparation

    Raises
    ------
    MissingEncoderError
        If a file is missing or cut off, or the model is neither CLIP nor SigLIP.
    """
    here = {"local_files_only": is_offline()}
    try:
        kind = AutoConfig.from_pretrained(source, **here).model_type
        if kind not in MODEL_TYPES:
            raise ValueError(f"It is of the type {kind}.")
        tokenizer = AutoTokenizer.from_pretrained(source, **here)
        # Pillow's processor: torchvision need not be there, and is not where pictures are searched.
        processor = AutoImageProcessor.from_pretrained(source, backend="pil", **here)
        backbone, found = AutoModel.from_pretrained(
            source, dtype=torch.float32, output_loading_info=True, **here
        )
        if found["missing_keys"]:  # transformers would go on with random numbers in their place
            raise ValueError(f"{len(found['missing_keys'])} weights are missing.")
    except Exception as error:  # a file that is cut off raises whatever its parser does
        raise MissingEncoderError(
            f"No image encoder could be loaded from {source!r}. Give a folder with a CLIP or SigLIP model, "
            f"its tokenizer and preprocessor_config.json, or an id that is in the local Hugging Face cache."
        ) from error
    return backbone, tokenizer, preparation_of(processor)


def write_model(backbone: Any, tokenizer: Any, preparation: Preparation, folder: Path) -> None:
    """Write a model as a published one would lie there.

    Parameters
    ----------
    backbone, tokenizer
    preparation : Preparation
    folder : Path
    """
    from transformers import CLIPImageProcessorPil

    backbone.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    size = {"height": preparation.height, "width": preparation.width}
    CLIPImageProcessorPil(
        size={"shortest_edge": preparation.shortest} if preparation.shortest else size,
        crop_size=size, do_center_crop=preparation.shortest > 0, resample=preparation.resample,
        rescale_factor=preparation.scale, image_mean=list(preparation.mean), image_std=list(preparation.std),
    ).save_pretrained(folder)  # fmt: skip


def preparation_of(processor: Any) -> Preparation:
    """Return what a processor of transformers does with pictures, for those that have no transformers.

    Parameters
    ----------
    processor : transformers image processor of CLIP or SigLIP

    Returns
    -------
    Preparation

    Raises
    ------
    MissingEncoderError
        If it does something else besides.
    """
    size, crop = processor.size, processor.crop_size if processor.do_center_crop else None
    shortest = int(size.shortest_edge or 0)
    target = crop if shortest else size
    if target is None or not target.height or not processor.do_resize or (not shortest and crop is not None):
        raise MissingEncoderError("The encoder prepares its pictures in a way that is not known here.")
    return Preparation(
        height=int(target.height),
        width=int(target.width),
        shortest=shortest,
        resample=int(processor.resample),
        scale=float(processor.rescale_factor) if processor.do_rescale else 1.0,
        mean=tuple(processor.image_mean) if processor.do_normalize else (0.0, 0.0, 0.0),
        std=tuple(processor.image_std) if processor.do_normalize else (1.0, 1.0, 1.0),
    )


def _middle(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    if len(vectors) < LEAST_TO_CENTRE:
        return np.zeros(vectors.shape[1], dtype=np.float32)
    return vectors.mean(axis=0)


def _check_pairs(images: Sequence[Image.Image], texts: Sequence[str], *, needed: int) -> None:
    check_texts(texts)
    if len(images) != len(texts):
        raise InvalidDataError(f"There are {len(texts)} texts for {len(images)} pictures.")
    if len(images) < needed:
        raise InvalidDataError(f"There are {len(images)} pictures; at least {needed} are needed to learn.")


def _check_pictures(images: Sequence[Image.Image]) -> None:
    for image in images:
        if not isinstance(image, Image.Image):
            raise InvalidDataError(f"Pictures must be of Pillow, not {type(image).__name__}.")
