"""Any causal or seq2seq language model that transformers can load."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from ecomai.learning.devices import find_device
from ecomai.learning.quiet import silence_transformers

silence_transformers()


class LanguageModel:
    """A tokenizer and a model that answers chat messages.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        Causal, or an encoder with a decoder.
    tokenizer : transformers.PreTrainedTokenizerBase
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model = model
        self.tokenizer = tokenizer

    @classmethod
    def load(cls, name: str, *, device: str = "auto") -> "LanguageModel":
        """Load a model from a folder, or from the cache of downloads by its name.

        Weights are read from safetensors only, and no code that comes with a model is run.

        Parameters
        ----------
        name : str
            A folder, or a name such as `organisation/model`.
        device : {"auto", "cpu", "cuda", ...}, default "auto"

        Returns
        -------
        LanguageModel

        Raises
        ------
        OSError, ValueError
            If there is no such model, or it cannot be read.
        """
        safe: dict[str, Any] = {"trust_remote_code": False, "local_files_only": Path(name).is_dir()}
        config = AutoConfig.from_pretrained(name, **safe)
        kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        tokenizer = AutoTokenizer.from_pretrained(name, **safe)
        model = kind.from_pretrained(name, use_safetensors=True, dtype="auto", **safe)
        return cls(model.to(find_device(device)).eval(), tokenizer)

    def generate(
        self, messages: Sequence[Mapping[str, str]], *, max_new_tokens: int = 400, temperature: float = 0.0
    ) -> str:
        """Return the answer to chat messages.

        Parameters
        ----------
        messages : sequence of {"role": str, "content": str}
        max_new_tokens : int, default 400
        temperature : float in [0, inf), default 0
            0 takes the likeliest token each time.

        Returns
        -------
        str
            What the model wrote after the messages, without special tokens.
        """
        prompt = self.prompt_of(messages)
        room = self._room(max_new_tokens)
        inputs = self.tokenizer(prompt, return_tensors="pt", truncation=room is not None, max_length=room)
        inputs = {
            name: inputs[name].to(self.model.device) for name in ("input_ids", "attention_mask")
        }  # (1, T)
        sampling: dict[str, Any] = {"do_sample": temperature > 0}
        if temperature > 0:
            sampling["temperature"] = temperature
        with torch.inference_mode():
            tokens = self.model.generate(
                **inputs, max_new_tokens=max_new_tokens, pad_token_id=self._pad(), **sampling
            )  # (1, T + new), or (1, new) of a decoder
        start = 0 if self.model.config.is_encoder_decoder else inputs["input_ids"].shape[1]
        return str(self.tokenizer.decode(tokens[0, start:], skip_special_tokens=True)).strip()

    def prompt_of(self, messages: Sequence[Mapping[str, str]]) -> str:
        """Return messages in the model's own form of a chat, or one after another where it has none."""
        if getattr(self.tokenizer, "chat_template", None):
            return str(
                self.tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
            )
        return "\n\n".join(message["content"] for message in messages) + "\n\n"

    def _room(self, max_new_tokens: int) -> int | None:
        """How long a prompt may be, so that the answer fits behind it."""
        positions = getattr(self.model.config, "max_position_embeddings", None)
        if not positions:
            return None
        return int(positions if self.model.config.is_encoder_decoder else max(positions - max_new_tokens, 1))

    def _pad(self) -> int:
        for token in (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id):
            if token is not None:
                return int(token)
        return 0
