"""Any text-to-image or image-to-image model that diffusers can load."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image

from ecomai.learning.devices import find_device
from ecomai.learning.quiet import silence_transformers

silence_transformers()


class PictureModel:
    """A pipeline of diffusers that draws from words, or draws a picture anew.

    Parameters
    ----------
    pipeline : diffusers.DiffusionPipeline
    """

    def __init__(self, pipeline: Any) -> None:
        self.pipeline = pipeline

    @classmethod
    def load(cls, name: str, *, is_from_picture: bool, device: str = "auto") -> "PictureModel":
        """Load a pipeline from a folder, or from the cache of downloads by its name.

        Weights are read from safetensors only, nothing is downloaded, and no code that comes with a model is
        run.

        Parameters
        ----------
        name : str
            A folder, or a name such as `organisation/model`.
        is_from_picture : bool
            Whether it draws a picture anew; else it draws from words alone.
        device : {"auto", "cpu", "cuda", ...}, default "auto"

        Returns
        -------
        PictureModel

        Raises
        ------
        ImportError
            If diffusers is not installed.
        OSError, ValueError
            If there is no such model, or it cannot be read.
        """
        from diffusers import AutoPipelineForImage2Image, AutoPipelineForText2Image

        kind = AutoPipelineForImage2Image if is_from_picture else AutoPipelineForText2Image
        if Path(name).is_dir():
            _check_weights(Path(name))
        found = find_device(device)
        pipeline = kind.from_pretrained(
            name, use_safetensors=True, local_files_only=True, trust_remote_code=False,
            dtype=torch.float16 if found.type == "cuda" else torch.float32,
        )  # fmt: skip
        pipeline.set_progress_bar_config(disable=True)
        return cls(pipeline.to(found))

    def draw(
        self, words: str, *, original: Image | None = None, side: int = 512, n_steps: int = 30,
        strength: float = 0.6, random_state: int = 0, on_step: Callable[[float], None] | None = None,
    ) -> Image | None:  # fmt: skip
        """Return a picture, or nothing where the model's own filter withholds it.

        Parameters
        ----------
        words : str
            What it shows.
        original : PIL.Image.Image, optional
            What is drawn anew, for a pipeline that was loaded so.
        side : int, default 512
            Of a picture from words, in pixels.
        n_steps : int, default 30
            The more, the slower and the finer.
        strength : float in (0, 1], default 0.6
            How far it may leave the original.
        random_state : int, default 0
            The same makes the same picture, on the same kind of device.
        on_step : callable, optional
            Gets the share that is done; what it raises ends the drawing.

        Returns
        -------
        PIL.Image.Image or None
        """
        generator = torch.Generator(device="cpu").manual_seed(random_state)
        given: dict[str, Any] = {"prompt": words, "num_inference_steps": n_steps, "generator": generator}
        if original is None:
            given |= {"height": side, "width": side}
        else:
            given |= {"image": original, "strength": strength}
        if on_step is not None:
            given["callback_on_step_end"] = _told(on_step, n_steps)
        with torch.inference_mode():
            answer = self.pipeline(**given)
        is_withheld = bool((getattr(answer, "nsfw_content_detected", None) or [False])[0])
        return None if is_withheld else answer.images[0].convert("RGB")


def _check_weights(folder: Path) -> None:
    """Refuse a folder without safetensors, before diffusers looks for other files in it."""
    if not any(folder.glob("*/*.safetensors")):
        raise ValueError(f"{folder.name} has no weights in safetensors.")


def _told(on_step: Callable[[float], None], n_steps: int) -> Callable[..., dict[str, Any]]:
    def tell(_pipeline: Any, step: int, _time: Any, values: dict[str, Any]) -> dict[str, Any]:
        on_step((step + 1) / n_steps)
        return values

    return tell
