"""Any model of semantic segmentation that transformers can load, as what tells a figure from its ground."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image
from torch.nn import functional

from ecomai.learning.devices import find_device
from ecomai.learning.quiet import silence_transformers

silence_transformers()

#: How models call what is behind a figure.
GROUND_LABELS = frozenset({"background", "bg", "ground"})
#: Below the first chance of being figure a pixel is all ground, from the second on all figure: what a coarse
#: model is not sure of would be a veil around the figure.
EDGE = (0.3, 0.7)


class CutoutModel:
    """A network of semantic segmentation with its preparation of pictures.

    One that knows two kinds of pixels or more must call one of them background; of one that says a single
    number of each pixel, the number is the log odds of the figure.

    Parameters
    ----------
    network : transformers.PreTrainedModel
    processor : transformers.BaseImageProcessor
    """

    def __init__(self, network: Any, processor: Any) -> None:
        self.network = network.eval()
        self.processor = processor
        self.ground = _ground_of(network.config)

    @classmethod
    def load(cls, name: str, *, device: str = "auto") -> "CutoutModel":
        """Load a network from a folder, or from the cache of downloads by its name.

        Weights are read from safetensors only, nothing is downloaded, and no code that comes with a model is
        run.

        Parameters
        ----------
        name : str
            A folder, or a name such as `organisation/model`.
        device : {"auto", "cpu", "cuda", ...}, default "auto"

        Returns
        -------
        CutoutModel

        Raises
        ------
        OSError, ValueError
            If there is no such model, it cannot be read, or it knows no background.
        """
        from transformers import AutoImageProcessor, AutoModelForSemanticSegmentation

        safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        network = AutoModelForSemanticSegmentation.from_pretrained(name, use_safetensors=True, **safe)
        processor = AutoImageProcessor.from_pretrained(name, backend="pil", **safe)
        return cls(network.to(find_device(device)), processor)

    def find_figure(self, picture: Image) -> NDArray[np.float32]:
        """Return how much of each pixel is figure.

        Parameters
        ----------
        picture : PIL.Image.Image
            In RGB.

        Returns
        -------
        float32 array of shape (height, width), in [0, 1]
        """
        inputs = self.processor(images=picture, return_tensors="pt").to(self.network.device)
        with torch.inference_mode():
            logits = self.network(**inputs).logits.float()  # (1, C, h, w)
            figure = logits.sigmoid() if logits.shape[1] == 1 else self._share(logits.softmax(dim=1))
            size = (picture.height, picture.width)
            figure = functional.interpolate(figure, size=size, mode="bilinear", align_corners=False)
            first, last = EDGE
            return ((figure - first) / (last - first)).clamp(0, 1)[0, 0].cpu().numpy()

    def _share(self, chances: torch.Tensor) -> torch.Tensor:
        return 1 - chances[:, self.ground].sum(dim=1, keepdim=True)


def _ground_of(config: Any) -> list[int]:
    """Return the kinds of pixels that are ground. Raises ValueError where none says so."""
    names = {int(number): str(name).lower() for number, name in config.id2label.items()}
    found = [number for number, name in names.items() if name in GROUND_LABELS]
    if len(names) > 1 and not found:
        raise ValueError("The model calls no kind of pixel background.")
    return found
