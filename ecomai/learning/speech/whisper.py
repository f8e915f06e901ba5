"""Whisper, or any other model for speech to text that transformers loads."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSpeechSeq2Seq, AutoProcessor

from ecomai.learning.devices import find_device
from ecomai.learning.quiet import silence_transformers

silence_transformers()
RATE = 16_000
MAX_NEW_TOKENS = 200


class WhisperRecogniser:
    """A model and the processor of its sound.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    processor : transformers.ProcessorMixin
    """

    def __init__(self, model: Any, processor: Any) -> None:
        self.model = model
        self.processor = processor

    @classmethod
    def load(cls, name: str, *, device: str = "auto") -> "WhisperRecogniser":
        """Load a model from a folder, or from the cache of downloads by its name.

        Weights are read from safetensors only, and no code that comes with a model is run.

        Raises
        ------
        OSError, ValueError
            If there is no such model, or it cannot be read.
        """
        safe: dict[str, Any] = {"trust_remote_code": False, "local_files_only": Path(name).is_dir()}
        processor = AutoProcessor.from_pretrained(name, **safe)
        model = AutoModelForSpeechSeq2Seq.from_pretrained(name, use_safetensors=True, **safe)
        return cls(model.to(find_device(device)).eval(), processor)

    def transcribe(self, samples: NDArray[np.int16], *, seconds: float = 60.0) -> str:
        """Return what was said; generation ends after so many seconds with what was heard until then.

        Parameters
        ----------
        samples : int16 array of shape (n_samples,)
            16,000 a second.
        seconds : float, default 60
        """
        sound = samples.astype(np.float32) / 32768.0
        inputs = self.processor(sound, sampling_rate=RATE, return_tensors="pt").to(self.model.device)
        with torch.inference_mode():
            tokens = self.model.generate(**inputs, max_new_tokens=MAX_NEW_TOKENS, max_time=seconds)  # (1, T)
        return str(self.processor.batch_decode(tokens, skip_special_tokens=True)[0]).strip()
