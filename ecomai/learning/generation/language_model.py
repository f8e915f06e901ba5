"""Any causal or seq2seq language model that transformers can load."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event, Thread
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    StoppingCriteria,
    StoppingCriteriaList,
    TextIteratorStreamer,
)

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
    def load(cls, name: str, *, device: str = "auto", adapter: str = "") -> "LanguageModel":
        """Load a model from a folder, or from the cache of downloads by its name.

        Weights are read from safetensors only, and no code that comes with a model is run.

        Parameters
        ----------
        name : str
            A folder, or a name such as `organisation/model`.
        device : {"auto", "cpu", "cuda", ...}, default "auto"
        adapter : str, default ""
            A folder that `AnswerAdapter.save` wrote for this very model; added to its weights.

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
        if adapter:
            # Adapters need peft, which a worker that only writes may not have.
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, adapter, use_safetensors=True).merge_and_unload()
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
        inputs, settings = self._asked(messages, max_new_tokens, temperature)
        with torch.inference_mode():
            tokens = self.model.generate(**inputs, **settings)  # (1, T + new), or (1, new) of a decoder
        start = 0 if self.model.config.is_encoder_decoder else inputs["input_ids"].shape[1]
        return str(self.tokenizer.decode(tokens[0, start:], skip_special_tokens=True)).strip()

    def stream(
        self, messages: Sequence[Mapping[str, str]], *, max_new_tokens: int = 400, temperature: float = 0.0
    ) -> Iterator[str]:
        """Yield the answer to chat messages as it is written, some words at a time.

        Who stops listening, by `close()` or by leaving the loop, stops the model at its next token.

        Parameters
        ----------
        messages, max_new_tokens, temperature
            As in `generate`.

        Yields
        ------
        str
            The next part of the answer, spaces included.
        """
        inputs, settings = self._asked(messages, max_new_tokens, temperature)
        streamer = TextIteratorStreamer(self.tokenizer, skip_prompt=True, skip_special_tokens=True)
        is_unheard = Event()
        faults: list[Exception] = []

        def write() -> None:
            try:
                with torch.inference_mode():
                    self.model.generate(
                        **inputs, **settings, streamer=streamer,
                        stopping_criteria=StoppingCriteriaList([_Unheard(is_unheard)]),
                    )  # fmt: skip
            except Exception as fault:
                faults.append(fault)
                streamer.end()

        writer = Thread(target=write, name="ecomai-language-model", daemon=True)
        writer.start()
        try:
            yield from streamer
        finally:
            is_unheard.set()
            writer.join()
        if faults:
            raise faults[0]

    def _asked(
        self, messages: Sequence[Mapping[str, str]], max_new_tokens: int, temperature: float
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what the model is given, and how it is to write."""
        room = self._room(max_new_tokens)
        inputs = self.tokenizer(
            self.prompt_of(messages), return_tensors="pt", truncation=room is not None, max_length=room
        )
        settings: dict[str, Any] = {"max_new_tokens": max_new_tokens, "pad_token_id": self.pad_token_id}
        settings["do_sample"] = temperature > 0
        if temperature > 0:
            settings["temperature"] = temperature
        return {
            name: inputs[name].to(self.model.device) for name in ("input_ids", "attention_mask")
        }, settings  # (1, T)

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

    @property
    def pad_token_id(self) -> int:
        """What fills up shorter rows; nobody looks at it."""
        for token in (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id):
            if token is not None:
                return int(token)
        return 0


class _Unheard(StoppingCriteria):
    """Stops where nobody listens any more."""

    def __init__(self, is_unheard: Event) -> None:
        self.is_unheard = is_unheard

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        return torch.full((len(input_ids),), self.is_unheard.is_set(), device=input_ids.device)
